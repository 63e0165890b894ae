//! The phase of a scheduler. A stop is requested by moving it on, from any thread; everything that must end observes it.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::lock::lock;

// Longer grace periods count as this long: a year.
const LONGEST_GRACE: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Where a scheduler is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// A stop was requested. Running jobs can observe it.
    Stopping,
    /// All is given back or left for a rescue, and nothing is done any more.
    Stopped,
}

/// The current phase. It only moves on.
#[derive(Debug)]
pub(crate) struct PhaseWatch {
    phase: watch::Sender<Phase>,
    stopping_since: OnceLock<Instant>,
    grace_ends_at: Mutex<Option<Instant>>,
}

impl Default for PhaseWatch {
    fn default() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Running),
            stopping_since: OnceLock::new(),
            grace_ends_at: Mutex::default(),
        }
    }
}

impl PhaseWatch {
    pub(crate) fn current(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Moves on to a phase, unless it is reached already.
    pub(crate) fn advance(&self, to: Phase) {
        if to >= Phase::Stopping {
            self.stopping_since.get_or_init(Instant::now);
        }
        self.phase.send_if_modified(|phase| {
            let moves = *phase < to;
            *phase = to.max(*phase);
            moves
        });
    }

    /// Requests a stop. Running jobs may go on for so long. Of several requests that one counts whose time ends first.
    pub(crate) fn request_stop(&self, grace: Duration) {
        let ends_at = Instant::now() + grace.min(LONGEST_GRACE);
        let mut earliest = lock(&self.grace_ends_at);
        *earliest = Some(earliest.map_or(ends_at, |earliest| earliest.min(ends_at)));
        drop(earliest);
        self.advance(Phase::Stopping);
    }

    /// Until when running jobs may go on; `None` before a stop was requested.
    pub(crate) fn grace_ends_at(&self) -> Option<Instant> {
        *lock(&self.grace_ends_at)
    }

    /// When the stop was requested.
    pub(crate) fn stopping_since(&self) -> Option<Instant> {
        self.stopping_since.get().copied()
    }

    /// Waits until the phase is reached. Cancel-safe.
    pub(crate) async fn reached(&self, phase: Phase) {
        // The sender lives here, so waiting cannot fail.
        let _ = self.phase.subscribe().wait_for(|current| *current >= phase).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn of_several_requests_that_one_counts_whose_time_ends_first() {
        let phase = PhaseWatch::default();
        assert_eq!(phase.grace_ends_at(), None);
        phase.request_stop(Duration::MAX);
        let longest = phase.grace_ends_at();
        phase.request_stop(Duration::from_secs(60));
        let shorter = phase.grace_ends_at();
        assert!(phase.current() == Phase::Stopping && shorter < longest, "{shorter:?}, {longest:?}");
        phase.request_stop(Duration::from_secs(3_600));
        assert_eq!(phase.grace_ends_at(), shorter);
    }

    #[test]
    fn a_phase_only_moves_on_and_wakes_those_who_wait_for_it() {
        let phase = PhaseWatch::default();
        let (mut stopping, mut stopped) =
            (Box::pin(phase.reached(Phase::Stopping)), Box::pin(phase.reached(Phase::Stopped)));
        assert!((&mut stopping).now_or_never().is_none());
        phase.advance(Phase::Stopping);
        assert!(stopping.now_or_never().is_some() && (&mut stopped).now_or_never().is_none());
        phase.advance(Phase::Stopped);
        phase.advance(Phase::Stopping);
        assert_eq!(phase.current(), Phase::Stopped);
        assert!(stopped.now_or_never().is_some());
    }
}
