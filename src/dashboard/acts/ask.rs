//! The pages that ask before an act: whether it is meant, why, or for its values.

use maud::{Markup, html};
use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::form::{Weight, action};
use crate::dashboard::parts::text::name;
use crate::dashboard::parts::time::moment;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::store::jobs::Job;

#[derive(Deserialize)]
struct Of {
    id: i64,
}

/// Shows the page of a deed on a job. Other deeds ask nothing.
pub(super) async fn show(visit: &Visit, deed: Deed) -> Result<Page, Failure> {
    let Of { id } = visit.query()?;
    let job = visit.scheduler().jobs().get(id).await?;
    let job = job.ok_or_else(|| Failure::NotFound(format!("There is no job {id}.")))?;
    let (title, button, weight, fields) = match deed {
        Deed::CancelJob => (format!("Cancel job {id}?"), "Cancel the job", Weight::Danger, reason()),
        Deed::DeleteJob => (format!("Delete job {id}?"), "Delete the job", Weight::Danger, deletion()),
        Deed::ReleaseJob => (format!("Release job {id}?"), "Release the job", Weight::Main, release()),
        Deed::ClearSteps => {
            (format!("Forget the steps of job {id}?"), "Forget the steps", Weight::Danger, forgetting())
        }
        Deed::RescheduleJob => (format!("Reschedule job {id}"), "Change", Weight::Main, values(&job)),
        Deed::AddJob
        | Deed::RetryJob
        | Deed::PauseQueue
        | Deed::ResumeQueue
        | Deed::PauseSchedule
        | Deed::ResumeSchedule
        | Deed::TriggerSchedule
        | Deed::CreateSchedule
        | Deed::UpdateSchedule
        | Deed::DeleteSchedule
        | Deed::ActOnMany
        | Deed::PauseOperation
        | Deed::ResumeOperation
        | Deed::StopOperation
        | Deed::RetryWorkflow
        | Deed::CancelWorkflow
        | Deed::SendSignal => return Err(Failure::NoPage),
    };
    let of = id.to_string();
    let body = html! {
        h1 { (title) }
        p { "Task " strong { (name(&job.task)) } @if let Some(key) = &job.key { ", key " strong { (name(key)) } } "." }
        form.act method="post" action=(action(deed, ("id", &of))) {
            (fields)
            div.actions {
                button class=(weight.class()) type="submit" { (button) }
                a.button href=(links::job(id)) { "Back" }
            }
        }
    };
    Ok(Page::still(title, Place::Jobs, body))
}

fn reason() -> Markup {
    html! {
        p { "A waiting job is gone at once, with a line in the history. A running one is told to end." }
        label { "Reason, for the history" input type="text" name="reason" maxlength="500" autocomplete="off"; }
    }
}

fn deletion() -> Markup {
    html! { p { "It is gone for good, without a line in the history." } }
}

fn release() -> Markup {
    html! {
        p {
            "It waits for no other job and no signal any more, and runs when its time has come. What it waited for stays as it is."
        }
    }
}

fn forgetting() -> Markup {
    html! { p { "Its next attempt does each of them again, also those whose effects cannot be repeated." } }
}

/// The fields of changes to many jobs.
pub(super) fn fields_of_changes() -> Markup {
    html! {
        p { "An empty field changes nothing." }
        label { "Due at, in UTC" input type="datetime-local" name="run_at" step="1"; }
        label.check { input type="checkbox" name="when" value="now"; "Due now" }
        label { "Priority, smaller runs first" input type="number" name="priority" min="-32768" max="32767"; }
        label { "Attempts that count as made" input type="number" name="attempts" min="0" max="32767"; }
        label { "Attempts at most" input type="number" name="max_attempts" min="1" max="32767"; }
    }
}

fn values(job: &Job) -> Markup {
    html! {
        p { "An empty field changes nothing. Now it is due at " (moment(job.run_at)) "." }
        label { "Due at, in UTC" input type="datetime-local" name="run_at" step="1"; }
        label.check { input type="checkbox" name="when" value="now"; "Due now" }
        label { "Priority, smaller runs first" input type="number" name="priority" min="-32768" max="32767" placeholder=(job.priority); }
        label { "Attempts that count as made" input type="number" name="attempts" min="0" max="32767" placeholder=(job.attempts); }
        label {
            "Attempts at most"
            input type="number" name="max_attempts" min="1" max="32767" placeholder=[job.max_attempts];
        }
    }
}
