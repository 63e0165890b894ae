//! What is known of scheduled jobs: whether to promote some, what to read for it, and when the next one is due. Knows nothing
//! of queues.

use std::time::{Duration, Instant};

use super::cursor::{FULL_SCAN_INTERVAL, FullScanPolicy, SLACK};
use crate::store::admit::Promotion;

/// How many jobs one pass promotes at most.
pub(crate) const MAX_PROMOTED: usize = 1_000;
// The server's clock may be behind by part of a millisecond: a timer of zero would fire again and again.
const MIN_DUE_DELAY: Duration = Duration::from_millis(1);

/// What is known of scheduled jobs.
#[derive(Debug, Default)]
pub(super) struct DueJobs {
    /// Whether some may be due, or their earliest time is unknown.
    pub(super) scan: Request,
    /// When a promotion began that left none due.
    pub(super) promoted_at: Option<Instant>,
    pub(super) full_scans: FullScanPolicy,
    /// When the next one is due, as far as is known.
    pub(super) next: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Request {
    #[default]
    None,
    Made,
}

/// What a pass reads of the scheduled jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DueScan {
    None,
    /// Jobs that became due within this time. Those due before have been promoted.
    Within(Duration),
    Full,
}

impl DueJobs {
    /// Begins a pass. Returns what it reads.
    pub(super) fn begin(&mut self, now: Instant) -> DueScan {
        if std::mem::take(&mut self.scan) == Request::None {
            return DueScan::None;
        }
        // The pass returns the next due time; what is announced meanwhile is kept.
        self.next = None;
        match self.promoted_at.filter(|_| !self.full_scans.is_due(now)) {
            Some(last) => DueScan::Within(now.duration_since(last) + SLACK),
            None => {
                self.full_scans.began(now);
                DueScan::Full
            }
        }
    }

    /// Ends a promotion of a pass that began then.
    pub(super) fn promoted(
        &mut self,
        promotion: &Promotion,
        took: Duration,
        (began, read): (Instant, DueScan),
        now: Instant,
    ) {
        let more_are_due = promotion.promoted == MAX_PROMOTED;
        if more_are_due {
            self.scan = Request::Made;
        }
        self.promoted_at = (!more_are_due).then_some(began);
        match read {
            DueScan::Full => self.full_scans.ended(now, took),
            // A job that was stored late, before the time that was read, is found by the next full scan.
            DueScan::Within(_) | DueScan::None => self.due_in(FULL_SCAN_INTERVAL, now),
        }
        if let Some(delay) = promotion.next_due_in {
            self.due_in(delay.max(MIN_DUE_DELAY), now);
        }
    }

    /// A job will be due after the delay.
    pub(super) fn due_in(&mut self, delay: Duration, now: Instant) {
        if let Some(due) = now.checked_add(delay) {
            self.next = Some(self.next.map_or(due, |next| next.min(due)));
        }
    }
}
