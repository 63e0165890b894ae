//! The prefetch buffer: jobs that are leased and wait for a free slot of any worker of this process, best first. The
//! QueueActor fills it, the workers empty it. It knows no actor: a worker is the address that takes a [`TakeJobs`].

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix::{Message, Recipient};

use crate::leases::{Lease, LeasedJob};
use crate::lock::lock;
use crate::running::WorkerBoard;
use crate::store::claim::Position;

/// The leased jobs that no worker has taken yet.
#[derive(Debug, Default)]
pub(crate) struct PrefetchBuffer(Mutex<Content>);

#[derive(Debug, Default)]
struct Content {
    jobs: VecDeque<LeasedJob>,
    entry: Entry,
}

/// Whether the buffer accepts jobs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Entry {
    #[default]
    Open,
    /// A job that is put in is dropped, and its lease falls back into the lease table.
    Closed,
}

/// The prefetch buffer holds jobs. Sent to workers by the thread that has put them in. If it is lost, the jobs become
/// stale and are released.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct TakeJobs;

/// A worker as those see it who have jobs for it. The number of idle slots and the board outlive the actor, so that a worker
/// that was restarted does not exceed its share.
#[derive(Clone)]
pub(crate) struct WorkerHandle {
    pub(crate) wake: Recipient<TakeJobs>,
    pub(crate) idle: Arc<AtomicUsize>,
    pub(crate) board: Arc<WorkerBoard>,
    pub(crate) life: Arc<Life>,
}

/// Whether a worker lives. It ends a moment before the worker's address closes.
#[derive(Debug)]
pub(crate) struct Life(std::sync::atomic::AtomicBool);

impl Life {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(true.into()))
    }

    pub(crate) fn end(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl WorkerHandle {
    pub(crate) fn is_alive(&self) -> bool {
        self.life.0.load(Ordering::SeqCst) && self.wake.connected()
    }

    pub(crate) fn idle_slots(&self) -> usize {
        self.idle.load(Ordering::SeqCst)
    }
}

/// Wakes workers until they have as many idle slots as there are jobs, those with most first. A blocked one takes no jobs.
pub(crate) fn wake_workers(mut workers: Vec<WorkerHandle>, jobs: usize) {
    workers.retain(|worker| !worker.board.is_blocked());
    workers.sort_by_key(|worker| Reverse(worker.idle_slots()));
    let mut covered = 0;
    for worker in workers {
        if covered >= jobs {
            break;
        }
        covered += worker.idle_slots();
        worker.wake.do_send(TakeJobs);
    }
}

impl PrefetchBuffer {
    /// Adds a batch, which is in order, and keeps the whole in order. A job that may not start now goes back.
    pub(crate) fn put(&self, batch: Vec<LeasedJob>) {
        let mut content = lock(&self.0);
        if content.entry == Entry::Closed {
            return;
        }
        let jobs = &mut content.jobs;
        let in_order = jobs.back().zip(batch.first()).is_none_or(|(last, first)| rank(last) <= rank(first));
        jobs.extend(batch.into_iter().filter(|leased| leased.lease.may_start()));
        if !in_order {
            jobs.make_contiguous().sort_by_key(rank);
        }
    }

    /// Takes the best job.
    pub(crate) fn take(&self) -> Option<LeasedJob> {
        lock(&self.0).jobs.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.0).jobs.len()
    }

    /// Returns the total size of the payloads that wait here.
    pub(crate) fn payload_bytes(&self) -> usize {
        let content = lock(&self.0);
        content.jobs.iter().filter_map(|leased| leased.job.payload.as_ref()).map(String::len).sum()
    }

    /// Removes the jobs that were claimed longer ago than the bound.
    pub(crate) fn take_stale(&self, bound: Duration, now: Instant) -> Vec<Lease> {
        let is_stale = |job: &LeasedJob| now.saturating_duration_since(job.lease.claimed_at()) > bound;
        let mut content = lock(&self.0);
        let (stale, fresh): (VecDeque<LeasedJob>, _) = content.jobs.drain(..).partition(is_stale);
        content.jobs = fresh;
        stale.into_iter().map(|job| job.lease).collect()
    }

    /// Removes all jobs, and accepts no more.
    pub(crate) fn close(&self) -> Vec<Lease> {
        let mut content = lock(&self.0);
        content.entry = Entry::Closed;
        content.jobs.drain(..).map(|job| job.lease).collect()
    }

    /// Accepts jobs again.
    pub(crate) fn open(&self) {
        lock(&self.0).entry = Entry::Open;
    }

    /// Removes all jobs.
    pub(crate) fn clear(&self) -> Vec<Lease> {
        lock(&self.0).jobs.drain(..).map(|job| job.lease).collect()
    }
}

// Aged jobs come first, in the order in which they were claimed.
fn rank(job: &LeasedJob) -> Option<(Position, i64)> {
    (!job.job.aged).then(|| (job.lease.position(), job.job.id))
}
