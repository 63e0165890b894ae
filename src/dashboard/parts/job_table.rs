//! Tables of jobs, and the sign of a state.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::text::{dash, first_line, name, name_or_dash};
use super::time::{moment, only_age};
use crate::dashboard::links;
use crate::store::jobs::Job;

/// A state by its name in SQL, as a word with a colour.
pub(in crate::dashboard) fn state(name: &str) -> Markup {
    html! { span class=(format!("state {name}")) { (name) } }
}

/// The jobs, one a line.
pub(in crate::dashboard) fn jobs(rows: &[Job], now: DateTime<Utc>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Jobs" {
            table {
                thead { tr {
                    th.number scope="col" { "Job" }
                    th scope="col" { "State" }
                    th scope="col" { "Task" }
                    th.wide scope="col" { "Queue" }
                    th.wide scope="col" { "Key" }
                    th.number scope="col" { "Attempts" }
                    th scope="col" { "Due" }
                    th.wide scope="col" { "Last error, or progress" }
                } }
                tbody { @for row in rows { (line(row, now)) } }
            }
        }
    }
}

fn line(row: &Job, now: DateTime<Utc>) -> Markup {
    html! {
        tr id=(format!("job-{}", row.id)) {
            td.number { a href=(links::job(row.id)) { (row.id) } }
            td { (state(row.state.as_str())) }
            td.clip { (name(&row.task)) }
            td.clip.wide { (name_or_dash(row.queue.as_deref())) }
            td.clip.wide { (name_or_dash(row.key.as_deref())) }
            td.number { (row.attempts) @if let Some(most) = row.max_attempts { span.muted { "/" (most) } } }
            td.nowrap { (moment(row.run_at)) " " span.muted.wide { (only_age(row.run_at, now)) } }
            td.clip.wide { (remark(row)) }
        }
    }
}

fn remark(row: &Job) -> Markup {
    match (row.progress, &row.last_error) {
        (Some(percent), _) => html! {
            progress max="100" value=(percent) aria-label="Progress" { (percent) " %" } " " (percent) " % "
            @if let Some(note) = &row.progress_note { (first_line(note)) }
        },
        (None, Some(error)) => first_line(error),
        (None, None) => dash(),
    }
}
