//! Plans settles: outcomes gather while a statement runs and are stored by the next one. An outcome that cannot be
//! stored is kept and tried again until it is stored, or until its lease turns out to be lost.

use std::collections::HashSet;
use std::time::Instant;

use super::facts::{Effect, Notice, Now, RowNotice};
use super::freed_slots::FreedSlots;
use super::outage::{Failure, Outage, PAUSE_AFTER_ERROR};
use super::settle_plan::{LockedRows, SettlePlan};
use super::settle_result::Replies;
use super::stuck::{Known, StuckLeases};
use crate::error::{StoreError, Stored};
use crate::leases::Lease;
use crate::run_summary::RunSummary;
use crate::store::claim::Ended;
use crate::store::settle::{Isolated, Settled, Trouble, TroubleKind};

/// How many outcomes one statement stores at most.
const MAX_OUTCOMES: usize = 2_000;

/// After so many bytes of what handlers have returned, the rest is left to the next statement.
const MAX_BYTES: usize = 8 << 20;

/// Decides which outcomes to store, and when.
#[derive(Debug, Default)]
pub(super) struct SettlePlanner {
    waiting: Vec<Lease>,
    running: Running,
    locked_rows: LockedRows,
    /// Leases of jobs whose rows another transaction held, and when to try them again.
    held: Vec<Lease>,
    retry_held_at: Option<Instant>,
    held_outage: Outage,
    stuck: StuckLeases,
    history_outage: Outage,
    outage: Outage,
    freed_slots: FreedSlots,
    /// How the attempts of this process have ended.
    pub(super) summary: RunSummary,
}

/// The settle that runs, and how many outcomes it stores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Running {
    #[default]
    None,
    Batch(usize),
    /// Outcomes that were refused before, without any other.
    Stuck(usize),
}

impl Running {
    fn outcomes(self) -> usize {
        match self {
            Self::None => 0,
            Self::Batch(outcomes) | Self::Stuck(outcomes) => outcomes,
        }
    }
}

impl SettlePlanner {
    pub(super) fn push(&mut self, leases: impl IntoIterator<Item = Lease>) {
        self.waiting.extend(leases);
    }

    /// How many leases belong to attempts that have ended and are not stored yet.
    pub(super) fn unsettled(&self) -> usize {
        self.waiting.len() + self.running.outcomes() + self.held.len() + self.stuck.len()
    }

    /// Plans the next settle, if there is something to store.
    pub(super) fn next(&mut self, now: Now) -> Option<SettlePlan> {
        if self.retry_held_at.is_some_and(|at| at <= now.instant) {
            self.retry_held_at = None;
            self.waiting.append(&mut self.held);
        }
        if self.running != Running::None || self.outage.blocks(now.instant) {
            return None;
        }
        let stuck = self.stuck.take_due(now.instant);
        if !stuck.is_empty() {
            self.running = Running::Stuck(stuck.len());
            return Some(SettlePlan { released_from: None, ..SettlePlan::new(stuck, LockedRows::Skip) });
        }
        if self.waiting.is_empty() {
            return None;
        }
        let rest = self.waiting.split_off(self.portion());
        let leases = std::mem::replace(&mut self.waiting, rest);
        self.running = Running::Batch(leases.len());
        let freed_slots = self.freed_slots.announce(&leases, now.instant);
        Some(SettlePlan { freed_slots, ..SettlePlan::new(leases, self.locked_rows) })
    }

    // How many outcomes the next statement stores.
    fn portion(&self) -> usize {
        let mut bytes = 0;
        let fits = |lease: &&Lease| {
            let fits = bytes < MAX_BYTES;
            bytes += lease.settlement().value.as_ref().map_or(0, |value| value.len());
            fits
        };
        self.waiting.iter().take(MAX_OUTCOMES).take_while(fits).count()
    }

    /// Ends a settle that failed, and reports it if that is worth a log line.
    pub(super) fn failed<R>(
        &mut self,
        mut leases: Vec<Lease>,
        error: StoreError,
        now: Now,
        notices: &mut Vec<Notice<R>>,
    ) {
        if error.stored() == Stored::No {
            leases.iter_mut().for_each(Lease::refused);
        }
        if let Running::Stuck(_) = std::mem::take(&mut self.running) {
            return self.keep_stuck(leases, &error.to_string(), now, notices);
        }
        self.waiting.extend(leases);
        if self.locked_rows == LockedRows::Wait {
            // It may have waited too long for a row: the next try leaves such rows out, at once.
            self.locked_rows = LockedRows::Skip;
            notices.push(Notice::Retried("store outcomes", error));
            return;
        }
        let jobs = self.waiting.len();
        notices.push(match self.outage.failed(now.instant, PAUSE_AFTER_ERROR) {
            Failure::First => Notice::SettlesFail { jobs, error },
            Failure::Repeated => Notice::Retried("store outcomes", error),
        });
    }

