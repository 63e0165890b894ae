//! The bounds of enqueues that wait to be stored: how many, how large, and for how long. Plain values.

use std::ops::{AddAssign, SubAssign};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::error::{StoreError, Stored};
use crate::job::NewJob;

/// So many jobs, and the size of their payloads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) jobs: usize,
    pub(crate) bytes: usize,
}

impl Load {
    pub(crate) fn of(jobs: &[NewJob]) -> Self {
        Self { jobs: jobs.len(), bytes: jobs.iter().map(|job| job.payload.len()).sum() }
    }

    /// How much longer than one job all of them may take: generous for a slow server, and still a bound.
    pub(crate) fn allowance(self) -> Duration {
        Duration::from_millis(self.jobs as u64) + Duration::from_millis(self.bytes as u64 / 1_024)
    }
}

impl AddAssign for Load {
    fn add_assign(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.bytes += other.bytes;
    }
}

impl SubAssign for Load {
    fn sub_assign(&mut self, other: Self) {
        self.jobs -= other.jobs;
        self.bytes -= other.bytes;
    }
}

/// What holds for every enqueue of a scheduler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EnqueueBounds {
    /// How long a caller waits, besides the allowance for many jobs.
    pub(crate) timeout: Duration,
    /// How much may wait at once.
    pub(crate) most: Load,
}

impl EnqueueBounds {
    pub(super) fn new(config: &Config) -> Self {
        let most = Load { jobs: config.max_waiting_jobs, bytes: config.max_waiting_bytes };
        Self { timeout: config.enqueue_timeout, most }
    }

    /// Refuses a request that would pass a limit. One that comes alone is accepted whatever its size.
    pub(super) fn check(self, waiting: Load, more: Load) -> Result<(), StoreError> {
        let fits =
            waiting.jobs + more.jobs <= self.most.jobs && waiting.bytes + more.bytes <= self.most.bytes;
        let Load { jobs, bytes } = waiting;
        if fits || jobs == 0 { Ok(()) } else { Err(StoreError::Overloaded { jobs, bytes }) }
    }
}

/// Since when a request waits, and until when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) accepted_at: Instant,
    pub(super) deadline: Instant,
    /// When it was first tried; `None` before that.
    pub(super) tried_at: Option<Instant>,
    pub(super) load: Load,
}

impl Asked {
    pub(super) fn new(load: Load, now: Instant, bounds: EnqueueBounds) -> Self {
        let deadline = now + bounds.timeout + load.allowance();
        Self { accepted_at: now, deadline, tried_at: None, load }
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.deadline <= now
    }

    /// The error of a request whose time is over.
    pub(super) fn timed_out(&self, stored: Stored, now: Instant) -> StoreError {
        StoreError::TimedOut { waited: now.duration_since(self.accepted_at), stored }
    }
}
