//! When to look at the very beginning of a range again, and not from where jobs were last found: for those that came late and
//! that nobody announced.

use std::time::{Duration, Instant};

/// How often that is.
pub(super) const EVERY: Duration = Duration::from_secs(5);

/// Where many dead entries are there, such a look takes long. It rests many times as long as it took, so that few jobs wait
/// behind one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Rest {
    #[default]
    Long,
    /// Where nothing is announced, so that looks alone find what came late.
    Short,
}

impl Rest {
    fn after(self, took: Duration) -> Duration {
        match self {
            Self::Long => (took * 200).min(Duration::from_secs(60)),
            Self::Short => (took * 20).min(Duration::from_secs(6)),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct FullLooks {
    last: Option<Instant>,
    /// A reason not to wait for the next one's time.
    doubt: Option<Rest>,
    /// When the last one ended, and how long it took.
    ended: Option<(Instant, Duration)>,
}

impl FullLooks {
    /// The next one is made as soon as the last one has rested.
    pub(super) fn doubt(&mut self, rest: Rest) {
        self.doubt = Some(rest);
    }

    pub(super) fn are_due(&self, now: Instant) -> bool {
        let rest = self.doubt.unwrap_or_default();
        let rests =
            self.ended.is_some_and(|(end, took)| now.saturating_duration_since(end) < rest.after(took));
        let late = self.last.is_none_or(|last| now.duration_since(last) >= EVERY);
        !rests && (self.doubt.is_some() || late)
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.last = Some(now);
        self.doubt = None;
    }

    /// One that took so long has ended.
    pub(super) fn end(&mut self, now: Instant, took: Duration) {
        self.ended = Some((now, took));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_due_at_first_then_after_a_while_or_when_there_is_doubt() {
        let now = Instant::now();
        let mut looks = FullLooks::default();
        assert!(looks.are_due(now));
        looks.begin(now);
        assert!(!looks.are_due(now + EVERY - Duration::from_millis(1)));
        assert!(looks.are_due(now + EVERY));
        looks.doubt(Rest::Long);
        assert!(looks.are_due(now));
        looks.begin(now);
        assert!(!looks.are_due(now));
    }

    #[test]
    fn one_that_takes_long_is_not_made_again_until_it_was_paid_for_whatever_the_doubt() {
        let now = Instant::now();
        let mut looks = FullLooks::default();
        looks.begin(now);
        looks.end(now, Duration::from_millis(100));
        looks.doubt(Rest::Long);
        assert!(!looks.are_due(now + Duration::from_millis(19_999)));
        looks.doubt(Rest::Short);
        assert!(!looks.are_due(now + Duration::from_millis(1_999)));
        assert!(looks.are_due(now + Duration::from_secs(2)), "sooner where nothing is announced");
        looks.doubt(Rest::Long);
        assert!(looks.are_due(now + Duration::from_secs(20)));
        looks.begin(now);
        looks.end(now, Duration::from_secs(3_600));
        assert!(looks.are_due(now + Duration::from_secs(60)), "however long it took");
    }
}
