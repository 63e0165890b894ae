//! Where the next read of an index starts. Rows before the cursor have been taken, and only their dead index entries
//! are left. These pile up while any transaction of the database holds an old snapshot; the cursor passes over them.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::admit::lower;
use crate::store::claim::Position;

// A job whose enqueue committed late lies before the cursor. This is how late it may be and still be found at once,
// without a notification (which would move the cursor back). Full scans find those that are later still.
pub(super) const SLACK: Duration = Duration::from_millis(500);
const SLACK_DELTA: TimeDelta = TimeDelta::milliseconds(500);

/// How often a full scan is due without a reason.
pub(super) const FULL_SCAN_INTERVAL: Duration = Duration::from_secs(5);

/// How long full scans rest after one, as a multiple of the time that it took. A full scan takes long where many dead
/// index entries lie; the rest bounds the share of time that is spent on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Cooldown {
    #[default]
    Long,
    /// Without notifications, full scans alone find what came late.
    Short,
}

impl Cooldown {
    fn after(self, took: Duration) -> Duration {
        match self {
            Self::Long => (took * 200).min(Duration::from_secs(60)),
            Self::Short => (took * 20).min(Duration::from_secs(6)),
        }
    }
}

/// When to read an index from its start again.
#[derive(Debug, Default)]
pub(super) struct FullScanPolicy {
    last_began: Option<Instant>,
    requested: Option<Cooldown>,
    /// When the last one ended, and how long it took.
    last_ended: Option<(Instant, Duration)>,
}

impl FullScanPolicy {
    /// Requests a full scan as soon as the cooldown of the last one is over.
    pub(super) fn request(&mut self, cooldown: Cooldown) {
        self.requested = Some(cooldown);
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        let cooldown = self.requested.unwrap_or_default();
        let rests =
            |(ended, took): (Instant, Duration)| now.saturating_duration_since(ended) < cooldown.after(took);
        let is_late = self.last_began.is_none_or(|began| now.duration_since(began) >= FULL_SCAN_INTERVAL);
        !self.last_ended.is_some_and(rests) && (self.requested.is_some() || is_late)
    }

    pub(super) fn began(&mut self, now: Instant) {
        self.last_began = Some(now);
        self.requested = None;
    }

    pub(super) fn ended(&mut self, now: Instant, took: Duration) {
        self.last_ended = Some((now, took));
    }
}

/// The cursor of one index range, and what was announced while the range is read.
#[derive(Debug, Default)]
pub(super) struct ScanCursor {
    position: Option<Position>,
    announced: Announced,
    full_scans: FullScanPolicy,
}

/// Where jobs were announced since the running scan began.
#[derive(Debug, Default)]
enum Announced {
    #[default]
    Nowhere,
    From(Position),
    Anywhere,
}

impl ScanCursor {
    /// Where jobs begin, as far as is known. A scan that starts beside a running one reads from here.
    pub(super) fn position(&self) -> Option<Position> {
        self.position
    }

    /// Records that jobs may be found from this position on, or anywhere.
    pub(super) fn announce(&mut self, from: Option<Position>) {
        let Some(from) = from else {
            self.position = None;
            self.announced = Announced::Anywhere;
            return;
        };
        self.position = self.position.map(|old| old.min(from));
        self.announced = match self.announced {
            Announced::Nowhere => Announced::From(from),
            Announced::From(old) => Announced::From(old.min(from)),
            Announced::Anywhere => Announced::Anywhere,
        };
    }

    /// Starts a scan while none is running. Returns where to read from; `None` means a full scan.
    pub(super) fn start(&mut self, now: Instant) -> Option<Position> {
        self.announced = Announced::Nowhere;
        let from = self.position.filter(|_| !self.full_scans.is_due(now));
        if from.is_none() {
            self.full_scans.began(now);
        }
        from
    }

    /// Requests a full scan: jobs may lie before the cursor.
    pub(super) fn request_full_scan(&mut self, cooldown: Cooldown) {
        self.full_scans.request(cooldown);
    }

    pub(super) fn full_scan_ended(&mut self, now: Instant, took: Duration) {
        self.full_scans.ended(now, took);
    }

