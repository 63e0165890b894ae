//! Queues that are to be asked again at a moment of their own: their rates let the next job through then, or somebody held
//! their row. The gates of others do not wait for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::store::admit::AdmissionResult;

// Another process is admitting to the same queue, which takes it a millisecond. It does not tell when it is done.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
// An application has changed the queue in a transaction that goes on. Its commit is announced.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct AskAgain {
    moments: BTreeSet<(Instant, String)>,
    /// Queues whose rows somebody held when they were asked last, with the pause and its end.
    held: BTreeMap<String, (Duration, Instant)>,
}

impl AskAgain {
    pub(super) fn after(&mut self, queue: String, now: Instant, pause: Duration) {
        self.moments.extend(now.checked_add(pause).map(|due| (due, queue)));
    }

    /// Somebody held its row: each time in a row it is left alone for longer.
    pub(super) fn held(&mut self, queue: String, now: Instant) {
        let last = self.held.get(&queue);
        // Others may have asked for it meanwhile.
        if last.is_some_and(|(_, end)| now < *end) {
            return;
        }
        let pause = last.map_or(FIRST_PAUSE, |(pause, _)| (*pause * 2).min(LONGEST_PAUSE));
        self.held.insert(queue.clone(), (pause, now + pause));
        self.after(queue, now, pause);
    }

    /// Their rows are not held any more.
    pub(super) fn free(&mut self, seen: &[AdmissionResult]) {
        for seen in seen.iter().filter(|seen| seen.row_at.is_some()) {
            self.held.remove(&seen.queue);
        }
    }

    /// Takes one whose moment has come.
    pub(super) fn take(&mut self, now: Instant) -> Option<String> {
        let (due, _) = self.moments.first()?;
        if *due > now {
            return None;
        }
        self.moments.pop_first().map(|(_, queue)| queue)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.moments.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn a_queue_is_taken_at_its_moment_and_the_earliest_first() {
        let now = Instant::now();
        let mut again = AskAgain::default();
        again.after("late".into(), now, 20 * MILLISECOND);
        again.after("soon".into(), now, 10 * MILLISECOND);
        again.after("never".into(), now, Duration::MAX);
        assert_eq!(again.next(), Some(now + 10 * MILLISECOND));
        assert_eq!(again.take(now + 9 * MILLISECOND), None);
        assert_eq!(again.take(now + 20 * MILLISECOND).as_deref(), Some("soon"));
        assert_eq!(again.take(now + 20 * MILLISECOND).as_deref(), Some("late"));
        assert_eq!((again.take(now + 20 * MILLISECOND), again.next()), (None, None));
    }

    #[test]
    fn a_queue_that_somebody_holds_is_left_alone_longer_each_time_until_it_is_free() {
        let mut now = Instant::now();
        let mut again = AskAgain::default();
        for pause in [5, 10, 20, 40, 80, 160, 320, 500, 500] {
            again.held("q".into(), now);
            again.held("q".into(), now);
            now += pause * MILLISECOND;
            assert_eq!(again.next(), Some(now));
            assert_eq!(again.take(now).as_deref(), Some("q"));
            assert_eq!(again.take(now), None, "it was asked for once");
        }
        let seen = |row_at: Option<&str>| AdmissionResult {
            queue: "q".into(),
            looked: true,
            first: None,
            row_at: row_at.map(str::to_owned),
        };
        again.free(&[seen(None)]);
        again.held("q".into(), now);
        assert_eq!(again.next(), Some(now + 500 * MILLISECOND), "it is held still");
        again.free(&[seen(Some("(0,1)"))]);
        again.take(now + 500 * MILLISECOND);
        again.held("q".into(), now);
        assert_eq!(again.next(), Some(now + 5 * MILLISECOND));
    }
}
