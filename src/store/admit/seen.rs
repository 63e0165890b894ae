//! What is known of queues before an admission, and what it saw of them.

use crate::store::claim::Position;

/// What is known of a queue before an admission, so that nothing is read that is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AdmissionHint {
    /// Before this priority and `run_at` no jobs are parked.
    pub(crate) parked_from: Option<Position>,
    /// Where the queue's row was last seen.
    pub(crate) row_at: Option<String>,
}

/// What an admission saw of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdmissionResult {
    pub(crate) queue: String,
    pub(crate) scan: ParkedJobs,
    /// The first job's place among the parked ones, its priority and `run_at`.
    pub(crate) first: Option<Position>,
    /// Where the queue's row is now.
    pub(crate) row_at: Option<String>,
}

/// Whether an admission read the parked jobs of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParkedJobs {
    Scanned,
    /// The queue had no room or token, was paused, or was locked: nothing is known of its parked jobs.
    Unknown,
}

impl From<bool> for ParkedJobs {
    fn from(scanned: bool) -> Self {
        if scanned { Self::Scanned } else { Self::Unknown }
    }
}
