//! The prefetch: jobs that are leased and wait for a free slot of any worker of this process, best first. The queue puts
//! them in, workers take them out, and what lies too long is taken back.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::leases::{Lease, LeasedJob};
use crate::lock::lock;
use crate::store::claim::Position;

/// The leased jobs that no worker has taken yet.
#[derive(Debug, Default)]
pub(crate) struct PrefetchBuffer(Mutex<Content>);

#[derive(Debug, Default)]
struct Content {
    jobs: VecDeque<LeasedJob>,
    /// Nothing may be put in: what comes falls back into the book of leases.
    closed: bool,
}

impl PrefetchBuffer {
    /// Puts a batch in, which comes in order, behind or among what is there.
    pub(crate) fn put(&self, batch: Vec<LeasedJob>) {
        let mut content = lock(&self.0);
        if content.closed {
            return;
        }
        let jobs = &mut content.jobs;
        let in_order = jobs.back().zip(batch.first()).is_none_or(|(last, first)| rank(last) <= rank(first));
        jobs.extend(batch);
        if !in_order {
            jobs.make_contiguous().sort_by_key(rank);
        }
    }

    pub(crate) fn take(&self) -> Option<LeasedJob> {
        lock(&self.0).jobs.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.0).jobs.len()
    }

    /// How many bytes the payloads have that wait here.
    pub(crate) fn payload_bytes(&self) -> usize {
        let content = lock(&self.0);
        content.jobs.iter().filter_map(|leased| leased.job.payload.as_ref()).map(String::len).sum()
    }

    /// Takes back what was claimed longer ago than the bound.
    pub(crate) fn take_stale(&self, bound: Duration, now: Instant) -> Vec<Lease> {
        let mut content = lock(&self.0);
        let (stale, fresh) = content
            .jobs
            .drain(..)
            .partition(|job: &LeasedJob| now.saturating_duration_since(job.lease.claimed_at()) > bound);
        content.jobs = fresh;
        let stale: VecDeque<LeasedJob> = stale;
        stale.into_iter().map(|job| job.lease).collect()
    }

    /// Takes everything back, and nothing in from now on.
    pub(crate) fn close(&self) -> Vec<Lease> {
        let mut content = lock(&self.0);
        content.closed = true;
        content.jobs.drain(..).map(|job| job.lease).collect()
    }

    /// Takes jobs in again.
    pub(crate) fn open(&self) {
        lock(&self.0).closed = false;
    }

    /// Takes everything back.
    pub(crate) fn clear(&self) -> Vec<Lease> {
        lock(&self.0).jobs.drain(..).map(|job| job.lease).collect()
    }
}

// Jobs that their age has lifted come first, in the order in which they were claimed.
fn rank(job: &LeasedJob) -> Option<(Position, i64)> {
    (!job.job.aged).then(|| (job.lease.position(), job.job.id))
}
