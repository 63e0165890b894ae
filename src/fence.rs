//! The fence of one worker: until when it may run jobs, by its own clock. It knows no connection and no actor, and reads
//! the monotonic clock alone. The protocol is in docs/notes/leases.md.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::lock::lock;

// Others wait for the whole time-out. What remains is for clocks that differ, and for handlers that reach their next await.
const HUNDREDTHS_OF_TIMEOUT: u32 = 65;

// Jobs that were claimed for an id before these are found by the search for jobs of workers without a row.
const MOST_IDS: usize = 16;

/// Until when this process may run jobs.
#[derive(Debug)]
pub(crate) struct Fence {
    /// The times below are counted from here.
    origin: Instant,
    holds_for: Duration,
    worker_id: AtomicI32,
    /// Nanoseconds after the origin.
    shuts_at: AtomicU64,
    beats: AtomicI64,
    /// The ids so far, the last one last. Held by the writers.
    ids: Mutex<Vec<i32>>,
}

impl Fence {
    /// A fence that is shut, of a worker that is not registered yet.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            origin: Instant::now(),
            holds_for: timeout * HUNDREDTHS_OF_TIMEOUT / 100,
            worker_id: AtomicI32::new(0),
            shuts_at: AtomicU64::new(0),
            beats: AtomicI64::new(0),
            ids: Mutex::default(),
        }
    }

    /// The worker has registered under this id, by a statement that was sent at that time.
    pub(crate) fn begin(&self, worker_id: i32, sent_at: Instant) {
        let mut ids = lock(&self.ids);
        let superfluous = (ids.len() + 1).saturating_sub(MOST_IDS);
        ids.drain(..superfluous);
        ids.push(worker_id);
        // The id comes first: see `allows`.
        self.worker_id.store(worker_id, Ordering::SeqCst);
        self.shuts_at.store(self.nanos(sent_at + self.holds_for), Ordering::SeqCst);
    }

    /// The server has confirmed a heartbeat that was sent at that time. A confirmation for an earlier id changes nothing.
    pub(crate) fn confirm(&self, worker_id: i32, sent_at: Instant) {
        let _ids = lock(&self.ids);
        if self.worker_id() == worker_id {
            self.shuts_at.fetch_max(self.nanos(sent_at + self.holds_for), Ordering::SeqCst);
        }
    }

    /// Whether a job that was claimed for this id may run now. One read of the clock.
    pub(crate) fn allows(&self, worker_id: i32) -> bool {
        // The time is read first. A time that belongs to a newer id is then followed by that id.
        let shuts_at = self.shuts_at.load(Ordering::SeqCst);
        self.nanos(Instant::now()) < shuts_at && self.worker_id() == worker_id
    }

    pub(crate) fn is_open(&self) -> bool {
        self.allows(self.worker_id())
    }

    /// Shuts the fence: no attempt is polled again. No heartbeat of the ids so far opens it.
    #[cfg(feature = "testing")]
    pub(crate) fn shut(&self) {
        let _ids = lock(&self.ids);
        self.worker_id.store(0, Ordering::SeqCst);
        self.shuts_at.store(0, Ordering::SeqCst);
    }

    /// When the fence shuts unless a heartbeat is confirmed.
    pub(crate) fn shuts_at(&self) -> Instant {
        self.origin + Duration::from_nanos(self.shuts_at.load(Ordering::SeqCst))
    }

    /// The age of the last confirmed heartbeat, if the fence is shut.
    pub(crate) fn late_by(&self, now: Instant) -> Option<Duration> {
        let shut_for = now.checked_duration_since(self.shuts_at())?;
        Some(shut_for + self.holds_for)
    }

    pub(crate) fn worker_id(&self) -> i32 {
        self.worker_id.load(Ordering::SeqCst)
    }

    /// The last ids of this worker, that of now included. Jobs may be leased to each of them.
    pub(crate) fn ids(&self) -> Vec<i32> {
        lock(&self.ids).clone()
    }

    /// The number of the next heartbeat, higher than all before it.
    pub(crate) fn next_beat(&self) -> i64 {
        self.beats.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.origin).as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(1_000);

    #[test]
    fn it_is_open_for_two_thirds_of_the_time_out_after_what_was_confirmed() {
        let (fence, now) = (Fence::new(TIMEOUT), Instant::now());
        assert!(!fence.is_open());
        fence.begin(7, now);
        assert_eq!(fence.shuts_at().duration_since(now), Duration::from_secs(650));
        assert!(fence.allows(7) && !fence.allows(6));
        let late_after = |seconds| fence.late_by(now + Duration::from_secs(seconds));
        assert_eq!([late_after(649), late_after(651)], [None, Some(Duration::from_secs(651))]);
        fence.confirm(7, now + Duration::from_secs(10));
        fence.confirm(7, now + Duration::from_secs(5));
        assert_eq!(fence.shuts_at().duration_since(now), Duration::from_secs(660));
    }

    #[test]
    fn a_fence_that_is_shut_opens_with_the_next_confirmation() {
        let fence = Fence::new(Duration::ZERO);
        fence.begin(7, Instant::now());
        assert!(!fence.is_open());
        fence.confirm(7, Instant::now() + TIMEOUT);
        assert!(fence.is_open());
    }

    #[test]
    fn nothing_that_belongs_to_an_earlier_id_opens_it() {
        let (fence, now) = (Fence::new(Duration::ZERO), Instant::now());
        fence.begin(7, now + TIMEOUT);
        fence.begin(8, now);
        fence.confirm(7, now + TIMEOUT);
        assert!(!fence.allows(7) && !fence.allows(8));
    }

    #[test]
    fn the_last_ids_are_kept() {
        let fence = Fence::new(TIMEOUT);
        (1..=20).for_each(|id| fence.begin(id, Instant::now()));
        assert_eq!(fence.ids(), (5..=20).collect::<Vec<_>>());
    }

    #[test]
    fn the_numbers_of_heartbeats_rise() {
        let fence = Fence::new(TIMEOUT);
        assert_eq!([fence.next_beat(), fence.next_beat()], [1, 2]);
    }
}
