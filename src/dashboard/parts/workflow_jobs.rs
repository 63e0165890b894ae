//! The table of the jobs of a workflow, with what each waits for.

use std::collections::HashMap;

use maud::{Markup, html};

use super::job_table::state;
use super::number::count;
use super::text::{dash, name, name_or_dash};
use crate::dashboard::links;
use crate::store::jobs::JobStatus;
use crate::store::workflows::pages::Member;

/// Jobs and signals that a line names.
const NAMED: usize = 10;

/// Whether a line has a link to the page that sends a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) enum Signals {
    Shown,
    CanBeSent,
}

/// The jobs, one a line.
pub(in crate::dashboard) fn table(members: &[Member], workflow: i64, signals: Signals) -> Markup {
    let names: HashMap<i64, &str> =
        members.iter().filter_map(|member| Some((member.job.id, member.job.name.as_deref()?))).collect();
    html! {
        div.scroll tabindex="0" role="region" aria-label="Jobs of the workflow" {
            table {
                thead { tr {
                    th.number scope="col" { "Job" }
                    th scope="col" { "Name" }
                    th scope="col" { "State" }
                    th.wide scope="col" { "Task" }
                    th.number.wide scope="col" { "Attempts" }
                    th scope="col" { "After" }
                } }
                tbody { @for member in members { (line(member, &names, workflow, signals)) } }
            }
        }
    }
}

fn line(member: &Member, names: &HashMap<i64, &str>, workflow: i64, signals: Signals) -> Markup {
    let job = &member.job;
    html! {
        tr id=(format!("job-{}", job.id)) {
            td.number { a href=(links::job(job.id)) { (job.id) } }
            td.clip { @if job.is_callback { "the callback" } @else { (name_or_dash(job.name.as_deref())) } }
            td { (state(job.state.map_or("gone", JobStatus::as_str))) }
            td.clip.wide { (name_or_dash(job.task.as_deref())) }
            td.number.wide { @match job.attempts { Some(attempts) => (attempts), None => (dash()) } }
            td { ul { (parents(member, names)) (waits_for_signals(member, workflow, signals)) } }
        }
    }
}

fn parents(member: &Member, names: &HashMap<i64, &str>) -> Markup {
    let shown = member.job.parents.iter().take(NAMED);
    html! {
        @if member.job.is_callback { li { "all others" } }
        @for id in shown {
            li.clip {
                a href=(links::job(*id)) { @match names.get(id) { Some(known) => (name(known)), None => { "job " (id) } } }
            }
        }
        (others(member.all_parents, "jobs"))
    }
}

fn waits_for_signals(member: &Member, workflow: i64, signals: Signals) -> Markup {
    html! {
        @for signal in member.job.signals.iter().take(NAMED) {
            li.clip {
                "signal " (name(signal))
                @if signals == Signals::CanBeSent {
                    " " a href=(links::send_signal(signal, "workflow", workflow)) { "Send …" }
                }
            }
        }
        (others(member.all_signals, "signals"))
    }
}

fn others(all: i64, what: &str) -> Markup {
    let left = all - NAMED as i64;
    html! { @if left > 0 { li.muted { "and " (count(left)) " other " (what) } } }
}
