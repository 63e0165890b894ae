//! Spans of the crate `tracing`. Fields that begin with `otel.` are those that the crate `tracing-opentelemetry` reads.

use std::fmt::Display;

use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Level};

use crate::text::one_line;
use crate::trace::{Relation, TraceContext, propagator};

/// A span, or none.
#[derive(Clone)]
pub(crate) struct Span(tracing::Span);

/// Returns the context of the span in which this is called.
pub(crate) fn current_context() -> Option<TraceContext> {
    propagator()?.current()
}

// Opens a span with the fields of all spans and those of its own. The operation is both name and type of what it does.
//
// A span that no subscriber receives would become lines of the crate `log` where actix-web is compiled in.
macro_rules! span {
    ([$($parent:tt)*] $level:expr, $span:literal, $kind:literal, $operation:literal, $name:expr, $($own:tt)+) => {
        Span(match $level <= LevelFilter::current() {
            true => tracing::span!(
                target: "mainspring",
                $($parent)*
                $level,
                $span,
                otel.name = $name,
                otel.kind = $kind,
                otel.status_code = Empty,
                otel.status_description = Empty,
                error.type = Empty,
                messaging.system = "mainspring",
                messaging.operation.name = $operation,
                messaging.operation.type = $operation,
                $($own)+
            ),
            false => tracing::Span::none(),
        })
    };
}

impl Span {
    /// The span of a call that adds jobs: of one task, or of none in particular.
    pub(crate) fn enqueue(task: Option<&str>, jobs: usize) -> Self {
        let before = if task.is_some() { " " } else { "" };
        span!(
            [] Level::INFO, "enqueue", "client", "send",
            format_args!("send{before}{}", task.unwrap_or_default()),
            messaging.destination.name = task,
            messaging.batch.message_count = (jobs != 1).then_some(jobs),
            messaging.message.id = Empty,
        )
    }

    /// The span of one claim, which belongs to no trace of others.
    pub(crate) fn claim() -> Self {
        span!(
            [parent: None,] Level::DEBUG, "claim", "client", "receive", "receive",
            messaging.batch.message_count = Empty,
        )
    }

    /// The span of an attempt. It begins a trace, unless it is told what to follow.
    pub(crate) fn attempt(id: i64, task: &str, queue: Option<&str>, attempt: i16) -> Self {
        span!(
            [parent: None,] Level::INFO, "attempt", "consumer", "process",
            format_args!("process {task}"),
            messaging.destination.name = task,
            messaging.message.id = id.to_string(),
            mainspring.attempt = attempt,
            mainspring.queue = queue,
            mainspring.outcome = Empty,
        )
    }

    /// The span of a statement that stores outcomes.
    pub(crate) fn settle(outcomes: usize) -> Self {
        span!(
            [parent: None,] Level::DEBUG, "settle", "client", "settle", "settle",
            messaging.batch.message_count = outcomes,
        )
    }

    /// The span in which this is called.
    pub(crate) fn current() -> Self {
        Self(tracing::Span::current())
    }

    /// Makes the span, which was not entered yet, refer to the context.
    pub(crate) fn follow(&self, context: TraceContext, relation: Relation) {
        if let Some(propagator) = propagator().filter(|_| !self.0.is_disabled()) {
            propagator.attach(&self.0, context, relation);
        }
    }

    /// Records the job that was added, if it was one, or why none was.
    pub(crate) fn stored<E: Display>(&self, stored: &Result<Vec<i64>, E>) {
        match stored.as_deref() {
            Ok([job]) if !self.0.is_disabled() => {
                self.0.record("messaging.message.id", job.to_string());
            }
            Ok(_) => {}
            Err(_) => self.result(stored),
        }
    }

    /// Records how many jobs came, or why none could.
    pub(crate) fn claimed<E: Display>(&self, jobs: Result<usize, E>) {
        match jobs {
            Ok(jobs) => {
                self.0.record("messaging.batch.message_count", jobs);
            }
            Err(error) => self.failed("_OTHER", error),
        }
    }

    /// Records how an attempt ended.
    pub(crate) fn ended(&self, outcome: &'static str) {
        self.0.record("mainspring.outcome", outcome);
    }

    /// Records a failure: what kind of one, and why.
    pub(crate) fn failed(&self, kind: &'static str, why: impl Display) {
        self.0.record("otel.status_code", "ERROR").record("error.type", kind);
        self.0.record("otel.status_description", tracing::field::display(one_line(why)));
    }

    /// Records the error of a statement.
    pub(crate) fn result<T, E: Display>(&self, result: &Result<T, E>) {
        if let Err(error) = result {
            self.failed("_OTHER", error);
        }
    }

    /// Enters the span around each poll of `work`, and when it is dropped.
    pub(crate) fn around<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        work.instrument(self.0)
    }

    /// Runs `work` inside of the span.
    pub(crate) fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        self.0.in_scope(work)
    }
}
