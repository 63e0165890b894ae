//! The vital signs of one scheduler, which its actors and threads note as they work. Reading them costs a few loads, never
//! a statement and never a wait. Knows no actor and no connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use crate::probe::{Reason, clock_reason};

// A claim is over in milliseconds. Longer than a server that restarts, and shorter than what a probe waits for.
const STALLED_AFTER: Duration = Duration::from_secs(5);
// The supervisor starts the actor of the thread again in less.
const THREAD_DEAD_AFTER: Duration = Duration::from_secs(5);
// What a reply takes cannot be told from a difference of the clocks.
const BEYOND_A_REPLY: TimeDelta = TimeDelta::milliseconds(100);

/// What was noted last.
#[derive(Debug)]
pub(crate) struct Vitals {
    origin: Instant,
    /// Heartbeats fail.
    pub(crate) heartbeats: Trouble,
    /// No connection listens.
    pub(crate) listener: Trouble,
    /// Claims fail.
    pub(crate) claims: Trouble,
    pub(crate) schema_too_new: Trouble,
    pub(crate) schema_unusable: Trouble,
    /// The supervisor has given up.
    pub(crate) gave_up: Trouble,
    no_lease_thread: Trouble,
    lease_threads: AtomicUsize,
    claims_under_way: AtomicUsize,
    /// When a claim has last ended, or begun while none was under way.
    claims_progressed: AtomicU64,
    /// How far the clock of the server is ahead, in milliseconds.
    clock_ahead: AtomicI64,
}

/// Something that is wrong from one moment to another. The moments are nanoseconds, and 0 means that nothing is.
#[derive(Debug)]
pub(crate) struct Trouble {
    origin: Instant,
    since: AtomicU64,
}

impl Trouble {
    fn new(origin: Instant) -> Self {
        Self { origin, since: AtomicU64::new(0) }
    }

    /// It is wrong, perhaps since an earlier moment.
    pub(crate) fn begin(&self) {
        let now = nanos(self.origin, Instant::now());
        // Another thread may have noted the same.
        let _ = self.since.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// It is right.
    pub(crate) fn end(&self) {
        self.since.store(0, Ordering::SeqCst);
    }

    /// Notes whether it is wrong.
    pub(crate) fn note<T, E>(&self, result: &Result<T, E>) {
        if result.is_ok() { self.end() } else { self.begin() }
    }

    /// For how long it has been wrong.
    fn lasts(&self, now: Instant) -> Option<Duration> {
        let since = self.since.load(Ordering::SeqCst);
        (since > 0).then(|| Duration::from_nanos(nanos(self.origin, now).saturating_sub(since)))
    }
}

impl Vitals {
    pub(crate) fn new() -> Self {
        let origin = Instant::now();
        let trouble = || Trouble::new(origin);
        Self {
            origin,
            heartbeats: trouble(),
            listener: trouble(),
            claims: trouble(),
            schema_too_new: trouble(),
            schema_unusable: trouble(),
            gave_up: trouble(),
            no_lease_thread: trouble(),
            lease_threads: AtomicUsize::new(0),
            claims_under_way: AtomicUsize::new(0),
            claims_progressed: AtomicU64::new(0),
            clock_ahead: AtomicI64::new(0),
        }
    }

    /// A thread that keeps the lease begins. It lives for as long as the result.
    pub(crate) fn lease_thread(self: &Arc<Self>) -> LeaseThread {
        self.lease_threads.fetch_add(1, Ordering::SeqCst);
        self.no_lease_thread.end();
        LeaseThread(Arc::clone(self))
    }

    /// A claim begins. It is under way for as long as the result lives.
    pub(crate) fn claim(&self) -> ClaimUnderWay<'_> {
        if self.claims_under_way.fetch_add(1, Ordering::SeqCst) == 0 {
            self.claims_progress();
        }
        ClaimUnderWay(self)
    }

    fn claims_progress(&self) {
        self.claims_progressed.store(nanos(self.origin, Instant::now()), Ordering::SeqCst);
    }

    /// How far the clock of the server is ahead, where that is more than the time that a reply may take.
    pub(crate) fn clock_difference(&self) -> TimeDelta {
        let ahead = TimeDelta::milliseconds(self.clock_ahead.load(Ordering::Relaxed));
        if ahead.abs() < BEYOND_A_REPLY { TimeDelta::zero() } else { ahead }
    }

    /// A reply of the server has shown how far its clock is ahead.
    pub(crate) fn clock_seen(&self, ahead: TimeDelta) {
        self.clock_ahead.store(ahead.num_milliseconds(), Ordering::SeqCst);
    }

    /// What is wrong with a scheduler that runs, as its actors have noted it.
    pub(crate) fn reasons(&self, now: Instant) -> Vec<Reason> {
        let lasts = |trouble: &Trouble| trouble.lasts(now).map(seconds);
        let stalled = self.claims_stalled(now).map(seconds);
        let dead = self.no_lease_thread.lasts(now).filter(|lasts| *lasts > THREAD_DEAD_AFTER);
        let found = [
            lasts(&self.gave_up).map(|_| Reason::GaveUp),
            dead.map(|lasts| Reason::LeaseThreadDead { seconds: seconds(lasts) }),
            lasts(&self.heartbeats).map(|seconds| Reason::DatabaseUnreachable { seconds: Some(seconds) }),
            lasts(&self.listener).map(|seconds| Reason::ListenerGone { seconds }),
            lasts(&self.schema_too_new).map(|_| Reason::SchemaTooNew),
            lasts(&self.schema_unusable).map(|_| Reason::SchemaUnusable),
            lasts(&self.claims).map(|seconds| Reason::ClaimsFailing { seconds }),
            stalled.map(|seconds| Reason::ClaimsStalled { seconds }),
            clock_reason(TimeDelta::milliseconds(self.clock_ahead.load(Ordering::SeqCst))),
        ];
        found.into_iter().flatten().collect()
    }

