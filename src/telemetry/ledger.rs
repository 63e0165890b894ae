//! What the database has of the numbers, and whose turn it is to store the rest. A thread may hang with its connection for ever,
//! so its turn ends by the clock. Knows no number.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::lock::lock;

// A turn takes milliseconds.
const MOMENT: Duration = Duration::from_millis(200);
// Longer than the server carries out a statement.
const LONGEST_TURN: Duration = Duration::from_secs(35);

#[derive(Debug, Default)]
pub(super) struct Ledger<T> {
    page: Mutex<Page<T>>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Page<T> {
    stored: T,
    turns: u64,
    /// Since when the last turn lasts.
    since: Option<Instant>,
}

/// The right to store.
#[derive(Debug)]
pub(super) struct Turn(u64);

impl<T: Clone> Ledger<T> {
    /// Returns what is stored, and a turn, for which it waits for a moment. `None` if another thread keeps it.
    pub(super) fn begin(&self, now: Instant) -> Option<(Turn, T)> {
        let mut page = lock(&self.page);
        if page.is_taken(now) {
            let waited = self.freed.wait_timeout_while(page, MOMENT, |page| page.is_taken(now));
            let (freed, time) = waited.unwrap_or_else(PoisonError::into_inner);
            if time.timed_out() {
                return None;
            }
            page = freed;
        }
        page.turns += 1;
        page.since = Some(now);
        Some((Turn(page.turns), page.stored.clone()))
    }

    /// Ends a turn, which may have stored something. Nothing changes if another one has taken its place.
    pub(super) fn end(&self, Turn(turn): Turn, stored: Option<T>) {
        let mut page = lock(&self.page);
        if page.turns == turn {
            page.since = None;
            stored.into_iter().for_each(|stored| page.stored = stored);
            self.freed.notify_one();
        }
    }

    /// Returns what is stored, unless a thread has its turn. Waits for nothing.
    pub(super) fn at_rest(&self, now: Instant) -> Option<T> {
        let page: MutexGuard<'_, Page<T>> = lock(&self.page);
        (!page.is_taken(now)).then(|| page.stored.clone())
    }
}

impl<T> Page<T> {
    fn is_taken(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.saturating_duration_since(since) < LONGEST_TURN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_never_ends_its_turn_is_replaced_after_a_while() {
        let (ledger, now) = (Ledger::<u32>::default(), Instant::now());
        let (stuck, _) = ledger.begin(now).expect("the first turn");
        assert!(ledger.begin(now).is_none() && ledger.at_rest(now).is_none());
        let later = now + LONGEST_TURN;
        assert_eq!(ledger.at_rest(later), Some(0));
        let (turn, _) = ledger.begin(later).expect("its place");
        ledger.end(stuck, Some(7));
        assert!(ledger.begin(later).is_none(), "the turn of the other one");
        ledger.end(turn, Some(8));
        assert_eq!(ledger.at_rest(later), Some(8));
    }

    #[test]
    fn a_turn_that_stored_nothing_leaves_what_is_stored() {
        let (ledger, now) = (Ledger::<u32>::default(), Instant::now());
        for (stored, expected) in [(Some(7), 7), (None, 7)] {
            let (turn, _) = ledger.begin(now).expect("a turn");
            ledger.end(turn, stored);
            assert_eq!(ledger.at_rest(now), Some(expected));
        }
    }
}
