//! How the attempts of a run have ended, by numbers. Knows neither the jobs nor the scheduler.

use std::fmt;

use serde::Serialize;

use crate::lifecycle::{Left, Outcome};

/// How the attempts ended that a scheduler has run: what [`Scheduler::run_once`](crate::Scheduler::run_once) returns.
///
/// It counts attempts. A job that failed, ran again at once and succeeded counts as `failed` and as `succeeded`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RunSummary {
    /// The job is done.
    pub succeeded: u64,
    /// The attempt failed, and another will follow.
    pub failed: u64,
    /// The job is dead: its last attempt failed, it was discarded, or it was superseded and did not succeed.
    pub dead: u64,
    /// The job was cancelled while it ran, or cancelled itself.
    pub cancelled: u64,
    /// The job snoozed itself.
    pub snoozed: u64,
    /// The job is held until a person releases it.
    pub held: u64,
    /// The attempt was stopped from outside, and the job waits to be run again.
    pub interrupted: u64,
    /// The lease was lost before the outcome could be stored: the job belongs to another process.
    pub lost: u64,
    /// The outcome is not stored yet, because the database refuses it, or because another transaction holds the row. The
    /// scheduler tries again for as long as it runs.
    pub unstored: u64,
}

/// How an attempt ended, by its outcome and by what that left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Succeeded,
    Failed,
    Dead,
    Cancelled,
    Snoozed,
    Held,
    Interrupted,
}

impl Ending {
    /// Returns nothing for a job that had not started.
    pub(crate) fn of(outcome: &Outcome, left: Left) -> Option<Self> {
        Some(match (left, outcome) {
            (Left::Gone | Left::Waiting, Outcome::Untouched | Outcome::Postponed { .. }) => return None,
            (Left::Dead | Left::SetApart, _) => Self::Dead,
            (Left::Gone | Left::Waiting, Outcome::Succeeded | Outcome::Completed) => Self::Succeeded,
            (Left::Waiting, Outcome::Failed { .. }) => Self::Failed,
            (Left::Waiting, Outcome::Held { .. }) => Self::Held,
            (Left::Waiting, Outcome::Snoozed { .. }) => Self::Snoozed,
            (Left::Waiting, Outcome::Interrupted) => Self::Interrupted,
            (
                Left::Gone,
                Outcome::Failed { .. }
                | Outcome::Held { .. }
                | Outcome::Snoozed { .. }
                | Outcome::Interrupted,
            )
            | (Left::Gone | Left::Waiting, Outcome::Cancelled { .. } | Outcome::Discarded { .. }) => {
                Self::Cancelled
            }
        })
    }
}

impl RunSummary {
    /// Returns how many attempts have ended.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.counts().iter().map(|(count, _)| count).sum()
    }

    /// Counts an attempt whose outcome is stored. A job that had not started is none.
    pub(crate) fn record(&mut self, outcome: &Outcome, left: Left) {
        let Some(how) = Ending::of(outcome, left) else { return };
        let count = match how {
            Ending::Succeeded => &mut self.succeeded,
            Ending::Failed => &mut self.failed,
            Ending::Dead => &mut self.dead,
            Ending::Cancelled => &mut self.cancelled,
            Ending::Snoozed => &mut self.snoozed,
            Ending::Held => &mut self.held,
            Ending::Interrupted => &mut self.interrupted,
        };
        *count += 1;
    }

    /// Counts an attempt whose lease was lost. Returns `false` for a job that had not started.
    pub(crate) fn record_lost(&mut self, outcome: &Outcome) -> bool {
        let ran = !matches!(outcome, Outcome::Untouched | Outcome::Postponed { .. });
        self.lost += u64::from(ran);
        ran
    }

    /// Returns what has ended after that. What is not stored yet remains.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            succeeded: self.succeeded - before.succeeded,
            failed: self.failed - before.failed,
            dead: self.dead - before.dead,
            cancelled: self.cancelled - before.cancelled,
            snoozed: self.snoozed - before.snoozed,
            held: self.held - before.held,
            interrupted: self.interrupted - before.interrupted,
            lost: self.lost - before.lost,
            unstored: self.unstored,
        }
    }

    /// Adds what has ended later.
    #[cfg(feature = "testing")]
    pub(crate) fn plus(self, later: Self) -> Self {
        Self {
            succeeded: self.succeeded + later.succeeded,
            failed: self.failed + later.failed,
            dead: self.dead + later.dead,
            cancelled: self.cancelled + later.cancelled,
            snoozed: self.snoozed + later.snoozed,
            held: self.held + later.held,
            interrupted: self.interrupted + later.interrupted,
            lost: self.lost + later.lost,
            unstored: later.unstored,
        }
    }

    fn counts(&self) -> [(u64, &'static str); 9] {
        [
            (self.succeeded, "succeeded"),
            (self.failed, "failed"),
            (self.dead, "dead"),
            (self.cancelled, "cancelled"),
            (self.snoozed, "snoozed"),
            (self.held, "held"),
            (self.interrupted, "interrupted"),
            (self.lost, "lost"),
            (self.unstored, "not stored"),
        ]
    }
}

