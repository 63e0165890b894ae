//! One schedule: when it fires, what became of its last fires, and the payload of its jobs.

use maud::{Markup, html};
use serde::Deserialize;

use super::audit::acts_on;
use super::job::shown;
use super::schedules::sign;
use crate::dashboard::access::Right;
use crate::dashboard::failure::Failure;
use crate::dashboard::links;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::audit_table;
use crate::dashboard::parts::fact::fact;
use crate::dashboard::parts::form::{Weight, action, button};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::text::{dash, name, name_or_dash, plain};
use crate::dashboard::parts::time::{moment, moment_and_age, moment_or_dash};
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::store::schedules::{ScheduleFire, ScheduleRow};

/// Fires that are shown.
const FIRES: u32 = 20;

#[derive(Deserialize)]
struct Wanted {
    name: String,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let Wanted { name: wanted } = visit.query()?;
    let row = visit.scheduler().schedules().require(&*wanted).await?;
    let fires = visit.scheduler().schedules().fires(&*wanted, FIRES).await?;
    let payload = shown(&visit.payload_of_schedule(&row).await?);
    let acts = acts_on(visit, "schedule", &row.name).await?;
    let body = html! {
        h1 { "Schedule " (name(&row.name)) (sign(&row)) }
        (actions(&row, visit))
        (problems(&row, visit))
        section aria-labelledby="facts" { h2 #facts { "Facts" } (facts(&row, visit)) }
        section aria-labelledby="next" { h2 #next { "Next fires" } (next(&row, visit)) }
        section aria-labelledby="last" { h2 #last { "Last fires" } (last(&fires)) }
        section aria-labelledby="payload" { h2 #payload { "Payload" } (payload) }
        (audit_table::section(&acts, visit.now))
    };
    Ok(Page::live(format!("Schedule {}", plain(&row.name)), Place::Schedules, body))
}

fn actions(row: &ScheduleRow, visit: &Visit) -> Markup {
    let of = ("name", row.name.as_str());
    html! {
        div.actions {
            @if visit.may(Right::TriggerSchedules) { (button(Deed::TriggerSchedule, of, "Fire now")) }
            @if visit.may(Right::PauseSchedules) {
                @if row.paused { (button(Deed::ResumeSchedule, of, "Resume")) }
                @else { (button(Deed::PauseSchedule, of, "Pause")) }
            }
            @if visit.may(Right::EditSchedules) {
                a.button href=(action(Deed::UpdateSchedule, of)) { "Change" }
                a class=(Weight::Danger.class()) href=(action(Deed::DeleteSchedule, of)) { "Delete" }
            }
        }
    }
}

fn problems(row: &ScheduleRow, visit: &Visit) -> Markup {
    html! {
        @if let Some(error) = &row.error { p.failure { "It fires no more: " (name(error)) } }
        @if let Some(since) = row.late_since {
            p.failure {
                "A fire is late since " (moment_and_age(since, visit.now))
                @if let Some(reason) = &row.late_reason { ": " (name(reason)) }
            }
        }
        @if let Some(warning) = &row.warning { p.failure { "Its jobs will not succeed: " (name(warning)) } }
    }
}

fn facts(row: &ScheduleRow, visit: &Visit) -> Markup {
    html! {
        dl.facts {
            (fact("Expression", html! { code { (name(&row.expression)) } }))
            (fact("Zone", name(&row.zone)))
            (fact("Task", html! { a href=(links::jobs_of_task(&row.task)) { (name(&row.task)) } }))
            (fact("Queue", match &row.queue {
                Some(queue) => html! { a href=(links::queue(queue)) { (name(queue)) } },
                None => dash(),
            }))
            (fact("Key", name_or_dash(row.key.as_deref())))
            (fact("Priority", html! { (row.priority) }))
            (fact("Attempts", html! { "at most " (row.max_attempts) }))
            (fact("Overlap", html! { (row.overlap.as_str()) }))
            (fact("Made up for", html! { "at most " (row.catch_up) " missed fires" }))
            @if row.jitter_seconds > 0 { (fact("Spread over", html! { (row.jitter_seconds) " s" })) }
            @if row.starts_at.is_some() { (fact("From", moment_or_dash(row.starts_at))) }
            @if row.ends_at.is_some() { (fact("Until", moment_or_dash(row.ends_at))) }
            (fact("Created", moment_and_age(row.created_at, visit.now)))
            (fact("Changed", moment_and_age(row.updated_at, visit.now)))
        }
    }
}

fn next(row: &ScheduleRow, visit: &Visit) -> Markup {
    html! {
        @if row.next_fires.is_empty() {
            (empty("It will not fire.", if row.paused { "It is paused." } else { "It has ended, or is faulty." }))
        } @else {
            ul.plain { @for at in &row.next_fires { li { (moment_and_age(*at, visit.now)) } } }
        }
    }
}

fn last(fires: &[ScheduleFire]) -> Markup {
    html! {
        @if fires.is_empty() { (empty("It has not fired yet.", "")) } @else {
            div.scroll tabindex="0" role="region" aria-label="Last fires" {
                table {
                    thead { tr {
                        th scope="col" { "Due" } th.wide scope="col" { "Fired" }
                        th scope="col" { "Outcome" } th.number scope="col" { "Job" }
                    } }
                    tbody {
                        @for fire in fires {
                            tr {
                                td.nowrap { (moment(fire.due_at)) }
                                td.nowrap.wide { (moment(fire.fired_at)) }
                                td { (name(&fire.outcome)) @if fire.triggered { " " span.tag { "by hand" } } }
                                td.number {
                                    @match fire.job_id { Some(id) => a href=(links::job(id)) { (id) }, None => (dash()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
