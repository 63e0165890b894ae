//! The pages that ask before a schedule is made, changed or deleted.

use maud::{Markup, html};

use super::fields::{input, number, payload_area, problem, task_field, when};
use super::schedule_form::{Form, Preview};
use crate::dashboard::links;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::form::{Weight, action};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::text::{name, plain};
use crate::dashboard::parts::time::moment_and_age;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::schedule::Overlap;
use crate::store::tasks::PublishedTask;

/// What stands above the fields of a form.
#[derive(Debug)]
pub(super) enum Above {
    Nothing,
    /// Why nothing was stored, or why there is no preview.
    Problem(String),
    Preview(Preview),
}

/// What a viewer knows of the payload that a schedule has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Whole,
    /// Not as it is, so the field is empty.
    Hidden,
}

/// Shows the form of a schedule that is made, or changed.
pub(super) fn page(
    deed: Deed,
    form: &Form,
    above: &Above,
    payload: Seen,
    tasks: &[PublishedTask],
    visit: &Visit,
) -> Page {
    let (title, target, back) = match deed {
        Deed::UpdateSchedule => (
            format!("Change schedule {}", plain(&form.name)),
            action(deed, ("name", &form.name)),
            links::schedule(&form.name),
        ),
        _ => ("New schedule".to_owned(), deed.path().to_owned(), "schedules".to_owned()),
    };
    let body = html! {
        h1 { (title) }
        (shown(above, visit))
        form.act.two method="post" action=(target) autocomplete="off" {
            @if deed == Deed::UpdateSchedule { input type="hidden" name="seen" value=(form.seen); }
            @else { (input("name", "Name, such as acme/weekly", &form.name)) }
            (task_field(&form.task, tasks))
            (input("expression", "Expression, such as 30 2 * * mon-fri", &form.expression))
            (input("zone", "Zone, empty for UTC", &form.zone))
            (payload_area("Payload, a JSON object", &form.payload))
            @if payload == Seen::Hidden { p.muted.whole { "You do not see the payload as it is. Leave the field empty to keep it." } }
            (overlap(&form.overlap))
            (number("catch_up", "Missed fires that are made up for", &form.catch_up, "1"))
            (when("starts_at", "From, in UTC", &form.starts_at))
            (when("ends_at", "Until, in UTC", &form.ends_at))
            (number("jitter_seconds", "Spread over so many seconds", &form.jitter_seconds, "0"))
            (input("queue", "Queue, empty for the task's", &form.queue))
            (number("priority", "Priority, smaller runs first", &form.priority, "the task's"))
            (number("max_attempts", "Attempts at most", &form.max_attempts, "the task's"))
            (input("key", "Key, for skip and replace", &form.key))
            (input("flags", "Flags, with commas between", &form.flags))
            label.check.whole { input type="checkbox" name="paused" checked[!form.paused.is_empty()]; "Paused" }
            div.actions.whole {
                button.button.main type="submit" { "Save" }
                button.button type="submit" name="what" value="preview" { "Preview" }
                a.button href=(back) { "Back" }
            }
        }
    };
    Page::still(title.clone(), Place::Schedules, body)
}

/// Shows the question before a schedule is deleted.
pub(super) fn deletion(schedule: &str) -> Page {
    let title = format!("Delete schedule {}?", plain(schedule));
    let body = html! {
        h1 { "Delete schedule " (name(schedule)) "?" }
        p { "It fires no more. Its jobs and the list of its fires stay until their retention is over." }
        form.act method="post" action=(action(Deed::DeleteSchedule, ("name", schedule))) {
            div.actions {
                button class=(Weight::Danger.class()) type="submit" { "Delete the schedule" }
                a.button href=(links::schedule(schedule)) { "Back" }
            }
        }
    };
    Page::still(title, Place::Schedules, body)
}

fn shown(above: &Above, visit: &Visit) -> Markup {
    match above {
        Above::Nothing => html! {},
        Above::Problem(why) => problem(Some(why)),
        Above::Preview(preview) => html! {
            section.well role="status" aria-labelledby="preview" {
                h2 #preview { "It fires " (preview.words) }
                @if preview.fires.is_empty() { (empty("It will not fire.", "It would have ended.")) }
                ul.plain { @for at in &preview.fires { li { (moment_and_age(*at, visit.now)) } } }
                p.muted { "Nothing was changed." }
            }
        },
    }
}

fn overlap(chosen: &str) -> Markup {
    let words = |policy: Overlap| match policy {
        Overlap::Allow => "allow: add another job",
        Overlap::Skip => "skip: add none while an earlier job lives",
        Overlap::Replace => "replace: take the place of a waiting job",
    };
    html! {
        label {
            "Overlap"
            select name="overlap" {
                @for policy in Overlap::ALL {
                    option value=(policy.as_str()) selected[policy.as_str() == chosen] { (words(policy)) }
                }
            }
        }
    }
}
