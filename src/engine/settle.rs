//! Plans settles: outcomes gather while a statement runs and are stored by the next one. An outcome that cannot be
//! stored is kept and tried again until it is stored, or until its lease turns out to be lost.

use std::collections::HashSet;
use std::time::Instant;

use super::facts::{Effect, Notice, Now};
use super::outage::{Failure, Outage, PAUSE_AFTER_ERROR};
use crate::error::StoreError;
use crate::leases::Lease;
use crate::lifecycle::{Left, Outcome};
use crate::store::claim::Position;
use crate::store::settle::{Settled, Settlement};

/// How many outcomes one statement stores at most.
const MAX_OUTCOMES: usize = 2_000;

/// Decides which outcomes to store, and when.
#[derive(Debug, Default)]
pub(super) struct SettlePlanner {
    waiting: Vec<Lease>,
    /// How many outcomes the running statement stores; 0 while none runs.
    running: usize,
    locked_rows: LockedRows,
    /// Leases of jobs whose rows another transaction held, and when to try them again.
    held: Vec<Lease>,
    retry_held_at: Option<Instant>,
    held_outage: Outage,
    outage: Outage,
}

/// What a settle does about rows that another transaction holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LockedRows {
    /// Waits for them, up to the lock time-out of the connection. This costs nothing while no row is held.
    #[default]
    Wait,
    /// Leaves them out, at the price of two more statements.
    Skip,
}

/// A settle to perform. Leases that are dropped on the way fall back into the book.
#[derive(Debug)]
pub(crate) struct SettlePlan {
    pub(crate) leases: Vec<Lease>,
    pub(crate) locked_rows: LockedRows,
    /// The best job among those given back. Other processes with a free worker are told of it.
    pub(crate) released_from: Option<Position>,
}

impl SettlePlan {
    /// The outcomes to store.
    pub(crate) fn settlements(&self) -> Vec<Settlement> {
        self.leases.iter().map(|lease| lease.settlement().clone()).collect()
    }
}

/// What a settle stored.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) settled: Vec<Settled>,
    /// The ids of jobs whose rows another transaction held.
    pub(crate) locked: HashSet<i64>,
}

impl SettlePlanner {
    pub(super) fn push(&mut self, leases: impl IntoIterator<Item = Lease>) {
        self.waiting.extend(leases);
    }

    /// How many leases belong to attempts that have ended and are not stored yet.
    pub(super) fn unsettled(&self) -> usize {
        self.waiting.len() + self.running + self.held.len()
    }

    /// Plans the next settle, if there is something to store.
    pub(super) fn next(&mut self, now: Now) -> Option<SettlePlan> {
        if self.retry_held_at.is_some_and(|at| at <= now.instant) {
            self.retry_held_at = None;
            self.waiting.append(&mut self.held);
        }
        let is_blocked = self.running > 0 || self.outage.blocks(now.instant);
        if is_blocked || self.waiting.is_empty() {
            return None;
        }
        let rest = self.waiting.split_off(self.waiting.len().min(MAX_OUTCOMES));
        let leases = std::mem::replace(&mut self.waiting, rest);
        self.running = leases.len();
        let released_from = leases.iter().filter(|lease| is_released(lease)).map(Lease::position).min();
        Some(SettlePlan { leases, locked_rows: self.locked_rows, released_from })
    }

    /// Ends a settle that failed. Returns whether that is worth a log line.
    pub(super) fn failed(&mut self, leases: Vec<Lease>, now: Now) -> Option<Failure> {
        self.running = 0;
        self.waiting.extend(leases);
        if self.locked_rows == LockedRows::Wait {
            // It may have waited too long for a row: the next try leaves such rows out, at once.
            self.locked_rows = LockedRows::Skip;
            return None;
        }
        Some(self.outage.failed(now.instant, PAUSE_AFTER_ERROR))
    }

    /// Ends a settle that succeeded. Reports to `notices` what is to be logged or published, and returns what the
    /// outcomes mean for the other planners.
    pub(super) fn stored<R>(
        &mut self,
        leases: Vec<Lease>,
        stored: Stored,
        now: Now,
        notices: &mut Vec<Notice<R>>,
    ) -> Vec<Effect> {
        self.running = 0;
        let leases = self.keep_held(leases, &stored.locked, now, notices);
        if self.outage.recovered() {
            notices.push(Notice::SettlesRecovered);
        }
        let answered = Answered::new(&leases, &stored.settled);
        let mut effects = Vec::new();
        for lease in leases {
            answered.close(lease, &mut effects, notices);
        }
        effects
    }