    fn claims_stalled(&self, now: Instant) -> Option<Duration> {
        let progressed = self.claims_progressed.load(Ordering::SeqCst);
        let lasts = Duration::from_nanos(nanos(self.origin, now).saturating_sub(progressed));
        (self.claims_under_way.load(Ordering::SeqCst) > 0 && lasts > STALLED_AFTER).then_some(lasts)
    }
}

/// Whole milliseconds, in seconds.
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1_000.0
}

fn nanos(origin: Instant, at: Instant) -> u64 {
    // Never 0, which means that nothing is wrong.
    u64::try_from(at.saturating_duration_since(origin).as_nanos()).unwrap_or(u64::MAX).max(1)
}

/// A thread that keeps the lease. Its drop, by a panic too, is the thread's end.
pub(crate) struct LeaseThread(Arc<Vitals>);

impl Drop for LeaseThread {
    fn drop(&mut self) {
        if self.0.lease_threads.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.no_lease_thread.begin();
        }
    }
}

/// A claim that is under way. Its drop ends it.
pub(crate) struct ClaimUnderWay<'a>(&'a Vitals);

impl Drop for ClaimUnderWay<'_> {
    fn drop(&mut self) {
        self.0.claims_progress();
        self.0.claims_under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(vitals: &Vitals, after: u64) -> Vec<&'static str> {
        let reasons = vitals.reasons(Instant::now() + Duration::from_secs(after));
        reasons.iter().map(Reason::code).collect()
    }

    #[test]
    fn nothing_is_wrong_at_first_and_each_trouble_is_a_reason_until_it_ends() {
        let vitals = Vitals::new();
        assert_eq!(codes(&vitals, 60), [""; 0]);
        for (trouble, code) in [
            (&vitals.heartbeats, "database_unreachable"),
            (&vitals.listener, "listener_gone"),
            (&vitals.claims, "claims_failing"),
            (&vitals.schema_too_new, "schema_too_new"),
            (&vitals.schema_unusable, "schema_unusable"),
            (&vitals.gave_up, "gave_up"),
        ] {
            trouble.begin();
            assert_eq!(codes(&vitals, 0), [code]);
            trouble.end();
            assert_eq!(codes(&vitals, 0), [""; 0]);
        }
    }

    #[test]
    fn a_trouble_lasts_since_it_began_first() {
        let trouble = Trouble::new(Instant::now());
        trouble.begin();
        let first = trouble.since.load(Ordering::SeqCst);
        trouble.begin();
        assert_eq!(trouble.since.load(Ordering::SeqCst), first);
        trouble.note(&Ok::<(), ()>(()));
        assert_eq!(trouble.lasts(Instant::now()), None);
    }

    #[test]
    fn a_lease_thread_that_panics_is_dead_unless_another_one_begins() {
        let vitals = Arc::new(Vitals::new());
        let thread = vitals.lease_thread();
        let died = std::thread::spawn(move || {
            let _alive = thread;
            panic!("told to by a test");
        });
        assert!(died.join().is_err());
        assert_eq!(codes(&vitals, 1), [""; 0], "another may begin soon");
        assert_eq!(codes(&vitals, 6), ["lease_thread_dead"]);
        let _another = vitals.lease_thread();
        assert_eq!(codes(&vitals, 6), [""; 0]);
    }

    #[test]
    fn a_lease_thread_that_ends_after_its_successor_began_is_no_death() {
        let vitals = Arc::new(Vitals::new());
        let before = vitals.lease_thread();
        let _successor = vitals.lease_thread();
        drop(before);
        assert_eq!(codes(&vitals, 60), [""; 0]);
    }

    #[test]
    fn claims_stall_while_one_is_under_way_and_none_ends() {
        let vitals = Vitals::new();
        let first = vitals.claim();
        let second = vitals.claim();
        assert_eq!(codes(&vitals, 4), [""; 0]);
        assert_eq!(codes(&vitals, 6), ["claims_stalled"]);
        drop(first);
        assert_eq!(codes(&vitals, 4), [""; 0], "the other one has ended a moment ago");
        drop(second);
        assert_eq!(codes(&vitals, 60), [""; 0]);
    }

    #[test]
    fn waits_are_corrected_only_by_what_no_reply_explains() {
        let vitals = Vitals::new();
        for (seen, used) in [(0, 0), (99, 0), (-99, 0), (100, 100), (-3_600_000, -3_600_000)] {
            vitals.clock_seen(TimeDelta::milliseconds(seen));
            assert_eq!(vitals.clock_difference(), TimeDelta::milliseconds(used));
        }
    }

    #[test]
    fn a_clock_may_differ_by_five_seconds_in_either_direction() {
        let vitals = Vitals::new();
        for (ahead, differs) in [(5_000, false), (5_001, true), (-5_000, false), (-5_001, true), (0, false)] {
            vitals.clock_seen(TimeDelta::milliseconds(ahead));
            assert_eq!(codes(&vitals, 0).contains(&"clock_difference"), differs, "{ahead}");
        }
    }
}
