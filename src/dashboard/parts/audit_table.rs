//! Tables of what people have done.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::text::{dash, first_line, name};
use super::time::{moment, only_age};
use crate::dashboard::links;
use crate::store::audit::AuditEntry;

/// Whether the table says what each act was done to. On a page about one thing it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) enum Subjects {
    Shown,
    Known,
}

/// The acts, one a line.
pub(in crate::dashboard) fn acts(rows: &[AuditEntry], subjects: Subjects, now: DateTime<Utc>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Acts" {
            table {
                thead { tr {
                    th scope="col" { "When" }
                    th scope="col" { "Who" }
                    th scope="col" { "Act" }
                    @if subjects == Subjects::Shown { th scope="col" { "On" } }
                    th scope="col" { "Result" }
                    th.wide scope="col" { "Reason" }
                } }
                tbody { @for row in rows { (line(row, subjects, now)) } }
            }
        }
    }
}

/// The last acts on one thing, as a part of its page. Nothing where there is none.
pub(in crate::dashboard) fn section(rows: &[AuditEntry], now: DateTime<Utc>) -> Markup {
    html! {
        @if let Some(first) = rows.first() {
            section aria-labelledby="acts" {
                h2 #acts { "Acts" }
                (acts(rows, Subjects::Known, now))
                p { a href=(links::audit_of(&first.kind, &first.subject)) { "All of them" } }
            }
        }
    }
}

fn line(row: &AuditEntry, subjects: Subjects, now: DateTime<Utc>) -> Markup {
    html! {
        tr {
            td.nowrap { (moment(row.acted_at)) " " span.muted.wide { (only_age(row.acted_at, now)) } }
            td.clip { a href=(links::audit_by(&row.who)) { (name(&row.who)) } }
            td.nowrap { (name(&row.act)) }
            @if subjects == Subjects::Shown { td.clip { (subject(row)) } }
            td.clip { (first_line(&row.result)) }
            td.clip.wide { @match &row.reason { Some(reason) => (first_line(reason)), None => (dash()) } }
        }
    }
}

fn subject(row: &AuditEntry) -> Markup {
    let link = match row.kind.as_str() {
        "job" => row.subject.parse().ok().map(links::job),
        "operation" => row.subject.parse().ok().map(links::operation),
        "workflow" => row.subject.parse().ok().map(links::workflow),
        "queue" => Some(links::queue(&row.subject)),
        "schedule" => Some(links::schedule(&row.subject)),
        _ => None,
    };
    html! {
        (name(&row.kind)) " "
        @match link { Some(link) => a href=(link) { (name(&row.subject)) }, None => (name(&row.subject)) }
        @if let Some(filter) = &row.filter { ": " (first_line(filter)) }
    }
}
