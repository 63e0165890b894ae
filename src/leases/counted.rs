//! What a lease tells the statistics about its attempt.

use std::time::Duration;

use super::Lease;
use crate::events::{EndedAttempt, why_dead};
use crate::lifecycle::Left;
use crate::telemetry::{Failed, Happened};

impl Lease {
    /// Counts the start of the attempt.
    pub(crate) fn count_start(&self, wait: Duration) {
        self.book.telemetry.count(self.held().place, Happened::Started { wait });
    }

    /// Counts the attempt, whose outcome is stored.
    pub(crate) fn count_end(&self, left: Left, ended: Option<&EndedAttempt>) {
        let held = self.held();
        let Some(happened) = Happened::ended(&held.settlement.outcome, left, held.took) else { return };
        match happened.failure() {
            None => self.book.telemetry.count(held.place, happened),
            Some(end) => {
                let outcome = &held.settlement.outcome;
                let attempt = ended.map(|ended| ended.job.attempt);
                let error = ended.map(|ended| why_dead(ended, outcome, left));
                let error = error.unwrap_or_else(|| outcome.reason().unwrap_or(outcome.as_str()).to_owned());
                let failed = Failed { job_id: held.settlement.id, attempt, error, end };
                self.book.telemetry.count_failed(held.place, happened, failed);
            }
        }
    }

    /// Counts an attempt whose lease was lost.
    pub(crate) fn count_lost(&self) {
        self.book.telemetry.count(self.held().place, Happened::Lost);
    }
}
