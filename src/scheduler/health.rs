//! The health of a running scheduler, as its actors have noted it.

use super::handle::Scheduler;
use crate::probe::Health;

impl Scheduler {
    /// Returns what is wrong with this scheduler, if anything is. It costs no statement and waits for nothing, so a probe may
    /// call it as often as it likes. What changes shows within 10 seconds, with the default settings; see the
    /// [guide](crate::guide::observability).
    ///
    /// ```no_run
    /// # fn example(scheduler: mainspring::Scheduler) {
    /// let health = scheduler.health();
    /// if !health.ready().passed() {
    ///     for reason in &health.reasons {
    ///         eprintln!("{}: {reason}", reason.code());
    ///     }
    /// }
    /// # }
    /// ```
    pub fn health(&self) -> Health {
        self.0.shared.health()
    }
}
