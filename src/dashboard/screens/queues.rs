//! The queues that are in use or have limits of their own.

use maud::{Markup, html};
use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::number::{capped, count, span};
use crate::dashboard::parts::pages::{self, PAGE};
use crate::dashboard::parts::text::{dash, name};
use crate::dashboard::visit::Visit;
use crate::store::queues::QueueStatus;
use crate::store::status::DETAIL_COUNT_CAP;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    after: String,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let Wanted { after } = visit.query()?;
    let mut queues = visit.scheduler().queues().page(after.clone(), PAGE + 1).await?;
    let next = pages::cut(&mut queues).map(|queue| link("queues", &[("after", &queue.name)]));
    let body = html! {
        h1 { "Queues" }
        @if queues.is_empty() {
            (empty("No queue is in use.", "Jobs with a queue appear here while they wait or run. Others need none."))
        } @else {
            (table(&queues))
        }
        (pages::links((!after.is_empty()).then(|| link("queues", &[])), next))
    };
    Ok(Page::live("Queues", Place::Queues, body))
}

fn table(queues: &[QueueStatus]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Queues" {
            table {
                thead { tr {
                    th scope="col" { "Queue" }
                    th.number scope="col" { "Waiting" }
                    th.number scope="col" { "Running" }
                    th.number scope="col" { "At once" }
                    th scope="col" { "Rate" }
                    th.wide scope="col" { "Limits from" }
                } }
                tbody {
                    @for queue in queues {
                        tr {
                            td.clip {
                                a href=(links::queue(&queue.name)) { (name(&queue.name)) }
                                @if queue.paused { " " span.tag { "paused" } }
                            }
                            td.number { (capped(queue.waiting, DETAIL_COUNT_CAP)) }
                            td.number { (capped(queue.running, DETAIL_COUNT_CAP)) }
                            td.number { (count(queue.concurrency)) }
                            td { (rate(queue)) }
                            td.clip.wide { (name(&queue.source)) }
                        }
                    }
                }
            }
        }
    }
}

/// How many jobs may start in a period, or a dash.
pub(super) fn rate(queue: &QueueStatus) -> Markup {
    match (queue.rate_limit, queue.rate_period_seconds) {
        (Some(limit), Some(period)) => html! { (count(limit)) " in " (span(period)) },
        (_, _) => dash(),
    }
}
