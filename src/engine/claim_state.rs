//! What the planner of claims remembers: plain values.

use std::time::Instant;

use super::eligibility::FlaggedJobs;
use super::task_gates::Gated;

/// A claim that runs.
#[derive(Debug)]
pub(super) struct RunningClaim {
    pub(super) lease: i64,
    pub(super) limit: usize,
    pub(super) began: Instant,
    pub(super) scan: Scan,
    pub(super) flagged: FlaggedJobs,
    pub(super) shares: Shares,
    pub(super) gated: Gated,
}

/// Whether the claim may pass over jobs because their task reaches its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shares {
    Unlimited,
    Limited,
}

/// Where the claim begins to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    FromCursor,
    /// From the start of the index, since there is no cursor.
    First,
    /// From the start of the index although there is a cursor.
    Full,
}

/// The lookup of pauses, limits and flags. No claim starts while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lookup {
    Idle,
    Running,
    /// It failed: it runs again after a pause.
    Paused(Instant),
}

/// Why there may be jobs to claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Demand {
    /// The last claim found fewer jobs than it requested, and none were announced since.
    #[default]
    None,
    /// Only a poll is due.
    Polled,
    /// Jobs are expected.
    Expected,
}

/// Whether the last claim took as many jobs as it requested. Then more probably wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backlog {
    None,
    Some,
}
