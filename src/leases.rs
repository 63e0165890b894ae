//! Leases that cannot be lost inside this process: a lease goes from hand to hand as a value, and one that is dropped
//! anywhere before it was settled (a panic, a mailbox that closed, a statement that failed) falls back into the book,
//! from which the queue settles it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::events::EndedAttempt;
use crate::lifecycle::Outcome;
use crate::lock::lock;
use crate::store::claim::{ClaimedJob, Position};
use crate::store::settle::Settlement;

/// All leases of this process that are open, and those that were dropped.
#[derive(Debug, Default)]
pub(crate) struct LeaseTable {
    /// The job and the lease of each; one job may have two, when it was taken from here and claimed here again.
    open: Mutex<HashSet<(i64, i64)>>,
    dropped: Mutex<Vec<LeaseData>>,
    /// How many leases are open of each task that has a limit here.
    counted: HashMap<String, AtomicUsize>,
}

/// What is known of a leased job by whoever settles it.
#[derive(Debug)]
struct LeaseData {
    settlement: Settlement,
    position: Position,
    queue: Option<String>,
    /// The task, where its leases are counted.
    counted: Option<String>,
    claimed_at: Instant,
    ended: Option<Box<EndedAttempt>>,
}

/// The right to settle one job.
#[derive(Debug)]
pub(crate) struct Lease {
    held: Option<LeaseData>,
    book: Arc<LeaseTable>,
}

/// A claimed job on its way to a worker.
#[derive(Debug)]
pub(crate) struct LeasedJob {
    pub(crate) job: ClaimedJob,
    pub(crate) lease: Lease,
}

impl LeaseTable {
    /// A book that counts the leases of these tasks.
    pub(crate) fn counting<'a>(tasks: impl Iterator<Item = &'a String>) -> Self {
        Self { counted: tasks.map(|task| (task.clone(), AtomicUsize::new(0))).collect(), ..Self::default() }
    }

    /// How many leases of the task are open; 0 where they are not counted.
    pub(crate) fn count_of(&self, task: &str) -> usize {
        self.counted.get(task).map_or(0, |count| count.load(Ordering::SeqCst))
    }

    pub(crate) fn open(self: &Arc<Self>, job: ClaimedJob, lease: i64, now: Instant) -> LeasedJob {
        lock(&self.open).insert((job.id, lease));
        let counted = self.counted.get_key_value(&job.task).map(|(task, count)| {
            count.fetch_add(1, Ordering::SeqCst);
            task.clone()
        });
        let held = LeaseData {
            settlement: Settlement { id: job.id, lease, outcome: Outcome::Untouched },
            position: job.position(),
            queue: job.queue.clone(),
            counted,
            claimed_at: now,
            ended: None,
        };
        LeasedJob { job, lease: Lease { held: Some(held), book: Arc::clone(self) } }
    }

    /// How many leases this process holds.
    pub(crate) fn count(&self) -> usize {
        lock(&self.open).len()
    }

    /// The job and the lease of each that is open.
    pub(crate) fn all_open(&self) -> HashSet<(i64, i64)> {
        lock(&self.open).clone()
    }

    /// Picks up the leases that were dropped.
    pub(crate) fn collect_dropped(self: &Arc<Self>) -> Vec<Lease> {
        let dropped = std::mem::take(&mut *lock(&self.dropped));
        dropped.into_iter().map(|held| Lease { held: Some(held), book: Arc::clone(self) }).collect()
    }
}

impl Lease {
    /// Says how the job ended; a lease that nobody resolves is `untouched`.
    pub(crate) fn resolve(mut self, outcome: Outcome) -> Self {
        if let Some(held) = &mut self.held {
            held.settlement.outcome = outcome;
        }
        self
    }

    /// What is to be told once the outcome is stored.
    pub(crate) fn with_ended(mut self, ended: Option<EndedAttempt>) -> Self {
        if let Some(held) = &mut self.held {
            held.ended = ended.map(Box::new);
        }
        self
    }

    pub(crate) fn take_ended(&mut self) -> Option<EndedAttempt> {
        self.held.as_mut().and_then(|held| held.ended.take()).map(|ended| *ended)
    }

    pub(crate) fn settlement(&self) -> &Settlement {
        &self.held().settlement
    }

    pub(crate) fn position(&self) -> Position {
        self.held().position
    }

    pub(crate) fn queue(&self) -> Option<&str> {
        self.held().queue.as_deref()
    }

    /// Whether its end lets another job of a task with a limit start.
    pub(crate) fn is_counted(&self) -> bool {
        self.held().counted.is_some()
    }

    pub(crate) fn claimed_at(&self) -> Instant {
        self.held().claimed_at
    }

    /// The store has the outcome, or has refused it for good: nothing is owed any more.
    pub(crate) fn close(mut self) {
        if let Some(LeaseData { settlement, counted, .. }) = self.held.take() {
            if let Some(count) = counted.and_then(|task| self.book.counted.get(&task)) {
                count.fetch_sub(1, Ordering::SeqCst);
            }
            lock(&self.book.open).remove(&(settlement.id, settlement.lease));
        }
    }

    fn held(&self) -> &LeaseData {
        self.held.as_ref().expect("only `close` and `drop` empty a lease, and both consume it")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            lock(&self.book.dropped).push(held);
        }
    }
}
