//! Plans two repairs that keep claims waiting. Reclaiming takes back the jobs of a claim whose reply was lost after
//! the database had committed. Reconciling compares the leases in memory with those in the database, because a server
//! that crashed may have lost outcomes that it had confirmed.

use std::time::Instant;

use super::outage::PAUSE_AFTER_ERROR;

/// Leases whose jobs must be taken back, for as long as the database is away.
#[derive(Debug, Default)]
pub(super) struct ReclaimPlanner {
    /// When to try, and which lease.
    waiting: Vec<(Instant, i64)>,
    running: usize,
}

impl ReclaimPlanner {
    /// Adds a lease. Its first try is due after a pause, in which a server that restarts may come back.
    pub(super) fn add(&mut self, lease: i64, now: Instant) {
        self.waiting.push((now + PAUSE_AFTER_ERROR, lease));
    }

    /// Takes a lease whose time has come.
    pub(super) fn next(&mut self, now: Instant) -> Option<i64> {
        let due = self.waiting.iter().position(|(at, _)| *at <= now)?;
        self.running += 1;
        Some(self.waiting.swap_remove(due).1)
    }

    pub(super) fn finished(&mut self) {
        self.running -= 1;
    }

    pub(super) fn failed(&mut self, lease: i64, now: Instant) {
        self.running -= 1;
        self.add(lease, now);
    }

    /// Returns `true` if no lease has to be taken back.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running == 0
    }

    pub(super) fn wake_at(&self) -> impl Iterator<Item = Instant> + '_ {
        self.waiting.iter().map(|(at, _)| *at)
    }
}

/// Whether the leases in memory are to be compared with the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Reconcile {
    #[default]
    Idle,
    /// It runs as soon as no statement that leases jobs does: then every lease of this process is in memory.
    Requested,
    Running,
    /// It runs, and was requested once more.
    RunningAgain,
    /// It failed: it runs again after a pause.
    Paused(Instant),
}

impl Reconcile {
    pub(super) fn request(&mut self) {
        *self = match self {
            Self::Idle | Self::Requested | Self::Paused(_) => Self::Requested,
            Self::Running | Self::RunningAgain => Self::RunningAgain,
        };
    }

    /// Returns `true` if it is to run now, and marks it as running.
    pub(super) fn start(&mut self, now: Instant) -> bool {
        let is_due = match *self {
            Self::Requested => true,
            Self::Paused(until) => until <= now,
            Self::Idle | Self::Running | Self::RunningAgain => false,
        };
        if is_due {
            *self = Self::Running;
        }
        is_due
    }

    /// Ends one. What was requested meanwhile follows after a pause: requests that come faster than it runs would otherwise
    /// keep every claim waiting.
    pub(super) fn finished(&mut self, now: Instant) {
        *self = if *self == Self::RunningAgain { Self::Paused(now + PAUSE_AFTER_ERROR) } else { Self::Idle };
    }

    pub(super) fn failed(&mut self, now: Instant) {
        *self = Self::Paused(now + PAUSE_AFTER_ERROR);
    }

    /// Asks for one at that time, unless one is asked for sooner.
    pub(super) fn pause(&mut self, until: Instant) {
        match *self {
            Self::Idle => *self = Self::Paused(until),
            Self::Paused(at) => *self = Self::Paused(until.min(at)),
            Self::Requested | Self::Running | Self::RunningAgain => {}
        }
    }

    pub(super) fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::RunningAgain)
    }

    /// Returns `true` if memory and database are known to agree.
    pub(super) fn is_settled(self) -> bool {
        self == Self::Idle
    }

    pub(super) fn wake_at(self) -> Option<Instant> {
        if let Self::Paused(until) = self { Some(until) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_reclaimed_after_a_pause_until_that_succeeds() {
        let now = Instant::now();
        let mut reclaims = ReclaimPlanner::default();
        reclaims.add(7, now);
        assert_eq!(reclaims.next(now), None);
        let due = reclaims.wake_at().next().unwrap();
        assert_eq!(reclaims.next(due), Some(7));
        assert!(!reclaims.is_idle());
        reclaims.failed(7, due);
        assert_eq!(reclaims.next(due), None);
        assert_eq!(reclaims.next(due + PAUSE_AFTER_ERROR), Some(7));
        reclaims.finished();
        assert!(reclaims.is_idle());
    }

    #[test]
    fn a_reconciliation_that_is_requested_while_one_runs_follows_later() {
        let now = Instant::now();
        let mut reconcile = Reconcile::default();
        assert!(!reconcile.start(now));
        reconcile.request();
        assert!(reconcile.start(now) && !reconcile.start(now));
        reconcile.request();
        reconcile.finished(now);
        assert!(!reconcile.is_settled() && !reconcile.start(now), "claims have their turn");
        assert!(reconcile.start(now + PAUSE_AFTER_ERROR));
        reconcile.failed(now);
        assert!(!reconcile.start(now) && reconcile.start(now + PAUSE_AFTER_ERROR));
        reconcile.finished(now);
        assert!(reconcile.is_settled());
    }
}
