//! The groups of errors: those of one task whose first lines differ only in numbers and quoted texts.

use std::time::Duration;

use maud::{Markup, html};
use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::link;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::number::count;
use crate::dashboard::parts::text::{dash, first_line, name};
use crate::dashboard::parts::time::{moment, only_age};
use crate::dashboard::state::HOUR;
use crate::dashboard::visit::Visit;
use crate::store::errors::ErrorGroup;

/// How far to look back.
const SPANS: [(&str, Duration); 3] =
    [("1h", HOUR), ("24h", Duration::from_secs(24 * 3600)), ("7d", Duration::from_secs(7 * 24 * 3600))];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    since: String,
    task: String,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let wanted: Wanted = visit.query()?;
    let (span, ago) = wanted.span()?;
    let mut groups = visit.scheduler().errors(ago).await?;
    groups.retain(|group| wanted.task.is_empty() || group.task == wanted.task);
    let body = html! {
        h1 { "Errors" }
        nav.tabs aria-label="How far to look back" {
            @for (name, _) in SPANS {
                a href=(link("errors", &[("since", name), ("task", &wanted.task)]))
                    aria-current=[(name == span).then_some("true")] { "last " (name) }
            }
        }
        @if !wanted.task.is_empty() {
            p { "Of the task " (name(&wanted.task)) ". " a href=(link("errors", &[("since", span)])) { "All tasks" } }
        }
        @if groups.is_empty() {
            (empty("No attempt has failed in this time.", "Errors are stored within ten seconds."))
        } @else {
            (table(&groups, visit))
        }
    };
    Ok(Page::live("Errors", Place::Errors, body))
}

impl Wanted {
    fn span(&self) -> Result<(&'static str, Duration), Failure> {
        let since = if self.since.is_empty() { SPANS[0].0 } else { &self.since };
        let known = SPANS.into_iter().find(|(name, _)| *name == since);
        known.ok_or_else(|| {
            let names = SPANS.map(|(name, _)| name).join(", ");
            Failure::Invalid(format!("since must be one of {names}"))
        })
    }
}

fn table(groups: &[ErrorGroup], visit: &Visit) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Errors" {
            table {
                thead { tr {
                    th.number scope="col" { "Failed" }
                    th.number scope="col" { "Dead" }
                    th scope="col" { "Task" }
                    th scope="col" { "Error" }
                    th.wide scope="col" { "First seen" }
                    th scope="col" { "Last seen" }
                } }
                tbody { @for group in groups { (line(group, visit)) } }
            }
        }
    }
}

fn line(group: &ErrorGroup, visit: &Visit) -> Markup {
    let is_of_others = group.fingerprint == ErrorGroup::OTHERS;
    html! {
        tr {
            td.number { (count(group.failed)) }
            td.number { (count(group.dead)) }
            td.clip { @if is_of_others { (dash()) } @else { (name(&group.task)) } }
            td.clip {
                @if is_of_others { "all errors without a group" } @else {
                    a href=(link("error", &[("fingerprint", &group.fingerprint)])) { (first_line(&group.summary)) }
                }
            }
            td.nowrap.wide { (moment(group.first_seen)) }
            td.nowrap { (only_age(group.last_seen, visit.now)) }
        }
    }
}