    // Keeps the leases whose rows another transaction holds for a later try, and returns the others.
    fn keep_held<R>(
        &mut self,
        leases: Vec<Lease>,
        locked: &HashSet<i64>,
        now: Now,
        notices: &mut Vec<Notice<R>>,
    ) -> Vec<Lease> {
        if locked.is_empty() {
            if self.held.is_empty() {
                self.locked_rows = LockedRows::Wait;
                if self.held_outage.recovered() {
                    notices.push(Notice::HeldRowsFreed);
                }
            }
            return leases;
        }
        self.locked_rows = LockedRows::Skip;
        if self.held_outage.failed(now.instant, PAUSE_AFTER_ERROR) == Failure::First {
            let example = locked.iter().min().copied().unwrap_or_default();
            notices.push(Notice::RowsHeld { jobs: locked.len(), example });
        }
        let is_held = |lease: &Lease| locked.contains(&lease.settlement().id);
        let (held, free): (Vec<_>, Vec<_>) = leases.into_iter().partition(is_held);
        self.held.extend(held);
        self.retry_held_at.get_or_insert(now.instant + PAUSE_AFTER_ERROR);
        free
    }

    /// How many outcomes wait to be stored.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn wake_at(&self) -> impl Iterator<Item = Instant> {
        [self.retry_held_at, self.outage.retry_at()].into_iter().flatten()
    }
}

fn is_released(lease: &Lease) -> bool {
    matches!(lease.settlement().outcome, Outcome::Untouched | Outcome::Interrupted)
}

/// Which of the leases the database still knew.
enum Answered {
    /// All of them, which is nearly always so: nothing needs to be compared.
    All {
        dead: HashSet<i64>,
    },
    Some {
        known: HashSet<(i64, i64)>,
        dead: HashSet<i64>,
    },
}

impl Answered {
    fn new(leases: &[Lease], settled: &[Settled]) -> Self {
        let dead = settled.iter().filter(|job| job.left == Left::Dead).map(|job| job.id).collect();
        if settled.len() == leases.len() {
            return Self::All { dead };
        }
        Self::Some { known: settled.iter().map(|job| (job.id, job.lease)).collect(), dead }
    }

    fn knows(&self, settlement: &Settlement) -> bool {
        match self {
            Self::All { .. } => true,
            Self::Some { known, .. } => known.contains(&(settlement.id, settlement.lease)),
        }
    }

    fn left(&self, id: i64) -> Left {
        let (Self::All { dead } | Self::Some { dead, .. }) = self;
        if dead.contains(&id) { Left::Dead } else { Left::Other }
    }

    fn close<R>(&self, mut lease: Lease, effects: &mut Vec<Effect>, notices: &mut Vec<Notice<R>>) {
        let ended = lease.take_ended();
        let settlement = lease.settlement();
        if self.knows(settlement) {
            push_effects(lease.queue(), &settlement.outcome, effects);
            if let Some(ended) = ended {
                let (outcome, left) = (settlement.outcome.clone(), self.left(settlement.id));
                notices.push(Notice::AttemptEnded { ended, outcome, left });
            }
        } else {
            // The worker that has the job now may have given up its slot.
            effects.extend(lease.queue().map(|queue| Effect::SlotFreed(queue.to_owned())));
            notices.push(Notice::LeaseLost { id: settlement.id, outcome: settlement.outcome.as_str() });
        }
        if lease.is_counted() {
            effects.push(Effect::LimitFreed);
        }
        lease.close();
    }
}

fn push_effects(queue: Option<&str>, outcome: &Outcome, effects: &mut Vec<Effect>) {
    match outcome {
        // It is `ready` as before, unless another process was faster.
        Outcome::Untouched | Outcome::Interrupted => effects.push(Effect::Ready(None)),
        Outcome::Failed { delay, .. } | Outcome::Snoozed { delay } => {
            effects.push(Effect::DueIn(*delay));
            effects.extend(queue.map(|queue| match delay.is_zero() {
                // It is parked at once, at a time of the database's clock.
                true => Effect::Parked(queue.to_owned(), None),
                false => Effect::SlotFreed(queue.to_owned()),
            }));
        }
        Outcome::Succeeded | Outcome::Completed | Outcome::Cancelled { .. } | Outcome::Discarded { .. } => {
            effects.extend(queue.map(|queue| Effect::SlotFreed(queue.to_owned())));
        }
    }
}

/// The error of a settle, as the log reports it.
pub(super) fn failure_notice<R>(failure: Option<Failure>, jobs: usize, error: StoreError) -> Notice<R> {
    match failure {
        Some(Failure::First) => Notice::SettlesFail { jobs, error },
        Some(Failure::Repeated) | None => Notice::Retried("store outcomes", error),
    }
}
