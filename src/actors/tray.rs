//! The tray: jobs that are leased and wait for a free slot of any worker of this process, best first. The queue puts
//! them in, workers take them out, and what lies too long is taken back.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::lease::{Lease, LeasedJob};
use super::locked;

/// The leased jobs that no worker has taken yet.
#[derive(Default)]
pub(crate) struct Tray(Mutex<VecDeque<LeasedJob>>);

impl Tray {
    /// Puts a batch in, which comes in order, behind or among what is there.
    pub(crate) fn put(&self, batch: Vec<LeasedJob>) {
        let mut jobs = locked(&self.0);
        let in_order = jobs.back().zip(batch.first()).is_none_or(|(last, first)| rank(last) <= rank(first));
        jobs.extend(batch);
        if !in_order {
            jobs.make_contiguous().sort_by_key(rank);
        }
    }

    pub(crate) fn take(&self) -> Option<LeasedJob> {
        locked(&self.0).pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        locked(&self.0).len()
    }

    /// Takes back what was claimed longer ago than the bound.
    pub(crate) fn take_stale(&self, bound: Duration) -> Vec<Lease> {
        let mut jobs = locked(&self.0);
        let (stale, fresh) =
            jobs.drain(..).partition(|job: &LeasedJob| job.lease.claimed_at().elapsed() > bound);
        *jobs = fresh;
        let stale: VecDeque<LeasedJob> = stale;
        stale.into_iter().map(|job| job.lease).collect()
    }

    /// Takes everything back.
    pub(crate) fn clear(&self) -> Vec<Lease> {
        locked(&self.0).drain(..).map(|job| job.lease).collect()
    }
}

fn rank(job: &LeasedJob) -> (crate::store::claim::Mark, i64) {
    (job.lease.mark(), job.job.id)
}
