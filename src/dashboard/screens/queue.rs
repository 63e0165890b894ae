//! One queue: its limits, which jobs hold its slots, and which wait for one.

use maud::{Markup, html};
use serde::Deserialize;

use super::audit::acts_on;
use super::queues::rate;
use crate::dashboard::access::Right;
use crate::dashboard::failure::Failure;
use crate::dashboard::links::link;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::audit_table;
use crate::dashboard::parts::form::button;
use crate::dashboard::parts::job_table::jobs;
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::number::{capped, count};
use crate::dashboard::parts::text::{name, plain};
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::store::jobs::{Job, JobStatus};
use crate::store::queues::QueueStatus;
use crate::store::status::DETAIL_COUNT_CAP;

/// Holders and waiters that are shown. The list of jobs has all.
const MOST: u32 = 10;

#[derive(Deserialize)]
struct Wanted {
    name: String,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let Wanted { name: queue } = visit.query()?;
    let status = visit.scheduler().queues().show(&*queue).await?;
    let [running, parked] = visit.scheduler().queues().head(queue.clone(), MOST).await?;
    let acts = acts_on(visit, "queue", &queue).await?;
    let body = html! {
        h1 { "Queue " (name(&queue)) @if status.paused { " " span.tag { "paused" } } }
        @if visit.may(Right::PauseQueues) {
            div.actions {
                @if status.paused { (button(Deed::ResumeQueue, ("name", &queue), "Resume")) }
                @else { (button(Deed::PauseQueue, ("name", &queue), "Pause")) }
            }
        }
        (facts(&status))
        (list("Running", "No job of this queue runs.", &queue, JobStatus::Running, &running, visit))
        (list("Waiting for a slot", "No job waits for a slot.", &queue, JobStatus::Parked, &parked, visit))
        (audit_table::section(&acts, visit.now))
    };
    Ok(Page::live(format!("Queue {}", plain(&queue)), Place::Queues, body))
}

fn facts(queue: &QueueStatus) -> Markup {
    html! {
        dl.facts {
            div { dt { "Running" } dd { (capped(queue.running, DETAIL_COUNT_CAP)) " of " (count(queue.concurrency)) } }
            div { dt { "Waiting" } dd { (capped(queue.waiting, DETAIL_COUNT_CAP)) } }
            div { dt { "Rate" } dd { (rate(queue)) } }
            div { dt { "Limits from" } dd { (name(&queue.source)) } }
        }
    }
}

fn list(title: &str, none: &str, queue: &str, state: JobStatus, rows: &[Job], visit: &Visit) -> Markup {
    let all = link("jobs", &[("state", state.as_str()), ("queue", queue)]);
    html! {
        section {
            h2 { (title) }
            @if rows.is_empty() { (empty(none, "")) } @else {
                (jobs(rows, visit.now))
                p { a href=(all) { "All of them" } }
            }
        }
    }
}
