//! The list of jobs. Its filter is its address, and each page begins behind the last job of the one before.

use maud::{Markup, html};

use super::filter::{PAGE, Wanted};
use super::job;
use crate::dashboard::failure::Failure;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::job_table::jobs;
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::number::count;
use crate::dashboard::visit::Visit;
use crate::lifecycle::JobState;
use crate::store::gauges::Gauges;

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let wanted: Wanted = visit.query()?;
    if let Some(id) = wanted.id()? {
        return job::of_id(visit, id).await;
    }
    let mut rows = visit.scheduler().jobs().list(wanted.filter()?).await?;
    let goes_on = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    let last = rows.last().map(|row| row.id.to_string()).filter(|_| goes_on);
    let gauges = visit.state.gauges().await;
    let body = html! {
        h1 { "Jobs" }
        (states(&wanted, gauges.as_deref()))
        (form(&wanted))
        @if rows.is_empty() { (nothing(&wanted)) } @else { (jobs(&rows, visit.now)) }
        (pages(&wanted, last.as_deref()))
    };
    Ok(Page::live("Jobs", Place::Jobs, body))
}

fn states(wanted: &Wanted, gauges: Option<&Gauges>) -> Markup {
    let number = |state: JobState| gauges.map(|gauges| count(gauges.jobs_in(state)));
    html! {
        nav.tabs aria-label="States" {
            a href=(wanted.with_state("")) aria-current=[wanted.state.is_empty().then_some("true")] { "all" }
            @for state in JobState::ALL {
                a href=(wanted.with_state(state.as_str()))
                    aria-current=[(wanted.state == state.as_str()).then_some("true")] {
                    (state.as_str())
                    @if let Some(number) = number(state) { " " span.muted { (number) } }
                }
            }
        }
    }
}

fn form(wanted: &Wanted) -> Markup {
    let fields =
        [("task", "Task", &wanted.task), ("queue", "Queue", &wanted.queue), ("key", "Key", &wanted.key)];
    html! {
        form.filter method="get" action="jobs" role="search" aria-label="Filter" {
            @if !wanted.state.is_empty() { input type="hidden" name="state" value=(wanted.state); }
            @for (name, label, value) in fields {
                label { (label) input type="text" name=(name) value=(value) dir="auto" autocomplete="off"; }
            }
            label { "Id" input.short type="text" name="id" inputmode="numeric" autocomplete="off"; }
            button.button type="submit" { "Filter" }
            @if wanted.is_narrow() { a href=(Wanted::default().with_state(&wanted.state)) { "Clear" } }
        }
    }
}

fn nothing(wanted: &Wanted) -> Markup {
    if wanted.after.is_empty() && !wanted.is_narrow() && wanted.state.is_empty() {
        return empty(
            "There are no jobs.",
            "Jobs appear here when the application adds some, and leave when they have succeeded.",
        );
    }
    empty("No job meets these conditions.", "Names and keys are compared as they are written, and whole.")
}

fn pages(wanted: &Wanted, last: Option<&str>) -> Markup {
    html! {
        nav.pages aria-label="Pages" {
            @if !wanted.after.is_empty() { a.button href=(wanted.from("")) { "First page" } }
            @if let Some(last) = last { a.button href=(wanted.from(last)) rel="next" { "Next page" } }
        }
    }
}