    /// Ends a settle that succeeded. Reports to `notices` what is to be logged or published, and returns what the
    /// outcomes mean for the other planners.
    pub(super) fn stored<R>(
        &mut self,
        leases: Vec<Lease>,
        stored: Isolated,
        now: Now,
        notices: &mut Vec<Notice<R>>,
    ) -> Vec<Effect> {
        let running = std::mem::take(&mut self.running);
        let leases = self.keep_held(leases, &stored.locked, now, notices);
        let leases = self.keep_refused(leases, stored.troubles, now, notices);
        if matches!(running, Running::Batch(_)) && self.outage.recovered() {
            notices.push(Notice::SettlesRecovered);
        }
        let replies = Replies::new(&leases, &stored.settled);
        let mut effects = Vec::from_iter(ended(&stored.settled).map(Effect::ParentsEndedHere));
        for lease in leases {
            let (key, outcome) = (lease.key(), lease.settlement().outcome.as_str());
            if self.stuck.forget(key) == Known::Already && replies.is_stored(key) {
                notices.push(Notice::Row(RowNotice::OutcomeUnstuck { id: key.0, outcome }));
            }
            replies.close(lease, &mut effects, notices, &mut self.summary);
        }
        effects
    }

    // Reports every trouble, and keeps the leases whose outcomes are refused for a later try. Returns the others.
    fn keep_refused<R>(
        &mut self,
        leases: Vec<Lease>,
        troubles: Vec<Trouble>,
        now: Now,
        notices: &mut Vec<Notice<R>>,
    ) -> Vec<Lease> {
        let has_lines = leases.iter().any(|lease| lease.settlement().outcome.leaves_the_table());
        let lost_none = troubles.iter().all(|trouble| trouble.kind != TroubleKind::LineLost);
        if has_lines && lost_none && self.history_outage.recovered() {
            notices.push(Notice::Row(RowNotice::LinesRecovered));
        }
        let mut rest = leases;
        for Trouble { id, kind, problem } in troubles {
            match kind {
                TroubleKind::LineLost => {
                    if self.history_outage.failed(now.instant, PAUSE_AFTER_ERROR) == Failure::First {
                        notices.push(Notice::Row(RowNotice::LinesLost { example: id, problem }));
                    }
                }
                TroubleKind::SetApart => notices.push(Notice::Row(RowNotice::SetApart { id, problem })),
                TroubleKind::Stuck => {
                    let stuck = rest.extract_if(.., |lease| lease.settlement().id == id).collect();
                    self.keep_stuck(stuck, &problem, now, notices);
                }
            }
        }
        rest
    }

    fn keep_stuck<R>(&mut self, leases: Vec<Lease>, problem: &str, now: Now, notices: &mut Vec<Notice<R>>) {
        for lease in leases {
            let (id, outcome) = (lease.key().0, lease.settlement().outcome.as_str());
            if self.stuck.add(lease, now.instant) == Known::Not {
                notices.push(Notice::Row(RowNotice::OutcomeStuck {
                    id,
                    outcome,
                    problem: problem.to_owned(),
                }));
            }
        }
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
        let (mut held, free): (Vec<_>, Vec<_>) = leases.into_iter().partition(is_held);
        held.iter_mut().for_each(Lease::refused);
        self.held.extend(held);
        self.retry_held_at.get_or_insert(now.instant + PAUSE_AFTER_ERROR);
        free
    }

    /// Tries what is stuck for the last time, because the scheduler stops.
    pub(super) fn begin_last_round(&mut self, now: Instant) {
        self.stuck.begin_last_round(now);
    }

    /// How many outcomes cannot be stored now, and are tried again later.
    pub(super) fn set_aside(&self) -> usize {
        self.held.len() + self.stuck.len()
    }

    /// Returns `true` if there is nothing to store now.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running == Running::None
    }

    /// Returns `true` if the last try to store anything failed.
    pub(super) fn is_in_outage(&self) -> bool {
        self.outage.retry_at().is_some()
    }

    /// How many outcomes are stuck and not tried again.
    pub(super) fn given_up(&self) -> usize {
        self.stuck.given_up()
    }

    pub(super) fn wake_at(&self) -> impl Iterator<Item = Instant> {
        [self.retry_held_at, self.outage.retry_at(), self.stuck.wake_at()].into_iter().flatten()
    }
}

// The jobs for which others wait.
fn ended(settled: &[Settled]) -> Option<Ended> {
    let told_from = settled.iter().filter_map(|job| job.told_from).min()?.get();
    let jobs = settled.iter().filter(|job| job.told_from.is_some()).map(|job| job.id).collect();
    Some(Ended { jobs, told_from })
}
