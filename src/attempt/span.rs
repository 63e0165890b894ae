//! The span of an attempt: which trace it belongs to, and what is recorded at its end. The trace of a request goes on in the first
//! attempt of a job that starts promptly. A later one would stretch that trace over hours, so it has a trace of its own.

use chrono::{DateTime, TimeDelta, Utc};

use super::context::JobContext;
use crate::lifecycle::Outcome;
use crate::spans::Span;
use crate::trace::Relation;

/// So long after it was added a job starts promptly. `Relation::Parent` and the guide name it.
const PROMPT: TimeDelta = TimeDelta::seconds(30);

/// Opens the span of an attempt that starts now, by the database's clock.
pub(super) fn span_of(job: &JobContext, now: DateTime<Utc>) -> Span {
    let span = Span::attempt(job.id(), job.task(), job.queue(), job.attempt());
    if let Some(context) = job.trace_context() {
        span.follow(context, relation(job, now));
    }
    span
}

fn relation(job: &JobContext, now: DateTime<Utc>) -> Relation {
    let is_first = job.attempt() == 1 && job.snoozes() == 0 && job.deaths() == 0;
    let is_prompt = job.created_at().is_some_and(|created_at| now < created_at + PROMPT);
    if is_first && is_prompt { Relation::Parent } else { Relation::Link }
}

/// Records how the attempt ended.
pub(super) fn record_end(span: &Span, outcome: &Outcome) {
    span.ended(outcome.as_str());
    match outcome {
        Outcome::Failed { error: why, .. }
        | Outcome::Discarded { reason: why }
        | Outcome::Held { reason: why, .. } => {
            span.failed(outcome.as_str(), why);
        }
        Outcome::Succeeded
        | Outcome::Completed
        | Outcome::Cancelled { .. }
        | Outcome::Snoozed { .. }
        | Outcome::Untouched
        | Outcome::Postponed { .. }
        | Outcome::Interrupted => {}
    }
}
