//! What a settle means for each lease: its job is gone, waits or is dead, or the lease was lost. Knows nothing of retries.

use std::collections::{HashMap, HashSet};

use super::facts::{Effect, Notice};
use crate::leases::Lease;
use crate::lifecycle::{Left, Outcome};
use crate::run_summary::RunSummary;
use crate::store::settle::Settled;

/// What the database replied about the leases of one settle.
pub(super) struct Replies {
    known: Known,
    /// What the jobs left behind, where that is not nothing.
    left: HashMap<i64, Left>,
}

/// Which of the leases the database still knew.
enum Known {
    /// All of them, which is nearly always so: nothing needs to be compared.
    All,
    These(HashSet<(i64, i64)>),
}

impl Replies {
    pub(super) fn new(leases: &[Lease], settled: &[Settled]) -> Self {
        let known = match settled.len() == leases.len() {
            true => Known::All,
            false => Known::These(settled.iter().map(|job| (job.id, job.lease)).collect()),
        };
        let left =
            settled.iter().filter(|job| job.left != Left::Gone).map(|job| (job.id, job.left)).collect();
        Self { known, left }
    }

    /// Returns `true` if the outcome is stored.
    pub(super) fn is_stored(&self, key: (i64, i64)) -> bool {
        match &self.known {
            Known::All => true,
            Known::These(known) => known.contains(&key),
        }
    }

    /// Closes a lease whose outcome is stored, or which was lost.
    pub(super) fn close<R>(
        &self,
        mut lease: Lease,
        effects: &mut Vec<Effect>,
        notices: &mut Vec<Notice<R>>,
        summary: &mut RunSummary,
    ) {
        let ended = lease.take_ended();
        let settlement = lease.settlement();
        if self.is_stored(lease.key()) {
            let left = self.left.get(&settlement.id).copied().unwrap_or(Left::Gone);
            push_effects(lease.queue(), &settlement.outcome, left, effects);
            summary.record(&settlement.outcome, left);
            lease.count_end(left, ended.as_ref());
            if let Some(ended) = ended {
                notices.push(Notice::AttemptEnded { ended, outcome: settlement.outcome.clone(), left });
            }
        } else {
            if summary.record_lost(&settlement.outcome) {
                lease.count_lost();
            }
            // The worker that has the job now may have given up its slot.
            effects.extend(lease.queue().map(|queue| Effect::SlotFreed(queue.to_owned())));
            let (id, outcome, sent) = (settlement.id, settlement.outcome.clone(), lease.sent());
            notices.push(Notice::LeaseLost { id, outcome, sent });
        }
        if lease.is_counted() {
            effects.push(Effect::LimitFreed);
        }
        effects.extend(lease.task_slot().map(|task| Effect::TaskSlotFreed(task.to_owned())));
        lease.close();
    }
}

fn push_effects(queue: Option<&str>, outcome: &Outcome, left: Left, effects: &mut Vec<Effect>) {
    let freed = |queue: &str| Effect::SlotFreed(queue.to_owned());
    match (left, outcome) {
        // It is `ready` as before, unless another process was faster.
        (Left::Waiting, Outcome::Untouched | Outcome::Interrupted) => effects.push(Effect::Ready(None)),
        (
            Left::Waiting,
            Outcome::Failed { delay, .. } | Outcome::Snoozed { delay, .. } | Outcome::Postponed { delay },
        ) => {
            effects.push(Effect::DueIn(*delay));
            effects.extend(queue.map(|queue| match delay.is_zero() {
                // It is parked at once, at a time of the database's clock.
                true => Effect::Parked(queue.to_owned(), None),
                false => freed(queue),
            }));
        }
        (Left::Gone | Left::Waiting | Left::Dead | Left::SetApart, _) => effects.extend(queue.map(freed)),
    }
}
