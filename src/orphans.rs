//! Running jobs whose worker has no row, and since when this process knows of them. Such a worker may live until its fence shuts:
//! a person may have deleted its row. So nothing is taken before the longest time-out has passed that a worker had here. Knows
//! no connection. The protocol is in docs/notes/leases.md.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::store::presence::Orphan;

const BETWEEN_SEARCHES: Duration = Duration::from_secs(60);

/// What this process knows of orphans.
#[derive(Debug)]
pub(crate) struct Orphans {
    found: HashMap<Orphan, Instant>,
    longest_timeout: Duration,
    searched_at: Option<Instant>,
}

impl Orphans {
    /// Knows of none. That is the time-out of this worker.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { found: HashMap::new(), longest_timeout: timeout, searched_at: None }
    }

    /// Others have this time-out. One that has left keeps its jobs for as long as one that is there.
    pub(crate) fn note_timeout(&mut self, timeout: Duration) {
        self.longest_timeout = self.longest_timeout.max(timeout);
    }

    /// A search begins.
    pub(crate) fn search_begins(&mut self, now: Instant) {
        self.searched_at = Some(now);
    }

    /// Notes what a search has found that ends now, and returns the jobs that may be taken.
    pub(crate) fn note(&mut self, found: Vec<Orphan>, now: Instant) -> Vec<Orphan> {
        let still: HashSet<Orphan> = found.into_iter().collect();
        self.found.retain(|orphan, _| still.contains(orphan));
        for orphan in still {
            self.found.entry(orphan).or_insert(now);
        }
        let is_due = |since: Instant| now.saturating_duration_since(since) >= self.longest_timeout;
        self.found.iter().filter(|(_, since)| is_due(**since)).map(|(orphan, _)| *orphan).collect()
    }

    /// When to search again: when the next job may be taken, and each minute.
    pub(crate) fn search_at(&self, now: Instant) -> Instant {
        let Some(searched_at) = self.searched_at else { return now };
        let due = self.found.values().map(|since| *since + self.longest_timeout);
        due.filter(|due| *due > searched_at).fold(searched_at + BETWEEN_SEARCHES, Instant::min)
    }

    /// Whether a job waits until it may be taken.
    pub(crate) fn any_waits(&self, now: Instant) -> bool {
        self.found.values().any(|since| now < *since + self.longest_timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Duration = Duration::from_secs(4);

    fn search(orphans: &mut Orphans, found: &[Orphan], now: Instant) -> Vec<Orphan> {
        orphans.search_begins(now);
        orphans.note(found.to_vec(), now)
    }

    #[test]
    fn an_orphan_is_taken_when_it_was_known_for_the_longest_time_out() {
        let (mut orphans, now) = (Orphans::new(T), Instant::now());
        assert_eq!(orphans.search_at(now), now);
        assert_eq!(search(&mut orphans, &[(1, 7)], now), []);
        assert_eq!(orphans.search_at(now), now + T);
        assert_eq!(search(&mut orphans, &[(1, 7), (2, 8)], now + T / 2), []);
        assert_eq!(search(&mut orphans, &[(1, 7), (2, 8)], now + T), [(1, 7)]);
        assert!(orphans.any_waits(now + T));
        orphans.note_timeout(T * 2);
        assert_eq!(search(&mut orphans, &[(2, 8)], now + T * 2), []);
        assert_eq!(search(&mut orphans, &[(2, 8)], now + T * 3), [(2, 8)]);
    }

    #[test]
    fn one_that_was_no_orphan_meanwhile_or_has_another_lease_waits_again() {
        let (mut orphans, now) = (Orphans::new(T), Instant::now());
        search(&mut orphans, &[(1, 7), (2, 8)], now);
        search(&mut orphans, &[(2, 8)], now + T / 2);
        assert_eq!(search(&mut orphans, &[(1, 7), (2, 9)], now + T), []);
    }

    #[test]
    fn one_that_cannot_be_taken_is_tried_each_minute() {
        let (mut orphans, now) = (Orphans::new(T), Instant::now());
        search(&mut orphans, &[(1, 7)], now);
        assert_eq!(search(&mut orphans, &[(1, 7)], now + T), [(1, 7)]);
        assert_eq!(orphans.search_at(now + T), now + T + BETWEEN_SEARCHES);
        assert!(!orphans.any_waits(now + T));
    }
}
