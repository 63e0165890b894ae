//! A claim to perform, and what it found.

use std::time::Duration;

use super::eligibility::{ClaimFilter, FlaggedJobs};
use crate::store::claim::{ClaimedJob, Position};

/// A claim to perform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimPlan {
    /// The token of all jobs that this claim takes.
    pub(crate) lease: i64,
    /// Where to start reading; `None` reads from the start of the index.
    pub(crate) from: Option<Position>,
    pub(crate) limit: usize,
    pub(crate) filter: ClaimFilter,
}

/// What a claim found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) jobs: usize,
    pub(crate) first: Option<Position>,
    pub(crate) flagged: FlaggedJobs,
    pub(crate) order: FoundOrder,
    /// How long the claim took, without its payloads.
    pub(crate) took: Duration,
}

/// The order of the claimed jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FoundOrder {
    /// That of their positions: all jobs before the first one are taken.
    ByPosition,
    /// Some went ahead because of their age: the first one shows nothing about those before it.
    ByAge,
}

impl Found {
    pub(crate) fn new(claimed: &[ClaimedJob], took: Duration) -> Self {
        let flagged = claimed.iter().any(|job| job.flagged);
        let aged = claimed.iter().any(|job| job.aged);
        Self {
            jobs: claimed.len(),
            first: claimed.first().map(ClaimedJob::position),
            flagged: if flagged { FlaggedJobs::Some } else { FlaggedJobs::None },
            order: if aged { FoundOrder::ByAge } else { FoundOrder::ByPosition },
            took,
        }
    }
}
