//! The list of jobs. Its filter is its address, and each page begins behind the last job of the one before.

use maud::{Markup, html};

use super::filter::{SPANS, Wanted};
use super::job;
use crate::dashboard::access::Right;
use crate::dashboard::failure::Failure;
use crate::dashboard::links::link;
use crate::dashboard::many_act::ManyAct;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::job_table::jobs;
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::number::count;
use crate::dashboard::parts::pages::links_with;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::lifecycle::JobState;
use crate::store::gauges::Gauges;
use crate::store::jobs::{JobPage, JobStatus};

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let wanted: Wanted = visit.query()?;
    if let Some(id) = wanted.id()? {
        return job::of_id(visit, id).await;
    }
    let found = visit.scheduler().jobs().search(wanted.filter(visit.now)?, wanted.cursor()?).await?;
    let gauges = visit.state.gauges().await;
    let body = html! {
        h1 { "Jobs" }
        div.actions {
            @if visit.may(Right::AddJobs) {
                a.button.main href=(link(Deed::AddJob.path(), &[("task", &wanted.task)])) { "New job" }
            }
        }
        (states(&wanted, gauges.as_deref()))
        @if wanted.is_about_finished()? { (spans(&wanted)?) }
        (form(&wanted))
        @if found.jobs.is_empty() { (nothing(&wanted, &found)) } @else { (jobs(&found.jobs, visit.now)) }
        (pages(&wanted, &found))
        @if !found.jobs.is_empty() && !wanted.is_about_finished()? { (acts_on_all(&wanted, visit)) }
    };
    Ok(Page::live("Jobs", Place::Jobs, body))
}

fn states(wanted: &Wanted, gauges: Option<&Gauges>) -> Markup {
    let number = |state: JobStatus| {
        let stored = JobState::ALL.into_iter().find(|stored| JobStatus::from(*stored) == state)?;
        gauges.map(|gauges| count(gauges.jobs_in(stored)))
    };
    html! {
        nav.tabs aria-label="States" {
            a href=(wanted.with_state("")) aria-current=[wanted.state.is_empty().then_some("true")] { "all stored" }
            @for state in JobStatus::ALL {
                a href=(wanted.with_state(state.as_str()))
                    aria-current=[(wanted.state == state.as_str()).then_some("true")] {
                    (state.as_str())
                    @if let Some(number) = number(state) { " " span.muted { (number) } }
                }
            }
        }
    }
}

fn spans(wanted: &Wanted) -> Result<Markup, Failure> {
    let (span, _) = wanted.span()?;
    Ok(html! {
        nav.tabs aria-label="How far to look back" {
            @for (name, _) in SPANS {
                a href=(wanted.with_since(name)) aria-current=[(name == span).then_some("true")] { "last " (name) }
            }
        }
    })
}

fn form(wanted: &Wanted) -> Markup {
    html! {
        form.filter method="get" action="jobs" role="search" aria-label="Filter" {
            @if !wanted.state.is_empty() { input type="hidden" name="state" value=(wanted.state); }
            @if !wanted.since.is_empty() { input type="hidden" name="since" value=(wanted.since); }
            @for (name, label, value) in wanted.fields() {
                label { (label) input type="text" name=(name) value=(value) dir="auto" autocomplete="off"; }
            }
            label { "Id" input.short type="text" name="id" inputmode="numeric" autocomplete="off"; }
            button.button type="submit" { "Filter" }
            @if wanted.is_narrow() { a href=(Wanted::default().with_state(&wanted.state)) { "Clear" } }
        }
    }
}

fn nothing(wanted: &Wanted, found: &JobPage) -> Markup {
    if found.is_cut {
        return empty(
            "None of the jobs on this page meets these conditions.",
            "Older ones may. Look further.",
        );
    }
    if wanted.before.is_empty() && !wanted.is_narrow() && wanted.state.is_empty() {
        return empty(
            "There are no jobs.",
            "Jobs appear here when the application adds some, and leave when they have succeeded.",
        );
    }
    empty("No job meets these conditions.", "Names and keys are compared as they are written, and whole.")
}

fn pages(wanted: &Wanted, found: &JobPage) -> Markup {
    let first = (!wanted.before.is_empty()).then(|| wanted.from(""));
    let next = found.next.map(|next| wanted.from(&next.to_string()));
    html! {
        @if found.is_cut {
            p.muted { "A page looks at a bounded number of jobs. There may be more that meet the conditions." }
        }
        (links_with(first, next, if found.is_cut { "Look further" } else { "Next page" }))
    }
}

fn acts_on_all(wanted: &Wanted, visit: &Visit) -> Markup {
    let acts = ManyAct::ALL.into_iter().filter(|act| visit.may(act.right()));
    html! {
        @if visit.may(Right::ActOnMany) {
            section aria-labelledby="many" {
                h2 #many { "All jobs that meet the conditions" }
                p.muted { "Also those on other pages. A question comes first." }
                div.actions {
                    @for act in acts {
                        a class=(act.weight().class()) href=(wanted.acted_on(Deed::ActOnMany.path(), act.as_str())) {
                            (act.label()) " …"
                        }
                    }
                }
            }
        }
    }
}
