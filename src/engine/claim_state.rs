//! What the planner of claims remembers: plain values.

use std::time::{Duration, Instant};

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
    Running(Turn),
    /// It has ended, and something changed while it ran: it runs once more before the claim.
    Outrun,
    /// It has run twice in a row. A claim comes next, whatever has changed since: changes that come faster than lookups would
    /// otherwise keep every claim waiting.
    Enough,
    /// It failed: it runs again after a pause.
    Paused(Instant),
}

/// Which of the lookups before one claim it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    First,
    Second,
}

impl Lookup {
    pub(super) fn begun(self) -> Self {
        Self::Running(if self == Self::Outrun { Turn::Second } else { Turn::First })
    }

    /// It has ended, and something changed while it ran.
    pub(super) fn outrun(self) -> Self {
        if self == Self::Running(Turn::Second) { Self::Enough } else { Self::Outrun }
    }

    /// No claim can follow it now, and a later one begins with another.
    pub(super) fn forgotten(self) -> Self {
        if self.has_run() { Self::Idle } else { self }
    }

    pub(super) fn blocks(self, now: Instant) -> bool {
        match self {
            Self::Idle | Self::Outrun | Self::Enough => false,
            Self::Running(_) => true,
            Self::Paused(until) => now < until,
        }
    }

    pub(super) fn paused_until(self) -> Option<Instant> {
        if let Self::Paused(until) = self { Some(until) } else { None }
    }

    pub(super) fn is_running(self) -> bool {
        matches!(self, Self::Running(_))
    }

    /// Returns `true` if the claim that it was made for is still to come.
    pub(super) fn has_run(self) -> bool {
        matches!(self, Self::Outrun | Self::Enough)
    }
}

// An admission pass takes milliseconds, unless it waits for a lock or its connection is silent.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// How long a claim has waited for admission passes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AdmissionWait {
    since: Option<Instant>,
}

impl AdmissionWait {
    /// Returns `true` if the wait may begin, or go on.
    pub(super) fn may_last(&mut self, now: Instant) -> bool {
        self.since.get_or_insert(now);
        self.ends_at().is_some_and(|end| now < end)
    }

    pub(super) fn ends_at(self) -> Option<Instant> {
        self.since.map(|since| since + LONGEST_WAIT)
    }
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
