//! One scan cursor for the parked jobs of each queue that was admitted from lately.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::cursor::{Cooldown, ScanCursor};
use crate::store::admit::{AdmissionHint, AdmissionResult, ParkedJobs};
use crate::store::claim::Position;

// As many as a process could admit from in one interval of full scans. Beyond it all cursors start again.
const MAX_QUEUES: usize = 10_000;

/// The cursors by the names of their queues.
#[derive(Debug, Default)]
pub(crate) struct ParkedCursors(HashMap<String, QueueCursor>);

#[derive(Debug, Default)]
struct QueueCursor {
    parked: ScanCursor,
    /// Where the queue's own row was last seen.
    row_at: Option<String>,
    scan: Scan,
}

/// What the running admission reads of a queue.
#[derive(Debug, Default, PartialEq, Eq)]
enum Scan {
    #[default]
    FromCursor,
    Full,
}

impl ParkedCursors {
    /// Records that jobs of the queue may be parked from this position on, or anywhere. A queue without a cursor is
    /// read from its start in any case.
    pub(crate) fn announce(&mut self, queue: &str, from: Option<Position>) {
        if let Some(cursor) = self.0.get_mut(queue) {
            cursor.parked.announce(from);
        }
    }

    /// Starts an admission. Returns where to read in each queue.
    pub(crate) fn start(&mut self, queues: &[String], now: Instant) -> Vec<AdmissionHint> {
        if self.0.len() + queues.len() > MAX_QUEUES {
            self.0.clear();
        }
        let hint = |queue: &String| {
            let cursor = self.0.entry(queue.clone()).or_default();
            let parked_from = cursor.parked.start(now);
            cursor.scan = if parked_from.is_none() { Scan::Full } else { Scan::FromCursor };
            AdmissionHint { parked_from, row_at: cursor.row_at.clone() }
        };
        queues.iter().map(hint).collect()
    }

    /// Ends an admission that took this long.
    pub(crate) fn advance(
        &mut self,
        results: &[AdmissionResult],
        now: Instant,
        utc: DateTime<Utc>,
        took: Duration,
    ) {
        for result in results {
            let Some(cursor) = self.0.get_mut(&result.queue) else { continue };
            cursor.row_at.clone_from(&result.row_at);
            match (&cursor.scan, result.scan) {
                (Scan::Full, ParkedJobs::Scanned) => cursor.parked.full_scan_ended(now, took),
                // The queue had no room: the full scan is still owed.
                (Scan::Full, ParkedJobs::Unknown) => cursor.parked.request_full_scan(Cooldown::Long),
                (Scan::FromCursor, _) => {}
            }
            if result.first.is_some() {
                cursor.parked.advance(result.first, utc);
            }
        }
    }

    /// Requests a full scan of the queue.
    pub(super) fn request_full_scan(&mut self, queue: &str) {
        if let Some(cursor) = self.0.get_mut(queue) {
            cursor.parked.request_full_scan(Cooldown::Long);
        }
    }

    /// Requests a full scan of every queue.
    pub(super) fn request_full_scans(&mut self, cooldown: Cooldown) {
        self.0.values_mut().for_each(|cursor| cursor.parked.request_full_scan(cooldown));
    }

    /// Moves every cursor back to the start.
    pub(super) fn reset(&mut self) {
        self.0.values_mut().for_each(|cursor| cursor.parked.announce(None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cursor::{FULL_SCAN_INTERVAL, SLACK};

    fn at(second: i64) -> Position {
        Position { priority: 0, turn_at: DateTime::from_timestamp(second, 0).unwrap() }
    }

    fn before(position: Position) -> Position {
        Position { turn_at: position.turn_at - SLACK, ..position }
    }

    fn result(queue: &str, scan: ParkedJobs, second: Option<i64>) -> AdmissionResult {
        let row_at = Some(format!("(0,{})", second.unwrap_or_default()));
        AdmissionResult { queue: queue.to_owned(), scan, first: second.map(at), row_at }
    }

    fn admitted(cursors: &mut ParkedCursors, results: &[AdmissionResult]) {
        cursors.advance(results, Instant::now(), at(1_000_000).turn_at, Duration::ZERO);
    }

    fn starts(cursors: &mut ParkedCursors, queues: &[&str], now: Instant) -> Vec<Option<Position>> {
        let queues: Vec<String> = queues.iter().map(|&queue| queue.to_owned()).collect();
        cursors.start(&queues, now).into_iter().map(|hint| hint.parked_from).collect()
    }

    #[test]
    fn cursors_of_queues_are_apart_and_bounded() {
        let now = Instant::now();
        let mut cursors = ParkedCursors::default();
        assert_eq!(starts(&mut cursors, &["a", "b"], now), [None, None]);
        admitted(
            &mut cursors,
            &[
                result("a", ParkedJobs::Scanned, Some(100)),
                result("never started", ParkedJobs::Scanned, Some(1)),
            ],
        );
        cursors.announce("never started", Some(at(1)));
        assert_eq!(starts(&mut cursors, &["a", "b"], now), [Some(before(at(100))), None]);
        let many: Vec<String> = (0..MAX_QUEUES).map(|n| n.to_string()).collect();
        cursors.start(&many, now);
        assert_eq!(cursors.0.len(), MAX_QUEUES);
        admitted(&mut cursors, &[result("5", ParkedJobs::Scanned, Some(100))]);
        cursors.reset();
        assert_eq!(starts(&mut cursors, &["5"], now), [None]);
    }

    #[test]
    fn a_full_scan_of_a_queue_without_room_is_made_the_next_time() {
        let now = Instant::now();
        let mut cursors = ParkedCursors::default();
        starts(&mut cursors, &["a"], now);
        admitted(&mut cursors, &[result("a", ParkedJobs::Scanned, Some(100))]);
        let from_cursor = [Some(before(at(100)))];
        assert_eq!(starts(&mut cursors, &["a"], now), from_cursor);
        admitted(&mut cursors, &[result("a", ParkedJobs::Unknown, None)]);
        assert_eq!(starts(&mut cursors, &["a"], now), from_cursor, "it was no full scan");
        assert_eq!(starts(&mut cursors, &["a"], now + FULL_SCAN_INTERVAL), [None]);
        admitted(&mut cursors, &[result("a", ParkedJobs::Unknown, None)]);
        assert_eq!(starts(&mut cursors, &["a"], now + FULL_SCAN_INTERVAL), [None], "it had no room");
        admitted(&mut cursors, &[result("a", ParkedJobs::Scanned, None)]);
        assert_eq!(starts(&mut cursors, &["a"], now + FULL_SCAN_INTERVAL), from_cursor, "nothing was parked");
    }

    #[test]
    fn the_next_hint_holds_where_the_row_of_a_queue_was_last_seen() {
        let mut cursors = ParkedCursors::default();
        let row_at =
            |cursors: &mut ParkedCursors| cursors.start(&["a".to_owned()], Instant::now()).remove(0).row_at;
        assert_eq!(row_at(&mut cursors), None);
        admitted(&mut cursors, &[result("a", ParkedJobs::Scanned, Some(7))]);
        assert_eq!(row_at(&mut cursors).as_deref(), Some("(0,7)"));
        admitted(&mut cursors, &[AdmissionResult { row_at: None, ..result("a", ParkedJobs::Unknown, None) }]);
        assert_eq!(row_at(&mut cursors), None, "another session held the row");
    }
}
