//! What a lease tells the statistics about its attempt.

use std::time::Duration;

use super::Lease;
use crate::lifecycle::Left;
use crate::telemetry::Happened;

impl Lease {
    /// Counts the start of the attempt.
    pub(crate) fn count_start(&self, wait: Duration) {
        self.book.telemetry.count(self.held().place, Happened::Started { wait });
    }

    /// Counts the attempt, whose outcome is stored.
    pub(crate) fn count_end(&self, left: Left) {
        let held = self.held();
        if let Some(ended) = Happened::ended(&held.settlement.outcome, left, held.took) {
            self.book.telemetry.count(held.place, ended);
        }
    }

    /// Counts an attempt whose lease was lost.
    pub(crate) fn count_lost(&self) {
        self.book.telemetry.count(self.held().place, Happened::Lost);
    }
}
