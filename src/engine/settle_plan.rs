//! A settle to perform, and of which jobs it notifies other processes.

use std::time::Duration;

use crate::leases::{Lease, Sent};
use crate::lifecycle::Outcome;
use crate::store::admit::lower;
use crate::store::claim::Position;
use crate::store::settle::{Doubtful, Settlement};

/// What a settle does about rows that another transaction holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LockedRows {
    /// Waits for them, up to the lock time-out of the connection. This costs nothing while no row is held.
    #[default]
    Wait,
    /// Leaves them out, at the price of two more statements.
    Skip,
}

/// A settle to perform. Leases that are dropped on the way fall back into the book.
#[derive(Debug)]
pub(crate) struct SettlePlan {
    pub(crate) leases: Vec<Lease>,
    pub(crate) locked_rows: LockedRows,
    /// The best job among those that wait for a free worker of any process. Other processes are notified of it.
    pub(crate) released_from: Option<Position>,
    /// The tasks with limits over all processes of which slots become free. Other processes are notified of them.
    pub(crate) freed_slots: Vec<String>,
}

impl SettlePlan {
    /// The outcomes that may be stored already, each with the worker that has reached it. Nearly always none.
    pub(crate) fn doubtful(&self) -> Vec<Doubtful> {
        let doubtful = self.leases.iter().filter(|lease| lease.sent() == Sent::Again);
        doubtful.map(|lease| Doubtful { key: lease.key(), worker_id: lease.worker_id() }).collect()
    }

    pub(super) fn new(mut leases: Vec<Lease>, locked_rows: LockedRows) -> Self {
        leases.iter_mut().for_each(Lease::send);
        let released_from = leases.iter().filter(|lease| is_released(lease)).map(Lease::position).min();
        Self { leases, locked_rows, released_from, freed_slots: Vec::new() }
    }

    /// Counts jobs that are due again at once among those that wait for any process, if there are more of them than could start
    /// at once in this one.
    pub(super) fn announce_retries(&mut self, free_slots: impl FnOnce() -> usize) {
        let retried = || self.leases.iter().filter(|lease| is_retried_at_once(lease)).map(Lease::position);
        let (jobs, best) = (retried().count(), retried().min());
        if jobs > 0 && jobs > free_slots() {
            self.released_from = lower(self.released_from, best);
        }
    }

    /// The outcomes to store.
    pub(crate) fn settlements(&self) -> Vec<Settlement> {
        self.leases.iter().map(|lease| lease.settlement().clone()).collect()
    }
}

fn is_released(lease: &Lease) -> bool {
    matches!(lease.settlement().outcome, Outcome::Untouched | Outcome::Interrupted)
}

fn is_retried_at_once(lease: &Lease) -> bool {
    match &lease.settlement().outcome {
        Outcome::Failed { delay, .. } | Outcome::Snoozed { delay, .. } | Outcome::Postponed { delay } => {
            lease.queue().is_none() && is_at_once(*delay)
        }
        Outcome::Succeeded
        | Outcome::Completed
        | Outcome::Cancelled { .. }
        | Outcome::Discarded { .. }
        | Outcome::Held { .. }
        | Outcome::Untouched
        | Outcome::Interrupted => false,
    }
}

/// The database counts whole milliseconds.
pub(super) fn is_at_once(delay: Duration) -> bool {
    delay.as_millis() == 0
}
