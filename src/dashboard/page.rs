//! The frame around every screen: head, navigation, message of the last action.

use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;

use super::access::Rights;
use super::assets::{DASHBOARD, HTMX, ICON, STYLE};
use super::failure::Failure;
use super::links::HOME;
use super::parts::text::name;
use super::visit::Visit;

/// One screen.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) body: Markup,
}

/// Where a page belongs in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Jobs,
    Queues,
    Tasks,
    Schedules,
    Errors,
    Workers,
    Operations,
    Workflows,
    Audit,
    Nowhere,
}

/// Whether a page changes while it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Live,
    /// It has a form to be filled in, or a failure.
    Still,
}

// With the key that goes there after `g`.
const PLACES: [(Place, &str, &str, &str); 10] = [
    (Place::Overview, HOME, "Overview", "o"),
    (Place::Jobs, "jobs", "Jobs", "j"),
    (Place::Workflows, "workflows", "Workflows", "f"),
    (Place::Queues, "queues", "Queues", "q"),
    (Place::Tasks, "tasks", "Tasks", "t"),
    (Place::Schedules, "schedules", "Schedules", "s"),
    (Place::Errors, "errors", "Errors", "e"),
    (Place::Workers, "workers", "Workers", "w"),
    (Place::Operations, "operations", "Operations", "p"),
    (Place::Audit, "audit", "Audit", "a"),
];

// What else the script does at a key.
const KEYS: [(&str, &str); 6] = [
    ("?", "show these keys"),
    ("/", "go to the first field of a filter"),
    ("j", "go to the next line of a table"),
    ("k", "go to the line before"),
    ("r", "read the page again"),
    ("l", "switch live updates on or off"),
];

// Actions redirect with the name of what they did. A name that is not here shows nothing, so no link can put words here.
const DONE: [(&str, &str); 27] = [
    ("job-added", "The job is added."),
    ("retried", "The job waits again, with all its attempts."),
    ("cancelled", "The job is cancelled."),
    ("cancelling", "The job runs, and was told to end. It ends as cancelled, unless it succeeds first."),
    ("rescheduled", "The job is rescheduled."),
    ("released", "The job waits for no other job any more."),
    ("cleared", "The steps are forgotten. The next attempt does each of them again."),
    ("deleted", "The job is deleted."),
    (
        "workflow-retried",
        "The dead jobs wait again, with all their attempts. The others go on when they succeed.",
    ),
    ("workflow-cancelled", "The jobs that waited are cancelled, and those that run were told to end."),
    ("workflow-closed", "No job was left to cancel. The workflow takes no more jobs."),
    ("workflow-partly", "Some jobs are changed, and others could not be. The list of acts has how many."),
    ("signal-sent", "The signal is sent. Jobs that wait for nothing else any more go on."),
    ("queue-paused", "The queue is paused. Running jobs finish, and no other starts."),
    ("queue-resumed", "The queue goes on."),
    ("schedule-paused", "The schedule is paused. It fires no more until it is resumed."),
    ("schedule-resumed", "The schedule goes on."),
    ("schedule-created", "The schedule is created."),
    ("schedule-changed", "The schedule is changed."),
    ("schedule-deleted", "The schedule is deleted."),
    ("added", "The operation is added. It goes on by itself, and this page shows how far it is."),
    ("operation-paused", "The operation pauses. What it has done stays."),
    ("operation-resumed", "The operation goes on where it stopped."),
    ("operation-stopped", "The operation is stopped. What it has done stays."),
    ("enqueued", "The schedule has fired, and its job is enqueued."),
    ("skipped", "The schedule has fired without a job, because an earlier job lives."),
    ("replaced", "The schedule has fired, and its job took the place of the one that waited."),
];

#[derive(Deserialize)]
struct Done {
    #[serde(default)]
    did: String,
}

impl Page {
    /// A page that shows what is there now.
    pub(super) fn live(title: impl Into<String>, place: Place, body: Markup) -> Self {
        Self { title: title.into(), place, kind: Kind::Live, body }
    }

