//! What ran when a test asked for it: attempts, as the events of the scheduler have reported them.

use std::fmt;
use std::time::Duration;

use crate::event::{Event, JobFacts};
use crate::job::Task;
use crate::run_summary::RunSummary;

/// The attempts that have ended, in the order in which their outcomes were stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[must_use = "a job may have failed"]
pub struct Report {
    /// Each attempt.
    pub attempts: Vec<Attempt>,
    /// How many there were of each outcome.
    pub summary: RunSummary,
}

/// An attempt that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it may have failed"]
pub struct Attempt {
    /// The job, and which attempt it was.
    pub job: JobFacts,
    /// How it ended.
    pub outcome: AttemptOutcome,
}

/// How an attempt has ended, and what became of its job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// The job is done.
    Succeeded,
    /// It failed, and the next attempt is due after this time.
    Failed {
        /// Why, with all causes.
        error: String,
        /// After how long the next attempt is due.
        next_in: Duration,
    },
    /// It failed, and the job is dead.
    Dead {
        /// Why, with all causes.
        error: String,
    },
    /// The job was cancelled, or cancelled itself.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// The job is held until a person releases it.
    Held {
        /// Why.
        reason: String,
    },
    /// The job has snoozed.
    Snoozed {
        /// After how long it is due again.
        next_in: Duration,
    },
    /// It was stopped from outside, and the job waits to be run again.
    Interrupted,
}

impl Attempt {
    fn of(event: Event) -> Option<Self> {
        let (job, outcome) = match event {
            Event::JobSucceeded { job, .. } => (job, AttemptOutcome::Succeeded),
            Event::JobFailed { job, error, next_in, .. } => (job, AttemptOutcome::Failed { error, next_in }),
            Event::JobDead { job, error, .. } => (job, AttemptOutcome::Dead { error }),
            Event::JobCancelled { job, reason, .. } => (job, AttemptOutcome::Cancelled { reason }),
            Event::JobHeld { job, reason, .. } => (job, AttemptOutcome::Held { reason }),
            Event::JobSnoozed { job, next_in } => (job, AttemptOutcome::Snoozed { next_in }),
            Event::JobInterrupted(job) => (job, AttemptOutcome::Interrupted),
            _ => return None,
        };
        Some(Self { job, outcome })
    }

    /// Returns `true` if the job is done.
    #[must_use]
    pub fn has_succeeded(&self) -> bool {
        self.outcome == AttemptOutcome::Succeeded
    }
}

impl Report {
    pub(super) fn new(events: Vec<Event>, summary: RunSummary) -> Self {
        Self { attempts: events.into_iter().filter_map(Attempt::of).collect(), summary }
    }

    pub(super) fn append(&mut self, later: Self) {
        self.attempts.extend(later.attempts);
        self.summary = self.summary.plus(later.summary);
    }

    /// Returns the attempts of a task.
    pub fn of<T: Task>(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| attempt.job.task == T::NAME)
    }

    /// Returns the attempts that have not succeeded.
    pub fn not_succeeded(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| !attempt.has_succeeded())
    }

    /// Returns the report if every attempt has succeeded.
    ///
    /// # Panics
    ///
    /// With all attempts, if one has not.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(self.not_succeeded().next().is_none(), "not every attempt has succeeded: {self}");
        self
    }
}

/// Such as `job 7 report.publish, attempt 1: failed: no report; again in 2.8s`.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let JobFacts { id, task, attempt, .. } = &self.job;
        write!(f, "job {id} {task}, attempt {attempt}: {}", self.outcome)
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("succeeded"),
            Self::Failed { error, next_in } => write!(f, "failed: {error}; again in {next_in:.1?}"),
            Self::Dead { error } => write!(f, "dead: {error}"),
            Self::Cancelled { reason } => write!(f, "cancelled: {reason}"),
            Self::Held { reason } => write!(f, "held: {reason}"),
            Self::Snoozed { next_in } => write!(f, "snoozed; again in {next_in:.1?}"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// The summary, and a line for each attempt.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.summary)?;
        self.attempts.iter().try_for_each(|attempt| write!(f, "\n  {attempt}"))
    }
}
