//! Where a scan begins: what lies before it has been taken, so that only its dead index entries are left there. They pile
//! up for as long as any transaction of the database holds an old snapshot, and no scan reads them again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};

use super::full_looks::{FullLooks, Rest};
use crate::store::admit::{AdmissionHint, AdmissionResult, lower};
use crate::store::claim::Position;

// A job whose enqueue committed late lies behind the mark: this is how late it may be and still be found at once, though
// nobody announces it (an announcement lowers the mark). For those that came later still there are full looks.
const SLACK: TimeDelta = TimeDelta::milliseconds(500);

/// The mark of one index range, and what was announced while it is scanned.
#[derive(Debug, Default)]
pub(super) struct LowWater {
    position: Option<Position>,
    /// The lowest place at which jobs were announced while a scan was under way.
    announced: Option<Position>,
    announced_anything: bool,
    full_scans: FullLooks,
}

impl LowWater {
    /// Where jobs begin, as far as is known. What was announced since a scan began holds for one that starts beside it, here.
    pub(super) fn position(&self) -> Option<Position> {
        self.position
    }

    /// Jobs may be found from this mark on, or anywhere.
    pub(super) fn announce(&mut self, position: Option<Position>) {
        match position {
            Some(position) => {
                self.position = self.position.map(|old| old.min(position));
                self.announced = lower(self.announced, Some(position));
            }
            None => {
                self.position = None;
                self.announced_anything = true;
            }
        }
    }

    /// A scan starts while none is under way: answers where. The mark stays where it was for those that start beside a full scan.
    pub(super) fn start(&mut self, now: Instant) -> Option<Position> {
        self.announced = None;
        self.announced_anything = false;
        let from = self.position.filter(|_| !self.full_scans.are_due(now));
        if from.is_none() {
            self.full_scans.begin(now);
        }
        from
    }

    /// Jobs may lie before the mark: the next scan is a full one, once the last of them has rested.
    pub(super) fn doubt(&mut self, rest: Rest) {
        self.full_scans.doubt(rest);
    }

    /// A scan from the very beginning took so long.
    pub(super) fn full_scan_took(&mut self, now: Instant, took: Duration) {
        self.full_scans.end(now, took);
    }

    /// The scan has ended. Everything before the first job that it took is taken, unless it was announced meanwhile.
    pub(super) fn advance(&mut self, first: Option<Position>) {
        if self.announced_anything {
            self.position = None;
        } else if let Some(first) = first {
            // The turn of a queue's job may lie ahead of time, and jobs outside of queues come at theirs.
            let found = Position { turn_at: first.turn_at.min(Utc::now()) - SLACK, ..first };
            self.position = lower(Some(found), self.announced);
        }
    }
}

// As many as a process could admit jobs of in one full-scan period; more of them begin anew.
const MOST_QUEUES: usize = 10_000;

/// The marks of the parked jobs of each queue that was lately admitted from.
#[derive(Debug, Default)]
pub(super) struct ParkedMarks(HashMap<String, Parked>);

#[derive(Debug, Default)]
struct Parked {
    water: LowWater,
    row_at: Option<String>,
    /// Whether the admission that is under way looks at the very beginning.
    full_look: bool,
}

impl ParkedMarks {
    /// Jobs of the queue may be parked from this mark on, or anywhere.
    pub(super) fn announce(&mut self, queue: &str, position: Option<Position>) {
        // A queue without a mark is looked at from the beginning in any case.
        if let Some(parked) = self.0.get_mut(queue) {
            parked.water.announce(position);
        }
    }

    /// An admission starts: answers where to look in each queue.
    pub(super) fn start(&mut self, queues: &[String], now: Instant) -> Vec<AdmissionHint> {
        if self.0.len() + queues.len() > MOST_QUEUES {
            self.0.clear();
        }
        let hint = |queue: &String| {
            let parked = self.0.entry(queue.clone()).or_default();
            let parked_from = parked.water.start(now);
            parked.full_look = parked_from.is_none();
            AdmissionHint { parked_from, row_at: parked.row_at.clone() }
        };
        queues.iter().map(hint).collect()
    }

    /// An admission has ended that took so long.
    pub(super) fn advance(&mut self, seen: &[AdmissionResult], now: Instant, took: Duration) {
        for seen in seen {
            let Some(parked) = self.0.get_mut(&seen.queue) else { continue };
            parked.row_at.clone_from(&seen.row_at);
            match (parked.full_look, seen.looked) {
                (true, true) => parked.water.full_scan_took(now, took),
                (true, false) => parked.water.doubt(Rest::Long),
                (false, _) => {}
            }
            if seen.first.is_some() {
                parked.water.advance(seen.first);
            }
        }
    }

    /// Jobs may lie before the mark of the queue.
    pub(super) fn doubt(&mut self, queue: &str) {
        if let Some(parked) = self.0.get_mut(queue) {
            parked.water.doubt(Rest::Long);
        }
    }

    /// Jobs may lie before the mark of any queue.
    pub(super) fn doubt_all(&mut self, rest: Rest) {
        self.0.values_mut().for_each(|parked| parked.water.doubt(rest));
    }