    /// Ends a scan. Every job before the first one that it took is taken, unless it was announced meanwhile.
    /// `now` bounds the cursor: the turn of a queue's job may lie ahead, and other jobs come at theirs.
    pub(super) fn advance(&mut self, first: Option<Position>, now: DateTime<Utc>) {
        let announced = match self.announced {
            Announced::Anywhere => return self.position = None,
            Announced::From(from) => Some(from),
            Announced::Nowhere => None,
        };
        if let Some(first) = first {
            let found = Position { turn_at: first.turn_at.min(now) - SLACK_DELTA, ..first };
            self.position = lower(Some(found), announced);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(priority: i16, second: i64) -> Position {
        Position { priority, turn_at: DateTime::from_timestamp(second, 0).unwrap() }
    }

    fn before(position: Position) -> Position {
        Position { turn_at: position.turn_at - SLACK_DELTA, ..position }
    }

    fn advance(cursor: &mut ScanCursor, first: Option<Position>) {
        cursor.advance(first, DateTime::from_timestamp(1_000_000, 0).unwrap());
    }

    #[test]
    fn a_scan_starts_behind_what_is_taken_and_never_behind_an_announcement() {
        let now = Instant::now();
        let mut cursor = ScanCursor::default();
        assert_eq!(cursor.start(now), None);
        advance(&mut cursor, Some(at(0, 100)));
        assert_eq!(cursor.start(now), Some(before(at(0, 100))));
        cursor.announce(Some(at(-1, 500)));
        advance(&mut cursor, Some(at(0, 200)));
        assert_eq!(cursor.start(now), Some(at(-1, 500)), "announced while the scan ran");
        advance(&mut cursor, None);
        assert_eq!(cursor.position(), Some(at(-1, 500)), "nothing found, so nothing is known to be taken");
        cursor.announce(None);
        advance(&mut cursor, Some(at(0, 300)));
        assert_eq!(cursor.start(now), None);
    }

    #[test]
    fn a_scan_beside_a_full_one_starts_at_the_cursor() {
        let now = Instant::now();
        let mut cursor = ScanCursor::default();
        cursor.start(now);
        advance(&mut cursor, Some(at(0, 100)));
        cursor.request_full_scan(Cooldown::Long);
        assert_eq!(cursor.start(now), None, "a full scan");
        assert_eq!(cursor.position(), Some(before(at(0, 100))));
        cursor.announce(Some(at(0, 50)));
        assert_eq!(cursor.position(), Some(at(0, 50)));
        advance(&mut cursor, Some(at(0, 200)));
        advance(&mut cursor, Some(at(0, 300)));
        assert_eq!(cursor.start(now), Some(at(0, 50)));
    }

    #[test]
    fn a_cursor_never_passes_the_present() {
        let mut cursor = ScanCursor::default();
        cursor.start(Instant::now());
        cursor.advance(Some(at(0, 900)), at(0, 100).turn_at);
        assert_eq!(cursor.position(), Some(before(at(0, 100))));
    }

    #[test]
    fn full_scans_come_every_few_seconds_and_rest_after_a_slow_one() {
        let now = Instant::now();
        let mut cursor = ScanCursor::default();
        cursor.start(now);
        advance(&mut cursor, Some(at(0, 100)));
        assert!(cursor.start(now + FULL_SCAN_INTERVAL - Duration::from_millis(1)).is_some());
        assert_eq!(cursor.start(now + FULL_SCAN_INTERVAL), None);
        cursor.full_scan_ended(now + FULL_SCAN_INTERVAL, Duration::from_millis(50));
        cursor.request_full_scan(Cooldown::Long);
        assert!(cursor.start(now + FULL_SCAN_INTERVAL + Duration::from_millis(9_999)).is_some());
        assert_eq!(cursor.start(now + FULL_SCAN_INTERVAL + Duration::from_secs(10)), None);
        cursor.full_scan_ended(now, Duration::from_secs(1));
        cursor.announce(None);
        assert_eq!(cursor.start(now), None, "an announcement does not wait for the cooldown");
    }

    #[test]
    fn a_full_scan_is_due_at_first_after_the_interval_and_on_request() {
        let now = Instant::now();
        let mut policy = FullScanPolicy::default();
        assert!(policy.is_due(now));
        policy.began(now);
        assert!(!policy.is_due(now + FULL_SCAN_INTERVAL - Duration::from_millis(1)));
        assert!(policy.is_due(now + FULL_SCAN_INTERVAL));
        policy.request(Cooldown::Long);
        assert!(policy.is_due(now));
        policy.began(now);
        assert!(!policy.is_due(now));
    }

    #[test]
    fn a_slow_full_scan_is_not_repeated_before_its_cooldown() {
        let now = Instant::now();
        let mut policy = FullScanPolicy::default();
        policy.began(now);
        policy.ended(now, Duration::from_millis(100));
        policy.request(Cooldown::Long);
        assert!(!policy.is_due(now + Duration::from_millis(19_999)));
        policy.request(Cooldown::Short);
        assert!(!policy.is_due(now + Duration::from_millis(1_999)));
        assert!(policy.is_due(now + Duration::from_secs(2)), "sooner without notifications");
        policy.request(Cooldown::Long);
        assert!(policy.is_due(now + Duration::from_secs(20)));
        policy.began(now);
        policy.ended(now, Duration::from_secs(3_600));
        assert!(policy.is_due(now + Duration::from_secs(60)), "at most a minute");
    }
}
