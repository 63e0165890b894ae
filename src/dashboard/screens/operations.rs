//! The acts on many jobs that run, and those that have ended, the latest first.

use maud::{Markup, html};
use serde::Deserialize;

use super::filter::number;
use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::number::count;
use crate::dashboard::parts::pages::{self, PAGE};
use crate::dashboard::parts::text::{first_line, name};
use crate::dashboard::parts::time::moment_and_age;
use crate::dashboard::visit::Visit;
use crate::store::operations::{Operation, OperationState};

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    before: String,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let Wanted { before } = visit.query()?;
    let mut rows = visit.scheduler().operations(number("before", &before)?, PAGE + 1).await?;
    let next = pages::cut(&mut rows).map(|row| link("operations", &[("before", &row.id.to_string())]));
    let body = html! {
        h1 { "Operations" }
        @if rows.is_empty() {
            (empty("There are no operations.", "An act on all jobs that a list admits is one. Choose it below the list."))
        } @else {
            (table(&rows, visit))
        }
        (pages::links((!before.is_empty()).then(|| link("operations", &[])), next))
    };
    Ok(Page::live("Operations", Place::Operations, body))
}

fn table(rows: &[Operation], visit: &Visit) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Operations" {
            table {
                thead { tr {
                    th.number scope="col" { "Operation" }
                    th scope="col" { "State" }
                    th scope="col" { "Act" }
                    th scope="col" { "Jobs with" }
                    th.number scope="col" { "Done" }
                    th.number.wide scope="col" { "Left" }
                    th scope="col" { "Who" }
                    th.wide scope="col" { "Added" }
                } }
                tbody { @for row in rows { (line(row, visit)) } }
            }
        }
    }
}

fn line(row: &Operation, visit: &Visit) -> Markup {
    let (done, left) = row.counts();
    html! {
        tr id=(format!("operation-{}", row.id)) {
            td.number { a href=(links::operation(row.id)) { (row.id) } }
            td.nowrap { (state(row)) }
            td { (name(&row.act)) }
            td.clip { (first_line(&row.words)) }
            td.number { (count(done)) }
            td.number.wide { (count(left)) }
            td.clip { (name(&row.who)) }
            td.nowrap.wide { (moment_and_age(row.created_at, visit.now)) }
        }
    }
}

/// Where an operation stands, with its progress while it has not ended.
pub(super) fn state(row: &Operation) -> Markup {
    let percent = row.percent();
    let (word, goes_on) = match row.state {
        OperationState::Running if row.is_stranded() => ("stranded", true),
        OperationState::Running => ("running", true),
        OperationState::Paused => ("paused", true),
        OperationState::Stopped => ("stopped", false),
        OperationState::Done => ("done", false),
    };
    html! {
        span.tag.bad[row.is_stranded()] { (word) }
        @if goes_on { " " progress max="100" value=(percent) aria-label="Progress" { (percent) " %" } " " (percent) " %" }
    }
}
