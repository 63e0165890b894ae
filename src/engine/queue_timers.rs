//! When to admit from a queue again without a notification: its rate lets the next job through then, or another
//! session held its row. Other queues do not wait for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

// Another process admits from the same queue, which takes it about a millisecond. Its end is not announced.
const MIN_PAUSE: Duration = Duration::from_millis(5);
// An application has changed the queue in a transaction that stays open. Its commit is announced.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// The timers of all queues.
#[derive(Debug, Default)]
pub(super) struct QueueTimers {
    due: BTreeSet<(Instant, String)>,
    /// Queues whose row another session held at the last try: the pause, and its end.
    locked: BTreeMap<String, (Duration, Instant)>,
}

impl QueueTimers {
    /// Sets a timer. A delay beyond the range of the clock sets none.
    pub(super) fn set(&mut self, queue: String, now: Instant, delay: Duration) {
        self.due.extend(now.checked_add(delay).map(|due| (due, queue)));
    }

    /// Sets a timer for a queue whose row another session held. The pause doubles with each try in a row.
    pub(super) fn row_locked(&mut self, queue: String, now: Instant) {
        let last = self.locked.get(&queue);
        // An announcement may have led to a try before the pause was over.
        if last.is_some_and(|(_, end)| now < *end) {
            return;
        }
        let pause = last.map_or(MIN_PAUSE, |(pause, _)| (*pause * 2).min(MAX_PAUSE));
        self.locked.insert(queue.clone(), (pause, now + pause));
        self.set(queue, now, pause);
    }

    /// Records that an admission could lock the row of the queue.
    pub(super) fn row_free(&mut self, queue: &str) {
        self.locked.remove(queue);
    }

    /// Takes a queue whose timer is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<String> {
        let (due, _) = self.due.first()?;
        if *due > now {
            return None;
        }
        self.due.pop_first().map(|(_, queue)| queue)
    }

    /// Returns `true` if another session has held the row of a queue for no longer than an admission or a short
    /// transaction takes.
    pub(super) fn wait_for_a_row(&self) -> bool {
        self.locked.values().any(|(pause, _)| *pause < MAX_PAUSE)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn a_queue_is_taken_when_its_timer_is_due_and_the_earliest_first() {
        let now = Instant::now();
        let mut timers = QueueTimers::default();
        timers.set("late".into(), now, 20 * MILLISECOND);
        timers.set("soon".into(), now, 10 * MILLISECOND);
        timers.set("never".into(), now, Duration::MAX);
        assert_eq!(timers.next(), Some(now + 10 * MILLISECOND));
        assert_eq!(timers.take_due(now + 9 * MILLISECOND), None);
        assert_eq!(timers.take_due(now + 20 * MILLISECOND).as_deref(), Some("soon"));
        assert_eq!(timers.take_due(now + 20 * MILLISECOND).as_deref(), Some("late"));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn the_pause_of_a_locked_queue_doubles_up_to_its_bound_until_it_is_free() {
        let mut now = Instant::now();
        let mut timers = QueueTimers::default();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            timers.row_locked("a".into(), now);
            let due = timers.next().unwrap();
            pauses.push(due - now);
            now = due;
            assert_eq!(timers.take_due(now).as_deref(), Some("a"));
        }
        assert_eq!(pauses[..3], [5, 10, 20].map(Duration::from_millis));
        assert_eq!(pauses[7..], [MAX_PAUSE, MAX_PAUSE]);
        timers.row_free("a");
        timers.row_locked("a".into(), now);
        assert_eq!(timers.next(), Some(now + MIN_PAUSE));
        timers.row_locked("a".into(), now + MILLISECOND);
        assert_eq!(timers.due.len(), 1, "a try within the pause sets no second timer");
    }
}
