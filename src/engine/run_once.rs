//! When no job is left that this process could run now: the planners expect none, and a look everywhere, begun after the
//! last outcome was stored, has found none.

use super::once::{Once, RunEnd, not_alive};
use super::{Engine, Mode};
use crate::run_summary::RunSummary;

impl<R> Engine<R> {
    /// Begins to look for jobs everywhere, until [`Self::take_run_end`] returns an end.
    pub(crate) fn run_once(&mut self) {
        self.look_everywhere();
        self.once = match self.mode {
            Mode::Active => Once::Looking,
            Mode::Suspended => Once::Ended(RunEnd::Failed(not_alive())),
            Mode::Draining => Once::Ended(RunEnd::Stopped),
        };
    }

    /// Returns how the attempts of this process have ended so far.
    pub(crate) fn summary(&self) -> RunSummary {
        RunSummary { unstored: self.settle.set_aside() as u64, ..self.settle.summary }
    }

    /// Returns how a run has ended, once.
    pub(crate) fn take_run_end(&mut self) -> Option<RunEnd> {
        if matches!(self.once, Once::Looking) && self.expects_no_job() {
            self.once = Once::Ended(RunEnd::NoneReady);
        }
        let end = self.once.take_end();
        #[cfg(feature = "testing")]
        if end.is_some() {
            self.hold_again();
        }
        end
    }

    /// Looks everywhere once more, if that is all that a run waits for.
    pub(super) fn look_again(&mut self) -> bool {
        let is_due = matches!(self.once, Once::LooksAgain) && self.expects_no_job();
        if is_due {
            self.look_everywhere();
            self.once = Once::Looking;
        }
        is_due
    }

    /// How many more jobs this run may claim.
    #[cfg(not(feature = "testing"))]
    pub(super) fn claims_left(&self) -> usize {
        usize::MAX
    }

    // No statement runs that could bring a job, and none is planned. What cannot be stored now is no reason to wait.
    fn expects_no_job(&self) -> bool {
        // A run that may claim no more leaves the rest.
        let is_bounded = self.claims_left() == 0;
        let admits = self.claim.eligibility.may_admit() && !is_bounded;
        let admits_none = if admits { self.admission.expects_none() } else { !self.admission.is_running() };
        let claims_none = if is_bounded { self.claim.is_idle() } else { self.claim.expects_none() };
        admits_none
            && self.enqueue.is_idle()
            && claims_none
            && self.is_leasing_settled()
            && self.settle.is_idle()
            && self.releases.is_idle()
            && self.leases.count() == self.settle.set_aside()
    }
}
