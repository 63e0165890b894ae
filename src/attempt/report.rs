//! What is logged about the end of an attempt. Success and cancellation are certain when the attempt ends. What becomes of any
//! other job is certain only once its outcome is stored: its row may have been superseded or cancelled meanwhile.

use std::fmt;
use std::time::Duration;

use log::Level;

use super::context::JobContext;
use super::log_line::log_attempt;
use crate::events::{EndedAttempt, why_dead};
use crate::lifecycle::{Left, Outcome};
use crate::text::one_line;

/// How long an attempt took, in the unit that a person reads with ease.
struct Lasted(Duration);

impl fmt::Display for Lasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs_f64() {
            short if short < 10.0 => write!(f, "{:.1} ms", short * 1000.0),
            long => write!(f, "{long:.1} s"),
        }
    }
}

/// When the end of an attempt is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reported {
    Now,
    Later,
}

/// Logs the end of an attempt whose job is certain to be finished.
pub(super) fn report_end(job: &JobContext, outcome: &Outcome, took: Duration, level: Level) -> Reported {
    let (id, task, attempt, most) = (job.id(), one_line(job.task()), job.attempt(), job.max_attempts());
    let (took, milliseconds) = (Lasted(took), in_milliseconds(took));
    match outcome {
        Outcome::Succeeded | Outcome::Completed => {
            log_attempt!(at level, job, milliseconds = milliseconds; "job {id} `{task}` succeeded in {took}, attempt {attempt} of {most}");
            Reported::Now
        }
        Outcome::Cancelled { reason } => {
            log_attempt!(Info, job, milliseconds = milliseconds; "job {id} `{task}` was cancelled after {took}: {}", one_line(reason));
            Reported::Now
        }
        Outcome::Failed { .. }
        | Outcome::Discarded { .. }
        | Outcome::Held { .. }
        | Outcome::Snoozed { .. }
        | Outcome::Interrupted
        | Outcome::Untouched
        | Outcome::Postponed { .. } => Reported::Later,
    }
}

/// Logs the end of any other attempt, with the state that its row has reached.
pub(crate) fn report_stored(ended: &EndedAttempt, outcome: &Outcome, left: Left) {
    let EndedAttempt { job, max_attempts: most, took } = ended;
    let (took, milliseconds) = (Lasted(*took), in_milliseconds(*took));
    let (id, task, attempt) = (job.id, one_line(&job.task), job.attempt);
    let what = match outcome {
        Outcome::Succeeded
        | Outcome::Completed
        | Outcome::Cancelled { .. }
        | Outcome::Untouched
        | Outcome::Postponed { .. } => return,
        Outcome::Failed { .. } => format!("failed in {took}"),
        Outcome::Discarded { .. } => format!("was discarded after {took}"),
        Outcome::Held { .. } => format!("is held after {took}"),
        Outcome::Snoozed { .. } => format!("snoozed after {took}"),
        Outcome::Interrupted => format!("was interrupted after {took}"),
    };
    let why = why_dead(ended, outcome, left);
    let why = one_line(&why);
    let delay = outcome.delay().as_secs_f64();
    match (left, outcome) {
        (Left::Dead, Outcome::Discarded { .. }) => {
            log_attempt!(Error, job, milliseconds = milliseconds;
                "job {id} `{task}` {what}, attempt {attempt} of {most}: {why}");
        }
        (Left::Dead | Left::SetApart, _) => {
            log_attempt!(Error, job, milliseconds = milliseconds;
                "job {id} `{task}` {what} and is dead, attempt {attempt} of {most}: {why}");
        }
        (Left::Gone, _) => {
            log_attempt!(Info, job, milliseconds = milliseconds; "job {id} `{task}` {what}, and was cancelled: {why}");
        }
        (Left::Waiting, Outcome::Failed { .. }) => {
            log_attempt!(Warn, job, milliseconds = milliseconds;
                "job {id} `{task}` {what}, attempt {attempt} of {most}, next in {delay:.1} s: {why}");
        }
        (Left::Waiting, Outcome::Held { .. }) => {
            log_attempt!(Error, job, milliseconds = milliseconds;
                "job {id} `{task}` {what} until it is released: {why}");
        }
        (Left::Waiting, Outcome::Snoozed { .. }) => {
            log_attempt!(Info, job, milliseconds = milliseconds; "job {id} `{task}` {what} for {delay:.1} s");
        }
        (Left::Waiting, _) => {
            log_attempt!(Warn, job, milliseconds = milliseconds; "job {id} `{task}` {what} and goes back");
        }
    }
}

// To the microsecond.
fn in_milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_seconds_and_short_ones_milliseconds() {
        let shown = [0, 250, 9_999_900, 10_000_000, 11_344_000]
            .map(|us| Lasted(Duration::from_micros(us)).to_string());
        assert_eq!(shown, ["0.0 ms", "0.2 ms", "9999.9 ms", "10.0 s", "11.3 s"]);
    }
}
