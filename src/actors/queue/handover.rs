//! What other processes must know of the outcomes that a process stores while it stops.

use crate::engine::SettlePlan;
use crate::lifecycle::Outcome;
use crate::shared::Shared;
use crate::store::Session;
use crate::store::handover::{DueSoon, announce_ended};

/// The queues that have room now, and whether retries are due soon. Empty unless the process stops: it sees to both itself.
#[derive(Debug)]
pub(super) struct Handover {
    queues: Vec<String>,
    soon: DueSoon,
}

impl Handover {
    pub(super) fn of(plan: &SettlePlan, shared: &Shared) -> Option<Self> {
        if !shared.is_stopping() {
            return None;
        }
        let mut queues: Vec<String> =
            plan.leases.iter().filter_map(|lease| lease.queue()).map(str::to_owned).collect();
        queues.sort_unstable();
        queues.dedup();
        let retried = plan.leases.iter().any(|lease| is_retried(&lease.settlement().outcome));
        let soon = if retried { DueSoon::Yes } else { DueSoon::No };
        (retried || !queues.is_empty()).then_some(Self { queues, soon })
    }

    /// Tells the others. If that fails, their next poll finds the jobs.
    pub(super) fn announce(&self, conn: &mut Session<'_>) {
        let _ = announce_ended(conn, &self.queues, self.soon);
    }
}

fn is_retried(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed { .. } | Outcome::Snoozed { .. } | Outcome::Postponed { .. } => true,
        Outcome::Succeeded
        | Outcome::Completed
        | Outcome::Cancelled { .. }
        | Outcome::Discarded { .. }
        | Outcome::Held { .. }
        | Outcome::Interrupted
        | Outcome::Untouched => false,
    }
}
