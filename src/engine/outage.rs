//! One kind of failure that repeats: it is reported once, tried again after a pause, and its end is reported once.
//! Knows no clock and writes no log: the caller passes the time and logs what the return value requires.

use std::time::{Duration, Instant};

/// How long to wait after a failed statement: a server that restarts gets a few statements, not thousands.
pub(crate) const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(500);

/// Whether an operation works, and when to try it again if not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Outage {
    /// The last try succeeded, or there was none.
    #[default]
    Over,
    /// The last try failed. The next one is due at this time.
    Since { retry_at: Instant },
}

/// Whether a failure is worth a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The first failure after a success: log it.
    First,
    /// One of a row of failures: do not log it again.
    Repeated,
}

impl Outage {
    /// Records a failed try. The next try is due after the pause.
    pub(crate) fn failed(&mut self, now: Instant, pause: Duration) -> Failure {
        let failure = match self {
            Self::Over => Failure::First,
            Self::Since { .. } => Failure::Repeated,
        };
        *self = Self::Since { retry_at: now + pause };
        failure
    }

    /// Records a success. Returns `true` if tries had failed before, which is worth a log line.
    pub(crate) fn recovered(&mut self) -> bool {
        std::mem::take(self) != Self::Over
    }

    /// Returns `true` while the pause after a failure lasts.
    pub(crate) fn blocks(&self, now: Instant) -> bool {
        self.retry_at().is_some_and(|retry_at| now < retry_at)
    }

    /// When the next try is due, if the last one failed.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        match self {
            Self::Over => None,
            Self::Since { retry_at } => Some(*retry_at),
        }
    }
}

/// An outage that is worth a log line only once it has lasted for a while.
#[derive(Debug, Default)]
pub(crate) struct LastingOutage {
    since: Option<Instant>,
    outage: Outage,
}

impl LastingOutage {
    /// Records a failed try. `First` is returned once, when tries have failed for so long.
    pub(crate) fn failed(&mut self, now: Instant, worth_a_line: Duration) -> Failure {
        let lasts = now.duration_since(*self.since.get_or_insert(now)) >= worth_a_line;
        if lasts { self.outage.failed(now, PAUSE_AFTER_ERROR) } else { Failure::Repeated }
    }

    /// Records a success. Returns `true` if the outage was worth a log line.
    pub(crate) fn recovered(&mut self) -> bool {
        self.since = None;
        self.outage.recovered()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_and_the_recovery_are_reported_once_each() {
        let (now, pause) = (Instant::now(), Duration::from_millis(500));
        let mut outage = Outage::default();
        assert!(!outage.recovered() && !outage.blocks(now));
        assert_eq!(outage.failed(now, pause), Failure::First);
        assert_eq!(outage.failed(now + pause, pause), Failure::Repeated);
        assert!(outage.recovered() && !outage.recovered());
        assert_eq!(outage.failed(now, pause), Failure::First);
    }

    #[test]
    fn an_outage_that_must_last_is_reported_once_when_it_has_lasted() {
        let (now, worth_a_line) = (Instant::now(), Duration::from_secs(5));
        let mut outage = LastingOutage::default();
        let failed =
            |outage: &mut LastingOutage, after| outage.failed(now + Duration::from_secs(after), worth_a_line);
        assert_eq!(failed(&mut outage, 0), Failure::Repeated);
        assert!(!outage.recovered(), "it was not reported");
        let later = [4, 8, 9, 10].map(|after| failed(&mut outage, after));
        assert_eq!(later, [Failure::Repeated, Failure::Repeated, Failure::First, Failure::Repeated]);
        assert!(outage.recovered() && !outage.recovered());
    }

    #[test]
    fn a_failure_blocks_until_its_pause_is_over() {
        let (now, pause) = (Instant::now(), Duration::from_millis(500));
        let mut outage = Outage::default();
        outage.failed(now, pause);
        assert_eq!(outage.retry_at(), Some(now + pause));
        assert!(outage.blocks(now + pause / 2) && !outage.blocks(now + pause));
    }
}