    /// A page that stays as it is.
    pub(super) fn still(title: impl Into<String>, place: Place, body: Markup) -> Self {
        Self { title: title.into(), place, kind: Kind::Still, body }
    }
}

/// Writes a page, with the message of the action that led to it.
pub(super) fn write(page: &Page, visit: &Visit) -> String {
    let did = visit.query::<Done>().map(|done| done.did).unwrap_or_default();
    let message = DONE.iter().find(|(name, _)| *name == did).map(|(_, words)| *words);
    let message = html! { @if let Some(message) = message { p.message role="status" { (message) } } };
    frame(page, visit, &message)
}

/// Writes the page of a failure.
pub(super) fn write_failure(failure: &Failure, visit: &Visit) -> String {
    let words = failure.words();
    let body = html! {
        h1 { (words.title) }
        div.failure role="alert" {
            p { (words.text) }
            @if !words.advice.is_empty() { p.muted { (words.advice) } }
            p {
                @if let Failure::NotDone { back, .. } = failure { a href=(back) { "Back" } }
                @else { a href=(HOME) { "To the overview" } }
            }
        }
    };
    frame(&Page::still(words.title, Place::Nowhere, body), visit, &html! {})
}

fn frame(page: &Page, visit: &Visit, message: &Markup) -> String {
    let version = visit.version.as_deref().unwrap_or_default();
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&page.title))
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    a.brand href=(HOME) { "Mainspring" }
                    (schedulers(page.place, visit))
                    (navigation(page.place))
                    span.viewer {
                        @if visit.rights == Rights::none() { span.tag { "read-only" } }
                        span #live {}
                    }
                }
                main #main tabindex="-1" data-live=[(page.kind == Kind::Live).then_some(version)] {
                    (message)
                    (page.body)
                }
                (keys())
            }
        }
    };
    markup.into_string()
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="robots" content="noindex";
            // The script adds no style, leaves the address alone, and what a viewer has opened stays open.
            meta name="htmx-config" content="{\"includeIndicatorCSS\":false,\"history\":false,\"morphIgnore\":[\"data-htmx-powered\",\"open\"]}";
            title { (title) " · Mainspring" }
            link rel="icon" href=(ICON.name);
            link rel="stylesheet" href=(STYLE.name);
            script src=(HTMX.name) defer {}
            script src=(DASHBOARD.name) defer {}
        }
    }
}

// The choice between several. Each leads to the same screen.
fn schedulers(here: Place, visit: &Visit) -> Markup {
    let path = PLACES.iter().find(|(place, ..)| *place == here).map_or(HOME, |(_, path, ..)| *path);
    let screen = if path == HOME { "" } else { path };
    let choices = visit.several.choices(&visit.state, &visit.request);
    html! {
        @if !choices.is_empty() {
            nav.schedulers aria-label="Schedulers" {
                ul {
                    @for choice in &choices {
                        li {
                            @if let Some(link) = &choice.link { a href={ (link) (screen) } { (name(choice.name)) } }
                            @else { a href=(path) aria-current="true" { (name(choice.name)) } }
                        }
                    }
                }
            }
        }
    }
}

fn navigation(here: Place) -> Markup {
    html! {
        nav aria-label="Screens" {
            ul {
                @for (place, path, name, key) in PLACES {
                    li { a href=(path) data-key=(key) aria-current=[(place == here).then_some("page")] { (name) } }
                }
            }
        }
    }
}

// Opened by the script.
fn keys() -> Markup {
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl.keys {
                @for (key, what) in KEYS { div { dt { kbd { (key) } } dd { (what) } } }
                @for (_, _, name, key) in PLACES { div { dt { kbd { "g" } " " kbd { (key) } } dd { "go to " (name) } } }
            }
            p { label.check { input type="checkbox" id="keys-on"; "Use these keys" } }
            button.button type="button" id="keys-close" { "Close" }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_place_has_a_key_of_its_own() {
        let keys: BTreeSet<&str> = PLACES.iter().map(|(_, _, _, key)| *key).collect();
        assert_eq!(keys.len(), PLACES.len());
        assert!(keys.iter().all(|key| key.len() == 1), "{keys:?}");
    }
}
