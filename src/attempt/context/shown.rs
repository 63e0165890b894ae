//! A job as it is shown to others: in events, and on the board of its thread.

use std::sync::Arc;
use std::time::Instant;

use super::{Inner, JobContext};
use crate::event::JobFacts;
use crate::running::Attempting;

impl Attempting for Inner {
    fn facts(&self) -> JobFacts {
        let job = &self.job;
        JobFacts { id: job.id, task: job.task.clone(), queue: job.queue.clone(), attempt: job.attempt }
    }

    fn times_out_at(&self) -> Option<Instant> {
        self.times_out_at.get().copied()
    }
}

impl JobContext {
    pub(crate) fn facts(&self) -> JobFacts {
        self.0.facts()
    }

    /// Shows when the time-out of the attempt is over.
    pub(crate) fn times_out(&self, at: Instant) {
        let _ = self.0.times_out_at.set(at);
    }

    /// The job, to be shown on the board of its thread.
    pub(crate) fn shown(&self) -> Arc<dyn Attempting> {
        Arc::clone(&self.0) as _
    }
}
