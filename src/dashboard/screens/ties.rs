//! What a job waits for, and which jobs wait for it, as parts of its page.

use maud::{Markup, html};

use crate::dashboard::access::Right;
use crate::dashboard::links;
use crate::dashboard::parts::job_table::state;
use crate::dashboard::parts::text::{dash, name};
use crate::dashboard::visit::Visit;
use crate::store::jobs::{Job, JobStatus};
use crate::store::ties::{End, MOST, Tie};

/// Shows both lists. Nothing where a job has no ties.
pub(super) fn sections(ties: &[Tie], job: &Job, visit: &Visit) -> Markup {
    let of = |end: End| ties.iter().filter(|tie| tie.end == end).collect::<Vec<_>>();
    html! {
        (section("What it waits for", "parents", &of(End::Parent), &|tie| sending(tie, job, visit)))
        (section("What waits for it", "children", &of(End::Child), &|_| html! {}))
    }
}

// A link to the page that sends the signal.
fn sending(tie: &Tie, job: &Job, visit: &Visit) -> Markup {
    html! {
        @if !tie.signal.is_empty() && tie.ending.is_none() && job.state == JobStatus::Waiting && visit.may(Right::SendSignals) {
            " " a href=(links::send_signal(&tie.signal, "job", job.id)) { "Send …" }
        }
    }
}

fn section(title: &str, id: &str, ties: &[&Tie], act: &dyn Fn(&Tie) -> Markup) -> Markup {
    html! {
        @if !ties.is_empty() {
            section aria-labelledby=(id) {
                h2 id=(id) { (title) }
                (table(title, ties.iter().take(MOST).copied(), act))
                @if ties.len() > MOST { p.muted { "And others. " (MOST) " are shown." } }
            }
        }
    }
}

fn table<'a>(title: &str, ties: impl Iterator<Item = &'a Tie>, act: &dyn Fn(&Tie) -> Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(title) {
            table {
                thead { tr {
                    th scope="col" { "Job or signal" }
                    th scope="col" { "State" }
                    th scope="col" { "Task" }
                    th scope="col" { "On failure" }
                } }
                tbody { @for tie in ties { (line(tie, act)) } }
            }
        }
    }
}

fn line(tie: &Tie, act: &dyn Fn(&Tie) -> Markup) -> Markup {
    html! {
        tr {
            td.clip {
                @if tie.signal.is_empty() { a href=(links::job(tie.job)) { (tie.job) } }
                @else { "signal " (name(&tie.signal)) }
            }
            td { (standing(tie)) (act(tie)) }
            td.clip { @match &tie.task { Some(task) => (name(task)), None => (dash()) } }
            td { (name(&tie.on_failure)) }
        }
    }
}

fn standing(tie: &Tie) -> Markup {
    match (&tie.state, &tie.ending, tie.end) {
        (Some(stored), ..) => state(stored),
        (None, Some(ending), End::Parent) => state(ending),
        (None, None, End::Parent) if !tie.signal.is_empty() => html! { "not sent" },
        (None, ..) => html! { "ended" },
    }
}