    /// Jobs may be parked anywhere.
    pub(super) fn forget(&mut self) {
        self.0.values_mut().for_each(|parked| parked.water.announce(None));
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::actors::queue::full_looks::EVERY;

    fn at(priority: i16, second: i64) -> Position {
        Position { priority, turn_at: DateTime::from_timestamp(second, 0).unwrap() }
    }

    fn before(position: Position) -> Position {
        Position { turn_at: position.turn_at - SLACK, ..position }
    }

    #[test]
    fn a_scan_starts_behind_what_is_taken_and_never_behind_what_was_announced() {
        let now = Instant::now();
        let mut water = LowWater::default();
        assert_eq!(water.start(now), None);
        water.advance(Some(at(0, 100)));
        assert_eq!(water.start(now), Some(before(at(0, 100))));
        water.announce(Some(at(-1, 500)));
        water.advance(Some(at(0, 200)));
        assert_eq!(water.start(now), Some(at(-1, 500)), "announced while the scan was under way");
        water.advance(None);
        assert_eq!(water.position(), Some(at(-1, 500)), "nothing was found, so nothing is known to be taken");
        water.announce(None);
        water.advance(Some(at(0, 300)));
        assert_eq!(water.start(now), None);
    }

    #[test]
    fn what_is_announced_during_one_scan_holds_for_those_that_start_beside_it() {
        let now = Instant::now();
        let mut water = LowWater::default();
        water.start(now);
        water.advance(Some(at(0, 100)));
        water.doubt(Rest::Long);
        assert_eq!(water.start(now), None, "a full scan");
        assert_eq!(water.position(), Some(before(at(0, 100))), "others go on from the position");
        water.announce(Some(at(0, 50)));
        assert_eq!(water.position(), Some(at(0, 50)));
        water.advance(Some(at(0, 200)));
        water.advance(Some(at(0, 300)));
        assert_eq!(water.start(now), Some(at(0, 50)));
    }

    #[test]
    fn every_few_seconds_a_scan_starts_at_the_very_beginning_and_less_often_where_that_takes_long() {
        let now = Instant::now();
        let mut water = LowWater::default();
        water.start(now);
        water.advance(Some(at(0, 100)));
        assert!(water.start(now + EVERY - Duration::from_millis(1)).is_some());
        assert_eq!(water.start(now + EVERY), None);
        water.full_scan_took(now + EVERY, Duration::from_millis(50));
        water.doubt(Rest::Long);
        assert!(water.start(now + EVERY + Duration::from_millis(9_999)).is_some());
        assert_eq!(water.start(now + EVERY + Duration::from_secs(10)), None);
        water.full_scan_took(now, Duration::from_secs(1));
        water.announce(None);
        assert_eq!(water.start(now), None, "what is told is looked for at once");
    }

    fn seen(queue: &str, looked: bool, second: Option<i64>) -> AdmissionResult {
        let row_at = Some(format!("(0,{})", second.unwrap_or_default()));
        AdmissionResult { queue: queue.to_owned(), looked, first: second.map(|second| at(0, second)), row_at }
    }

    fn admitted(marks: &mut ParkedMarks, seen: &[AdmissionResult]) {
        marks.advance(seen, Instant::now(), Duration::ZERO);
    }

    fn starts(marks: &mut ParkedMarks, queues: &[&str], now: Instant) -> Vec<Option<Position>> {
        let queues: Vec<String> = queues.iter().map(|&queue| queue.to_owned()).collect();
        marks.start(&queues, now).into_iter().map(|hint| hint.parked_from).collect()
    }

    #[test]
    fn marks_of_queues_are_apart_and_bounded() {
        let now = Instant::now();
        let mut marks = ParkedMarks::default();
        assert_eq!(starts(&mut marks, &["a", "b"], now), [None, None]);
        admitted(&mut marks, &[seen("a", true, Some(100)), seen("never started", true, Some(1))]);
        marks.announce("never started", Some(at(0, 1)));
        assert_eq!(starts(&mut marks, &["a", "b"], now), [Some(before(at(0, 100))), None]);
        let many: Vec<String> = (0..MOST_QUEUES).map(|n| n.to_string()).collect();
        marks.start(&many, now);
        assert_eq!(marks.0.len(), MOST_QUEUES);
        admitted(&mut marks, &[seen("5", true, Some(100))]);
        marks.forget();
        assert_eq!(starts(&mut marks, &["5"], now), [None]);
    }

    #[test]
    fn a_full_look_at_a_queue_that_had_no_room_is_made_the_next_time() {
        let now = Instant::now();
        let mut marks = ParkedMarks::default();
        starts(&mut marks, &["a"], now);
        admitted(&mut marks, &[seen("a", true, Some(100))]);
        let from_mark = [Some(before(at(0, 100)))];
        assert_eq!(starts(&mut marks, &["a"], now), from_mark);
        admitted(&mut marks, &[seen("a", false, None)]);
        assert_eq!(starts(&mut marks, &["a"], now), from_mark, "it was no full look");
        assert_eq!(starts(&mut marks, &["a"], now + EVERY), [None]);
        admitted(&mut marks, &[seen("a", false, None)]);
        assert_eq!(starts(&mut marks, &["a"], now + EVERY), [None], "it had no room");
        admitted(&mut marks, &[seen("a", true, None)]);
        assert_eq!(starts(&mut marks, &["a"], now + EVERY), from_mark, "nothing was parked");
    }

    #[test]
    fn where_the_row_of_a_queue_was_last_seen_is_the_next_hint() {
        let mut marks = ParkedMarks::default();
        let row_at =
            |marks: &mut ParkedMarks| marks.start(&["a".to_owned()], Instant::now()).remove(0).row_at;
        assert_eq!(row_at(&mut marks), None);
        admitted(&mut marks, &[seen("a", true, Some(7))]);
        assert_eq!(row_at(&mut marks).as_deref(), Some("(0,7)"));
        admitted(&mut marks, &[AdmissionResult { row_at: None, ..seen("a", false, None) }]);
        assert_eq!(row_at(&mut marks), None, "it was busy");
    }
}
