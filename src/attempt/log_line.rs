//! Log lines of attempts: each has the job as fields, which are key-value pairs of the crate `log`.

use super::context::JobContext;
use crate::event::JobFacts;

/// The job of a line, and which attempt of it.
#[derive(Clone, Copy)]
pub(super) struct Attempted<'a> {
    pub(super) id: i64,
    pub(super) task: &'a str,
    pub(super) queue: Option<&'a str>,
    pub(super) attempt: i16,
}

impl<'a> From<&'a JobContext> for Attempted<'a> {
    fn from(job: &'a JobContext) -> Self {
        Self { id: job.id(), task: job.task(), queue: job.queue(), attempt: job.attempt() }
    }
}

impl<'a> From<&'a JobFacts> for Attempted<'a> {
    fn from(job: &'a JobFacts) -> Self {
        Self { id: job.id, task: &job.task, queue: job.queue.as_deref(), attempt: job.attempt }
    }
}

/// Logs a line of an attempt with the fields `job`, `task`, `attempt` and `queue`, empty without one, and others that are given:
/// `log_attempt!(Warn, job, milliseconds = 7.5; "text")`, or `log_attempt!(at level, job; "text")`.
macro_rules! log_attempt {
    (at $level:expr, $job:expr $(, $key:ident = $value:expr)*; $($text:tt)+) => {{
        let job = $crate::attempt::log_line::Attempted::from($job);
        log::log!(
            target: $crate::attempt::log_target::TARGET, $level,
            job = job.id, task = job.task, attempt = job.attempt, queue = job.queue.unwrap_or_default() $(, $key = $value)*;
            $($text)+
        )
    }};
    ($level:ident, $($rest:tt)+) => { log_attempt!(at log::Level::$level, $($rest)+) };
}

pub(super) use log_attempt;
