//! What a settle means for each lease: its job is gone, waits or is dead, or the lease was lost. Knows nothing of retries.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::facts::{Effect, Notice};
use super::settle_plan::is_at_once;
use crate::leases::Lease;
use crate::lifecycle::{Left, Outcome};
use crate::run_summary::RunSummary;
use crate::store::claim::Position;
use crate::store::moment::Moment;
use crate::store::settle::Settled;

/// What the database replied about the leases of one settle.
pub(super) struct Replies {
    known: Known,
    /// What the jobs left behind, where that is not nothing, and since when they are ready.
    left: HashMap<i64, (Left, Option<Moment>)>,
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
        let left = settled.iter().filter(|job| job.left != Left::Gone);
        Self { known, left: left.map(|job| (job.id, (job.left, job.ready_since))).collect() }
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
            let (left, ready_since) = self.left.get(&settlement.id).copied().unwrap_or((Left::Gone, None));
            push_effects(&lease, left, ready_since, effects);
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

fn push_effects(lease: &Lease, left: Left, ready_since: Option<Moment>, effects: &mut Vec<Effect>) {
    let outcome = &lease.settlement().outcome;
    let queue = lease.queue().map(str::to_owned);
    match (left, outcome) {
        // It is `ready` as before, unless another process was faster.
        (Left::Waiting, Outcome::Untouched | Outcome::Interrupted) => effects.push(Effect::Ready(None)),
        (Left::Waiting, Outcome::Failed { .. } | Outcome::Snoozed { .. } | Outcome::Postponed { .. }) => {
            match ready_since {
                Some(Moment(turn_at)) => {
                    effects.extend(ready(lease, turn_at));
                    // The row has lost its queue.
                    effects.extend(queue.map(Effect::SlotFreed));
                }
                None => effects.extend(waiting(queue, outcome.delay())),
            }
        }
        (Left::Gone | Left::Waiting | Left::Dead | Left::SetApart, _) => {
            effects.extend(queue.map(Effect::SlotFreed));
        }
    }
}

// A job that is due at once waits for no promotion: nothing but this would make it known.
fn ready(lease: &Lease, turn_at: DateTime<Utc>) -> impl Iterator<Item = Effect> {
    let position = Position { turn_at, ..lease.position() };
    let flagged = (!lease.flags().is_empty()).then_some(Effect::Flagged);
    flagged.into_iter().chain([Effect::Ready(Some(position))])
}

fn waiting(queue: Option<String>, delay: Duration) -> impl Iterator<Item = Effect> {
    let of_queue = queue.map(|queue| match is_at_once(delay) {
        // It is parked already, at a time of the database's clock.
        true => Effect::Parked(queue, None),
        false => Effect::SlotFreed(queue),
    });
    [Effect::DueIn(delay)].into_iter().chain(of_queue)
}
