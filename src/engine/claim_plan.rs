//! A claim to perform, and what it found.

use std::time::Duration;

use super::eligibility::{ClaimFilter, FlaggedJobs};
use crate::store::claim::{ClaimedJob, GateResult, GateState, Position};

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

/// What a claim saw of a limit that a task has over all processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GateSeen {
    pub(crate) task: String,
    pub(crate) state: GateState,
    /// How many jobs of the task were claimed, and the first of them.
    pub(crate) jobs: usize,
    pub(crate) first: Option<Position>,
}

impl GateSeen {
    fn new(gate: GateResult, claimed: &[ClaimedJob]) -> Self {
        let mut own = claimed.iter().filter(|job| job.task == gate.task);
        let first = own.next();
        let jobs = first.iter().len() + own.count();
        Self { task: gate.task, state: gate.state, jobs, first: first.map(ClaimedJob::position) }
    }
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
    pub(crate) fn new(claimed: &[ClaimedJob], gates: Vec<GateResult>, took: Duration) -> Self {
        let flagged = claimed.iter().any(|job| job.flagged);
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