/// Such as `3 attempts: 2 succeeded, 1 dead`.
impl fmt::Display for RunSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempts = self.attempts();
        write!(f, "{attempts} attempt{}", if attempts == 1 { "" } else { "s" })?;
        let counts = self.counts().into_iter().filter(|(count, _)| *count > 0);
        for ((count, what), before) in counts.zip([": "].into_iter().chain(std::iter::repeat(", "))) {
            write!(f, "{before}{count} {what}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn failed() -> Outcome {
        Outcome::Failed { error: "broken".into(), delay: Duration::ZERO, payload: None }
    }

    #[test]
    fn each_attempt_counts_once_by_what_it_left_behind() {
        let mut summary = RunSummary::default();
        summary.record(&Outcome::Succeeded, Left::Gone);
        summary.record(&Outcome::Completed, Left::Gone);
        summary.record(&failed(), Left::Waiting);
        summary.record(&failed(), Left::Dead);
        summary.record(&Outcome::Succeeded, Left::SetApart);
        summary.record(&failed(), Left::Gone);
        summary.record(&Outcome::Snoozed { delay: Duration::ZERO, payload: None }, Left::Waiting);
        summary.record(&Outcome::Held { reason: String::new(), payload: None }, Left::Waiting);
        summary.record(&Outcome::Interrupted, Left::Waiting);
        summary.record_lost(&failed());
        let expected = RunSummary {
            succeeded: 2,
            failed: 1,
            dead: 2,
            cancelled: 1,
            snoozed: 1,
            held: 1,
            interrupted: 1,
            lost: 1,
            unstored: 0,
        };
        assert_eq!((summary, summary.attempts()), (expected, 10));
    }

    #[test]
    fn a_job_that_had_not_started_is_no_attempt() {
        let mut summary = RunSummary::default();
        summary.record(&Outcome::Untouched, Left::Waiting);
        summary.record(&Outcome::Untouched, Left::Gone);
        summary.record_lost(&Outcome::Untouched);
        assert_eq!(summary, RunSummary::default());
    }

    #[test]
    fn a_summary_begins_where_the_one_before_ends() {
        let mut summary = RunSummary { succeeded: 3, dead: 1, ..RunSummary::default() };
        let before = summary;
        summary.record(&failed(), Left::Dead);
        assert_eq!(summary.since(before), RunSummary { dead: 1, ..RunSummary::default() });
    }

    #[test]
    fn its_text_names_what_happened() {
        let summary = RunSummary { succeeded: 2, dead: 1, ..RunSummary::default() };
        assert_eq!(summary.to_string(), "3 attempts: 2 succeeded, 1 dead");
        assert_eq!(RunSummary { dead: 1, ..RunSummary::default() }.to_string(), "1 attempt: 1 dead");
        assert_eq!(RunSummary::default().to_string(), "0 attempts");
    }
}
