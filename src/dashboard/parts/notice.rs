//! What stands where there is nothing to show: because there is none, or because it could not be read.

use std::sync::Arc;

use maud::{Markup, html};

use crate::dashboard::failure::Failure;
use crate::error::SchedulerError;

/// There is nothing, and what a viewer may do about it.
pub(in crate::dashboard) fn empty(what: &str, advice: &str) -> Markup {
    html! {
        div.empty { p { (what) } @if !advice.is_empty() { p.muted { (advice) } } }
    }
}

/// A part of a page, or why it could not be read. The other parts are there.
pub(in crate::dashboard) fn part<T>(
    read: Result<T, Arc<SchedulerError>>,
    show: impl FnOnce(T) -> Markup,
) -> Markup {
    match read {
        Ok(found) => show(found),
        Err(error) => unread(&Failure::from(error)),
    }
}

fn unread(failure: &Failure) -> Markup {
    failure.log();
    let words = failure.words();
    html! {
        div.failure role="alert" {
            p { strong { (words.title) ". " } (words.text) }
            @if !words.advice.is_empty() { p.muted { (words.advice) } }
        }
    }
}
