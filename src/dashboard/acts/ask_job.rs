//! The form of a job that is to be added, with what workers have published of its task.

use maud::{Markup, html};
use serde_json::Value;

use super::fields::{input, number, payload_area, problem, task_field, when};
use super::job_form::Form;
use crate::dashboard::links::{self, link};
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::text::name;
use crate::dashboard::routes::Deed;
use crate::redacted::MARK;
use crate::store::tasks::PublishedTask;

/// The job that the new one is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    Whole(i64),
    /// With the mark in the place of redacted values.
    Redacted(i64),
    /// The viewer does not see its payload as it is, or it has none any more.
    WithoutPayload(i64),
}

/// Shows the form, and why it was refused.
pub(super) fn page(form: &Form, copied: Option<Copied>, why: Option<&str>, tasks: &[PublishedTask]) -> Page {
    let of = copied.map(|(Copied::Whole(id) | Copied::Redacted(id) | Copied::WithoutPayload(id))| id);
    let (title, back) = match of {
        Some(id) => (format!("A job like job {id}"), links::job(id)),
        None => ("New job".to_owned(), "jobs".to_owned()),
    };
    let target = link(Deed::AddJob.path(), &[("id", &of.map(|id| id.to_string()).unwrap_or_default())]);
    let body = html! {
        h1 { (title) }
        (problem(why))
        form.act.two method="post" action=(target) autocomplete="off" {
            (fields(form, copied, tasks))
            div.actions.whole {
                button.button.main type="submit" { "Add the job" }
                a.button href=(back) { "Back" }
            }
        }
        (known(tasks))
    };
    Page::still(title, Place::Jobs, body)
}

fn fields(form: &Form, copied: Option<Copied>, tasks: &[PublishedTask]) -> Markup {
    let task = tasks.iter().find(|task| task.name == form.task);
    html! {
        (task_field(&form.task, tasks))
        (when("run_at", "Due at, in UTC, empty for now", &form.run_at))
        (payload_area("Payload, JSON", &form.payload))
        @if let Some(Copied::Redacted(id)) = copied {
            p.muted.whole { "Leave the payload as it is, and the new job gets the redacted values of job " (id) ". If you change it, write a value \
                 for each " code { (MARK) } "." }
        }
        @if let Some(Copied::WithoutPayload(id)) = copied {
            p.muted.whole {
                "You do not see the payload of job " (id) " as it is, or it is not kept. So the field is empty: fill it in."
            }
        }
        @if let Some(task) = task { p.muted.whole { "It has " (payload_fields(task)) "." } }
        (input("queue", "Queue, empty for the task's", &form.queue))
        (number("priority", "Priority, smaller runs first", &form.priority, "the task's"))
        (number("max_attempts", "Attempts at most", &form.max_attempts, "the task's"))
        (input("key", "Key: a job that waits under it is replaced", &form.key))
        (input("flags", "Flags, with commas between", &form.flags))
        @if !form.version.is_empty() { input type="hidden" name="version" value=(form.version); }
    }
}

fn known(tasks: &[PublishedTask]) -> Markup {
    html! {
        @if !tasks.is_empty() {
            details {
                summary { "Known tasks, and the fields of their payloads" }
                ul.plain { @for task in tasks { li { (name(&task.name)) ": " (payload_fields(task)) } } }
            }
        }
    }
}

/// What a worker has published of the payloads of a task.
fn payload_fields(task: &PublishedTask) -> Markup {
    let of = |field: &str| task.accepts.as_ref().and_then(|accepts| accepts.get(field));
    let Some(Value::Array(all)) = of("fields") else { return html! { "fields that its type does not name" } };
    // A fire adds that one.
    let all: Vec<&str> = all.iter().filter_map(Value::as_str).filter(|field| *field != "_cron").collect();
    let needed = of("required").and_then(Value::as_str);
    html! {
        @if all.is_empty() { "no fields" } @else {
            "the fields "
            @for (at, field) in all.iter().enumerate() {
                @if at > 0 { ", " }
                code { (name(field)) }
                @if needed == Some(*field) { " (needed)" }
            }
        }
        @if of("closed") == Some(&Value::Bool(true)) { " and no others" }
    }
}
