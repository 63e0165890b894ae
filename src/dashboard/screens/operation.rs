//! One act on many jobs: how far it is, what became of the jobs, and what may be done to it.

use maud::{Markup, html};
use serde::Deserialize;

use super::audit::acts_on;
use super::operations::state;
use crate::dashboard::access::Right;
use crate::dashboard::failure::Failure;
use crate::dashboard::links;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::audit_table;
use crate::dashboard::parts::fact::fact;
use crate::dashboard::parts::form::button;
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::number::count;
use crate::dashboard::parts::text::{name, name_or_dash};
use crate::dashboard::parts::time::moment_and_age;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::store::jobs::ActResult;
use crate::store::operations::{Operation, OperationState};

#[derive(Deserialize)]
struct Wanted {
    id: i64,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let Wanted { id } = visit.query()?;
    let row = visit.operation(id).await?;
    let acts = acts_on(visit, "operation", &id.to_string()).await?;
    let waits = waits(&row, visit).await?;
    let body = html! {
        h1 { "Operation " (id) ": " (name(&row.act)) " " (state(&row)) }
        @if visit.may(Right::ActOnMany) { (actions(&row)) }
        (waits)
        section aria-labelledby="facts" { h2 #facts { "Facts" } (facts(&row, visit)) }
        section aria-labelledby="results" { h2 #results { "What became of the jobs" } (results(&row)) }
        (audit_table::section(&acts, visit.now))
    };
    Ok(Page::live(format!("Operation {id}"), Place::Operations, body))
}

fn actions(row: &Operation) -> Markup {
    let id = row.id.to_string();
    let of = ("id", id.as_str());
    let (runs, goes_on) = (
        row.state == OperationState::Running && !row.is_stranded(),
        matches!(row.state, OperationState::Running | OperationState::Paused),
    );
    html! {
        div.actions {
            @if runs { (button(Deed::PauseOperation, of, "Pause")) }
            @if goes_on && !runs { (button(Deed::ResumeOperation, of, "Resume")) }
            @if goes_on { (button(Deed::StopOperation, of, "Stop")) }
        }
    }
}

// Why its job does not run, such as that no worker is there that would carry it out.
async fn waits(row: &Operation, visit: &Visit) -> Result<Markup, Failure> {
    let Some(job) = row.job_id.filter(|_| row.state == OperationState::Running) else { return Ok(html! {}) };
    let reasons = visit.scheduler().jobs().explain(job).await?;
    Ok(html! {
        section aria-labelledby="why" {
            h2 #why { "Where it stands" }
            @if row.is_stranded() { p.failure { "The job that carried it out is gone or dead. Resume it, or stop it." } }
            ul.reasons {
                @for why in &reasons {
                    li {
                        (name(&why.sentence))
                        @if let Some(until) = why.until { " " span.muted { "until " (moment_and_age(until, visit.now)) } }
                    }
                }
            }
        }
    })
}

fn facts(row: &Operation, visit: &Visit) -> Markup {
    html! {
        dl.facts {
            (fact("Jobs with", name(&row.words)))
            (fact("Who", name(&row.who)))
            (fact("Reason", name_or_dash(row.reason.as_deref())))
            (fact("Job", match row.job_id {
                Some(job) => html! { a href=(links::job(job)) { (job) } },
                None => name_or_dash(None),
            }))
            (fact("Added", moment_and_age(row.created_at, visit.now)))
            (fact("Last batch", moment_and_age(row.updated_at, visit.now)))
            @if let Some(at) = row.ended_at { (fact("Ended", moment_and_age(at, visit.now))) }
        }
    }
}

fn results(row: &Operation) -> Markup {
    html! {
        @if row.results.is_empty() { (empty("No job was changed yet.", "")) } @else {
            dl.facts {
                @for (word, jobs) in &row.results {
                    div { dt { (described(word)) } dd { (count(*jobs)) } }
                }
            }
        }
    }
}

fn described(word: &str) -> String {
    ActResult::named(word).map_or_else(|| word.to_owned(), |result| result.describe().to_owned())
}
