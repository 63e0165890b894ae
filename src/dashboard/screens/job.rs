//! One job: where it stands, why it waits, its attempts, its payload, and what may be done to it.

use maud::{Markup, html};
use serde::Deserialize;

use super::audit::acts_on;
use super::ties;
use crate::dashboard::access::Right;
use crate::dashboard::failure::Failure;
use crate::dashboard::links;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::audit_table;
use crate::dashboard::parts::fact::fact;
use crate::dashboard::parts::form::{Weight, asking, button};
use crate::dashboard::parts::job_table::state;
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::text::{json, lines, name, name_or_dash};
use crate::dashboard::parts::time::moment_and_age;
use crate::dashboard::payloads::Payload;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::job::operation::is_reserved;
use crate::store::jobs::{AttemptError, Explanation, Job, JobStatus, JobStep};
use crate::store::workflows::pages::NamedWorkflow;

#[derive(Deserialize)]
struct Wanted {
    id: i64,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let Wanted { id } = visit.query()?;
    of_id(visit, id).await
}

/// The page of this job.
pub(super) async fn of_id(visit: &Visit, id: i64) -> Result<Page, Failure> {
    let jobs = visit.scheduler().jobs();
    let found = jobs.get(id).await?;
    let job = found.ok_or_else(|| Failure::NotFound(format!("There is no job {id}.")))?;
    let (reasons, steps) = (jobs.explain(id).await?, jobs.steps(id).await?);
    let ties = visit.scheduler().ties(id).await?;
    let workflow = visit.scheduler().workflows().name_of_job(id).await?;
    let payload = payload(visit, &job).await?;
    let acts = acts_on(visit, "job", &id.to_string()).await?;
    let body = html! {
        h1 { "Job " (id) " " (state(job.state.as_str())) }
        (actions(visit, &job))
        section aria-labelledby="why" {
            h2 #why { (if job.state.is_over() { "How it ended" } else { "Where it stands" }) }
            (why(&reasons, visit))
            @if let Some(percent) = job.progress {
                p { progress max="100" value=(percent) aria-label="Progress" { (percent) " %" } " " (percent) " %"
                    @if let Some(note) = &job.progress_note { " " (name(note)) } }
            }
        }
        (ties::sections(&ties, &job, visit))
        section aria-labelledby="facts" { h2 #facts { "Facts" } (facts(&job, workflow.as_ref(), visit)) }
        @if !steps.is_empty() {
            section aria-labelledby="steps" { h2 #steps { "Steps that are done" } (table_of(&steps, visit)) (clearing(visit, &job)) }
        }
        section aria-labelledby="attempts" { h2 #attempts { "Failed attempts" } (attempts(&job, visit)) }
        section aria-labelledby="payload" { h2 #payload { "Payload" } (payload) }
        (audit_table::section(&acts, visit.now))
    };
    Ok(Page::live(format!("Job {id}"), Place::Jobs, body))
}

fn actions(visit: &Visit, job: &Job) -> Markup {
    let id = job.id.to_string();
    let (waits, dead) =
        (!job.state.is_over() && job.state != JobStatus::Running, job.state == JobStatus::Dead);
    html! {
        div.actions {
            @if dead && visit.may(Right::RetryJobs) { (button(Deed::RetryJob, ("id", &id), "Retry")) }
            @if !is_reserved(&job.task) && visit.may(Right::AddJobs) {
                (asking(Deed::AddJob, job.id, "Run again …", Weight::Plain))
            }
            @if matches!(job.state, JobStatus::Waiting | JobStatus::Held) && visit.may(Right::ReleaseJobs) {
                (asking(Deed::ReleaseJob, job.id, "Release …", Weight::Plain))
            }
            @if (waits || dead) && visit.may(Right::RescheduleJobs) {
                (asking(Deed::RescheduleJob, job.id, "Reschedule …", Weight::Plain))
            }
            @if (waits || job.state == JobStatus::Running) && visit.may(Right::CancelJobs) {
                (asking(Deed::CancelJob, job.id, "Cancel …", Weight::Danger))
            }
            @if (waits || dead) && visit.may(Right::DeleteJobs) {
                (asking(Deed::DeleteJob, job.id, "Delete …", Weight::Danger))
            }
        }
    }
}

fn why(reasons: &[Explanation], visit: &Visit) -> Markup {
    html! {
        ul.reasons {
            @for why in reasons {
                li {
                    (name(&why.sentence))
                    @if let Some(until) = why.until { " " span.muted { "until " (moment_and_age(until, visit.now)) } }
                }
            }
        }
    }
}

fn facts(job: &Job, workflow: Option<&NamedWorkflow>, visit: &Visit) -> Markup {
    let most = job.max_attempts.map(|most| format!(" of {most}")).unwrap_or_default();
    html! {
        dl.facts {
            (fact("Task", html! { a href=(links::jobs_of_task(&job.task)) { (name(&job.task)) } }))
            (fact("Queue", match &job.queue {
                Some(queue) => html! { a href=(links::queue(queue)) { (name(queue)) } },
                None => name_or_dash(None),
            }))
            @if let Some(NamedWorkflow { id, name: called }) = workflow {
                (fact("Workflow", html! { a href=(links::workflow(*id)) { (name(called)) } }))
            }
            (fact("Key", name_or_dash(job.key.as_deref())))
            (fact("Priority", html! { (job.priority) }))
            @if let Some(version @ 1..) = job.version { (fact("Version of its payload", html! { (version) })) }
            (fact("Attempts", html! { (job.attempts) (most) }))
            @if job.deaths > 0 { (fact("Lost workers", html! { (job.deaths) })) }
            @if let Some(flags) = &job.flags {
                (fact("Flags", html! { @for flag in flags { span.tag { (name(flag)) } " " } }))
            }
            (fact("Added", moment_and_age(job.created_at, visit.now)))
            (fact("Due", moment_and_age(job.run_at, visit.now)))
            @if let Some(at) = job.started_at { (fact("Started", moment_and_age(at, visit.now))) }
            @if let Some(at) = job.finished_at { (fact("Ended", moment_and_age(at, visit.now))) }
            @if let Some(worker) = job.worker_id { (fact("Worker", html! { a href="workers" { (worker) } })) }
            @if let Some(reason) = &job.reason { (fact("Reason", name(reason))) }
        }
    }
}

fn table_of(steps: &[JobStep], visit: &Visit) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Steps" {
            table {
                thead { tr { th scope="col" { "Step" } th scope="col" { "Name" } th scope="col" { "Done" } } }
                tbody {
                    @for step in steps {
                        tr {
                            td { (step.position) }
                            td.clip { (name(&step.name)) }
                            td.nowrap { (moment_and_age(step.finished_at, visit.now)) }
                        }
                    }
                }
            }
        }
    }
}

fn clearing(visit: &Visit, job: &Job) -> Markup {
    html! {
        @if job.state != JobStatus::Running && visit.may(Right::ClearSteps) {
            div.actions { (asking(Deed::ClearSteps, job.id, "Forget the steps …", Weight::Danger)) }
        }
    }
}

fn attempts(job: &Job, visit: &Visit) -> Markup {
    html! {
        @if job.errors.is_empty() {
            @match &job.last_error {
                Some(error) => (lines(error)),
                None => (empty("No attempt has failed.", "")),
            }
        } @else {
            ol.attempts { @for error in job.errors.iter().rev() { (attempt(error, visit)) } }
        }
    }
}

fn attempt(error: &AttemptError, visit: &Visit) -> Markup {
    html! {
        li {
            p {
                strong { "Attempt " (error.attempt) } " " (moment_and_age(error.at, visit.now))
                @if let Some(worker) = &error.worker { " " span.muted { "on " (name(worker)) } }
            }
            (lines(&error.error))
        }
    }
}

async fn payload(visit: &Visit, job: &Job) -> Result<Markup, Failure> {
    if matches!(job.state, JobStatus::Succeeded | JobStatus::Cancelled) {
        return Ok(empty("The history keeps no payloads.", ""));
    }
    Ok(match visit.payload_of(job).await? {
        None => empty("The job has ended in the meantime.", "Reload the page."),
        Some(payload) => shown(&payload),
    })
}

/// A payload, or what stands in its place.
pub(super) fn shown(payload: &Payload) -> Markup {
    match payload {
        Payload::Shown(payload) => json(payload),
        Payload::Hidden => empty(
            "The payload is hidden.",
            "The application decides what is shown, with Dashboard::payloads.",
        ),
        Payload::Redacted => empty(
            "The payload is redacted.",
            "It may hold redacted values. A process shows the others if it has the handler of the task and can read the payload.",
        ),
    }
}
