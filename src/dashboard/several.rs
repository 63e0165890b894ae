//! The schedulers of one dashboard, and the part of the path that each but the first has. Links between the pages of one scheduler are
//! relative, so they need not know it.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::links::{HOME, UP};
use super::state::{AccessOf, PayloadOf, State};
use crate::scheduler::Scheduler;

/// Parts of paths that mean something else.
const RESERVED: [&str; 1] = ["api"];

/// One or more schedulers, in the order in which they were added.
#[derive(Debug, Clone)]
pub(super) struct Several {
    first: Arc<State>,
    others: Vec<Other>,
}

/// A scheduler with pages below those of the first.
#[derive(Debug, Clone)]
struct Other {
    part: String,
    state: Arc<State>,
}

/// What a path is about.
pub(super) enum Place<'a> {
    /// A scheduler, and the path below its pages.
    Of(&'a Arc<State>, &'a str),
    /// The pages of a scheduler, without the slash against which links are resolved.
    WithoutSlash(&'a Arc<State>, &'a str),
}

/// A scheduler in the choice.
pub(super) struct Choice<'a> {
    pub(super) name: &'a str,
    /// From a page of the scheduler that is shown to the overview of this one; `None` for the one that is shown.
    pub(super) link: Option<String>,
}

impl Several {
    pub(super) fn new(first: State) -> Self {
        Self { first: Arc::new(first), others: Vec::new() }
    }

    pub(super) fn first(&self) -> &State {
        &self.first
    }

    pub(super) fn first_named(&self, name: String) -> Self {
        Self { first: Arc::new(State { name, ..State::clone(&self.first) }), others: self.others.clone() }
    }

    /// The same with another scheduler.
    pub(super) fn with(&self, name: String, scheduler: &Scheduler, access: AccessOf) -> Self {
        let part = self.part_of(&name);
        let mut state = State::new(name, scheduler, access);
        state.payloads.clone_from(&self.first.payloads);
        let mut several = self.clone();
        several.others.push(Other { part, state: Arc::new(state) });
        several
    }

    /// The same with another view of payloads.
    pub(super) fn with_payloads(&self, payloads: &PayloadOf) -> Self {
        let seen = |state: &State| {
            let payloads = Some(Arc::clone(payloads));
            Arc::new(State { payloads, ..state.clone() })
        };
        let others =
            self.others.iter().map(|Other { part, state }| Other { part: part.clone(), state: seen(state) });
        Self { first: seen(&self.first), others: others.collect() }
    }

    /// Finds the scheduler that a path below the prefix is about. The path begins with a slash, or is empty.
    pub(super) fn find<'a>(&'a self, path: &'a str) -> Place<'a> {
        let Some(path) = path.strip_prefix('/') else { return Place::WithoutSlash(&self.first, "") };
        let (part, rest) = path.split_once('/').map_or((path, None), |(part, rest)| (part, Some(rest)));
        let other = self.others.iter().find(|other| other.part == part);
        match (other, rest) {
            (Some(other), Some(rest)) => Place::Of(&other.state, rest),
            (Some(other), None) if !super::routes::is_known(part) => Place::WithoutSlash(&other.state, part),
            (Some(_), None) | (None, _) => Place::Of(&self.first, path),
        }
    }

    /// The schedulers that the request may read, if there is a choice. `here` is the one that is shown.
    pub(super) fn choices(&self, here: &Arc<State>, request: &HttpRequest) -> Vec<Choice<'_>> {
        let from_first = Arc::ptr_eq(here, &self.first);
        let up = if from_first { HOME } else { UP };
        let first = (&self.first, up.to_owned());
        let others = self.others.iter().map(|other| (&other.state, format!("{up}{}/", other.part)));
        let readable = std::iter::once(first)
            .chain(others)
            .filter(|(state, _)| (state.access)(request).rights().is_some());
        let choices: Vec<Choice<'_>> = readable
            .map(|(state, link)| Choice {
                name: &state.name,
                link: (!Arc::ptr_eq(state, here)).then_some(link),
            })
            .collect();
        if choices.len() > 1 { choices } else { Vec::new() }
    }

    fn part_of(&self, name: &str) -> String {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        let part: String = name.chars().map(|letter| if plain(letter) { letter } else { '-' }).collect();
        let taken = |part: &str| {
            part.is_empty() || RESERVED.contains(&part) || self.others.iter().any(|other| other.part == part)
        };
        let numbered = (2..).map(|number| format!("{part}-{number}"));
        std::iter::once(part.clone()).chain(numbered).find(|part| !taken(part)).unwrap_or(part)
    }
}
