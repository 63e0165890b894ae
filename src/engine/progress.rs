//! Plans the writes of progress: jobs may report as often as they like, and the latest report of each is written at
//! most once a second.

use std::time::{Duration, Instant};

// A person who watches a progress bar does not see more.
const INTERVAL: Duration = Duration::from_secs(1);

/// When to write the reports that have come in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ProgressPlanner {
    #[default]
    Idle,
    Requested,
    Writing,
    /// The last write is less than a second ago. Reports that came in since then are written afterwards.
    Resting(Instant),
}

impl ProgressPlanner {
    /// Reports have come in. While a write runs or rests, the next one takes them along.
    pub(super) fn request(&mut self) {
        if *self == Self::Idle {
            *self = Self::Requested;
        }
    }

    /// Returns `true` if the reports are to be written now.
    pub(super) fn next(&mut self, now: Instant) -> bool {
        let is_due = match *self {
            Self::Requested => true,
            Self::Resting(until) => until <= now,
            Self::Idle | Self::Writing => false,
        };
        if is_due {
            *self = Self::Writing;
        }
        is_due
    }

    /// The reports were written, or could not be.
    pub(super) fn finished(&mut self, now: Instant) {
        *self = Self::Resting(now + INTERVAL);
    }

    /// There were no reports.
    pub(super) fn found_none(&mut self) {
        *self = Self::Idle;
    }

    pub(super) fn wake_at(self) -> Option<Instant> {
        if let Self::Resting(until) = self { Some(until) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_written_at_once_and_then_once_a_second() {
        let now = Instant::now();
        let mut progress = ProgressPlanner::default();
        assert!(!progress.next(now));
        progress.request();
        assert!(progress.next(now) && !progress.next(now));
        progress.request();
        progress.finished(now);
        assert!(!progress.next(now + INTERVAL / 2));
        assert_eq!(progress.wake_at(), Some(now + INTERVAL));
        assert!(progress.next(now + INTERVAL));
        progress.found_none();
        assert!(!progress.next(now + INTERVAL) && progress.wake_at().is_none());
    }
}
