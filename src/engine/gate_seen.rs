//! What a claim saw of the limits that its tasks have over all processes, and the order of its jobs. Plain values.

use crate::store::claim::{ClaimedJob, GateResult, GateState, Position};

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
    pub(super) fn new(gate: GateResult, claimed: &[ClaimedJob]) -> Self {
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
