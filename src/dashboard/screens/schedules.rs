//! The stored schedules, with their next and last fires, and the crontab lines of programs.

use maud::{Markup, html};
use serde::Deserialize;

use crate::dashboard::access::Right;
use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::pages::{self, PAGE};
use crate::dashboard::parts::text::{dash, name};
use crate::dashboard::parts::time::{moment_and_age, moment_or_dash};
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::store::schedules::{ScheduleFilter, ScheduleRow};

/// Who keeps a schedule. What a program owns has no screen of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    People,
    Program,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    prefix: String,
    task: String,
    after: String,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let wanted: Wanted = visit.query()?;
    let mut rows = visit.scheduler().schedules().list(wanted.filter()).await?;
    let lines = if wanted.is_first() { visit.scheduler().schedules().lines().await? } else { Vec::new() };
    let next = pages::cut(&mut rows).map(|row| wanted.from(&row.name));
    let body = html! {
        h1 { "Schedules" }
        div.actions {
            @if visit.may(Right::EditSchedules) { a.button.main href=(Deed::CreateSchedule.path()) { "New schedule" } }
            a.button href="calendar" { "Calendar" }
        }
        (form(&wanted))
        @if rows.is_empty() { (wanted.nothing()) } @else { (table(&rows, Owner::People, visit)) }
        (pages::links((!wanted.after.is_empty()).then(|| wanted.from("")), next))
        @if !lines.is_empty() {
            section aria-labelledby="lines" {
                h2 #lines { "Crontab lines of the programs that run" }
                (table(&lines, Owner::Program, visit))
            }
        }
    };
    Ok(Page::live("Schedules", Place::Schedules, body))
}

impl Wanted {
    fn filter(&self) -> ScheduleFilter {
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        let mut filter = ScheduleFilter::new();
        (filter.prefix, filter.task) = (text(&self.prefix), text(&self.task));
        (filter.after, filter.limit) = (text(&self.after), PAGE + 1);
        filter
    }

    fn from(&self, after: &str) -> String {
        link("schedules", &[("prefix", &self.prefix), ("task", &self.task), ("after", after)])
    }

    /// Whether it is the first page, without a condition.
    fn is_first(&self) -> bool {
        self.prefix.is_empty() && self.task.is_empty() && self.after.is_empty()
    }

    fn nothing(&self) -> Markup {
        if self.is_first() {
            return empty(
                "There are no stored schedules.",
                "The application creates them, or the command `mainspring schedules create`.",
            );
        }
        empty("No schedule meets these conditions.", "Upper and lower case differ.")
    }
}

fn form(wanted: &Wanted) -> Markup {
    let fields = [("prefix", "Name begins with", &wanted.prefix), ("task", "Task", &wanted.task)];
    html! {
        form.filter method="get" action="schedules" role="search" aria-label="Filter" {
            @for (field, label, value) in fields {
                label { (label) input type="text" name=(field) value=(value) dir="auto" autocomplete="off"; }
            }
            button.button type="submit" { "Filter" }
            @if !wanted.prefix.is_empty() || !wanted.task.is_empty() { a href="schedules" { "Clear" } }
        }
    }
}

fn table(rows: &[ScheduleRow], owner: Owner, visit: &Visit) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Schedules" {
            table {
                thead { tr {
                    th scope="col" { "Schedule" }
                    th.wide scope="col" { "Task" }
                    th scope="col" { "Expression" }
                    th scope="col" { "Next fire" }
                    th.wide scope="col" { "Last fire" }
                    th.wide scope="col" { "Its job" }
                } }
                tbody { @for row in rows { (line(row, owner, visit)) } }
            }
        }
    }
}

fn line(row: &ScheduleRow, owner: Owner, visit: &Visit) -> Markup {
    let heading = match owner {
        Owner::People => html! { a href=(links::schedule(&row.name)) { (name(&row.name)) } },
        Owner::Program => name(&row.name),
    };
    html! {
        tr {
            td.clip { (heading) (sign(row)) }
            td.clip.wide { (name(&row.task)) }
            td.clip { code { (name(&row.expression)) } " " span.muted { (name(&row.zone)) } }
            td.nowrap {
                @match row.next_fires.first() { Some(at) => (moment_and_age(*at, visit.now)), None => (dash()) }
            }
            td.nowrap.wide { (moment_or_dash(row.last_fire_at)) }
            td.wide { (last_job(row)) }
        }
    }
}

/// Why it does not fire, or not well, in a word.
pub(super) fn sign(row: &ScheduleRow) -> Markup {
    html! {
        @if row.paused { " " span.tag { "paused" } }
        @if row.error.is_some() { " " span.tag.bad { "faulty" } }
        @if row.late_since.is_some() { " " span.tag.bad { "late" } }
        @if row.warning.is_some() { " " span.tag.bad { "warning" } }
    }
}

fn last_job(row: &ScheduleRow) -> Markup {
    match (row.last_job_id, &row.last_job_state) {
        (Some(id), Some(state)) => html! { a href=(links::job(id)) { (id) } " " (name(state)) },
        (Some(id), None) => html! { a href=(links::job(id)) { (id) } },
        (None, _) => html! { (row.last_outcome.as_deref().map_or_else(dash, name)) },
    }
}
