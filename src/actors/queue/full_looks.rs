//! When to look at the very beginning of a range again, and not from where jobs were last found: for those that came late and
//! that nobody announced.

use std::time::{Duration, Instant};

/// How often that is.
pub(super) const EVERY: Duration = Duration::from_secs(5);
// Where many dead entries are there, such a look takes long: it is busy for a two-hundredth of the time, so that few jobs
// wait behind one.
const REST: u32 = 200;
const LONGEST_REST: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct FullLooks {
    last: Option<Instant>,
    /// Whether there is a reason not to wait for the next one's time.
    doubted: bool,
    rest_until: Option<Instant>,
}

impl FullLooks {
    /// The next one is made as soon as the last one has been paid for.
    pub(super) fn doubt(&mut self) {
        self.doubted = true;
    }

    pub(super) fn are_due(&self, now: Instant) -> bool {
        let rests = self.rest_until.is_some_and(|end| now < end);
        let late = self.last.is_none_or(|last| now.duration_since(last) >= EVERY);
        !rests && (self.doubted || late)
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.last = Some(now);
        self.doubted = false;
    }

    /// One that took so long has ended.
    pub(super) fn end(&mut self, now: Instant, took: Duration) {
        self.rest_until = now.checked_add((took * REST).min(LONGEST_REST));
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
        looks.doubt();
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
        looks.doubt();
        assert!(!looks.are_due(now + Duration::from_millis(19_999)));
        assert!(looks.are_due(now + Duration::from_secs(20)));
        looks.begin(now);
        looks.end(now, Duration::from_secs(3_600));
        assert!(looks.are_due(now + LONGEST_REST), "however long it took");
    }
}
