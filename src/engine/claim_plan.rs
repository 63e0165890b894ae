//! A claim to perform, and what it found.

use std::time::Duration;

use super::eligibility::{ClaimFilter, FlaggedJobs};
use super::gate_seen::{FoundOrder, GateSeen};
use crate::store::claim::{ClaimedJob, GateResult, Position};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) jobs: usize,
    /// The first of them whose task has no limit over all processes.
    pub(crate) first: Option<Position>,
    pub(crate) gates: Vec<GateSeen>,
    pub(crate) flagged: FlaggedJobs,
    pub(crate) order: FoundOrder,
    /// How long the claim took, without its payloads.
    pub(crate) took: Duration,
}

impl Found {
    pub(crate) fn new(claimed: &[ClaimedJob], gates: Vec<GateResult>, took: Duration) -> Self {
        let flagged = claimed.iter().any(|job| !job.flags.is_empty());
        let aged = claimed.iter().any(|job| job.aged);
        let first = claimed.iter().find(|job| gates.iter().all(|gate| gate.task != job.task));
        Self {
            jobs: claimed.len(),
            first: first.map(ClaimedJob::position),
            gates: gates.into_iter().map(|gate| GateSeen::new(gate, claimed)).collect(),
            flagged: if flagged { FlaggedJobs::Some } else { FlaggedJobs::None },
            order: if aged { FoundOrder::ByAge } else { FoundOrder::ByPosition },
            took,
        }
    }
}
