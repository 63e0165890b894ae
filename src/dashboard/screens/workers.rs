//! The workers: one for each running scheduler, and the threads of this one.

use maud::{Markup, html};

use crate::dashboard::failure::Failure;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::number::{capped, span};
use crate::dashboard::parts::text::{dash, name, times};
use crate::dashboard::parts::time::moment_and_age;
use crate::dashboard::visit::Visit;
use crate::store::status::DETAIL_COUNT_CAP;
use crate::store::workers::WorkerStatus;

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let workers = visit.scheduler().workers().list().await?;
    let body = html! {
        h1 { "Workers" }
        @if workers.is_empty() {
            (empty("No worker is registered, so no job runs.", "Start the application, and look into its log."))
        } @else {
            (table(&workers, visit))
        }
    };
    Ok(Page::live("Workers", Place::Workers, body))
}

fn table(workers: &[WorkerStatus], visit: &Visit) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Workers" {
            table {
                thead { tr {
                    th.number scope="col" { "Id" }
                    th scope="col" { "Name" }
                    th scope="col" { "State" }
                    th.number scope="col" { "Running" }
                    th.number scope="col" { "Heartbeat" }
                    th.wide scope="col" { "Started" }
                    th.wide scope="col" { "Tasks" }
                } }
                tbody {
                    @for worker in workers {
                        tr {
                            td.number { (worker.id) }
                            td.clip { (name(&worker.name)) }
                            td { (state(worker)) }
                            td.number { (capped(worker.running, DETAIL_COUNT_CAP)) }
                            td.number.nowrap { (span(worker.heartbeat_age_seconds)) " ago" }
                            td.nowrap.wide { (moment_and_age(worker.started_at, visit.now)) }
                            td.wide { (tasks(worker)) }
                        }
                    }
                }
            }
        }
    }
}

fn state(worker: &WorkerStatus) -> Markup {
    html! {
        @if worker.lost { span.tag.bad { "lost" } }
        @else if worker.problems.is_empty() { "works" }
        @else { @for problem in &worker.problems { span.tag.bad { (name(problem)) } " " } }
    }
}

fn tasks(worker: &WorkerStatus) -> Markup {
    html! {
        @if worker.tasks.is_empty() { (dash()) } @else {
            details {
                summary { (times(worker.tasks.len() as u64, "task")) }
                ul.plain { @for task in &worker.tasks { li { (name(task)) } } }
            }
        }
    }
}
