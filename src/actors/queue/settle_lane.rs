//! Settling: outcomes gather while a statement is under way and are stored by the next. What cannot be stored is kept
//! and tried again until it can, or until its lease turns out to be gone.

use std::collections::HashSet;
use std::time::Duration;

use actix::{AsyncContext, Context, WrapFuture, fut::ActorFutureExt};

use super::QueueActor;
use crate::actors::lease::Lease;
use crate::error::StoreError;
use crate::lifecycle::Outcome;
use crate::store::Durability;
use crate::store::admit::wake;
use crate::store::claim::Position;
use crate::store::settle::{Settled, Settlement, settle, settle_free};

const MOST_ROWS: usize = 2_000;
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(500);

#[derive(Default)]
pub(super) struct SettleLane {
    pub(super) waiting: Vec<Lease>,
    under_way: usize,
    paused: bool,
    failing: bool,
    /// Whether somebody may hold rows of jobs that have ended: such rows are left out.
    careful: bool,
    /// Leases of jobs whose rows somebody held.
    held: Vec<Lease>,
    told_of_held: bool,
}

impl SettleLane {
    /// Leases whose jobs have ended and are not stored yet.
    pub(super) fn unsettled(&self) -> usize {
        self.waiting.len() + self.under_way + self.held.len()
    }
}

impl QueueActor {
    pub(super) fn start_settle(&mut self, ctx: &mut Context<Self>) {
        self.settles.waiting.extend(self.shared.leases.collect_dropped());
        let idle = self.settles.under_way == 0 && !self.settles.paused;
        if !idle || self.settles.waiting.is_empty() {
            return;
        }
        let rest = self.settles.waiting.split_off(self.settles.waiting.len().min(MOST_ROWS));
        let leases = std::mem::replace(&mut self.settles.waiting, rest);
        self.settles.under_way = leases.len();
        let (store, keep_history) = (self.shared.store.clone(), self.shared.config.keeps_history());
        let settlements: Vec<Settlement> = leases.iter().map(|lease| lease.settlement().clone()).collect();
        let returned = best_returned(&leases);
        let careful = self.settles.careful;
        let work = async move {
            store
                .run(Durability::Relaxed, move |conn| {
                    let settled = if careful {
                        settle_free(conn, &settlements, keep_history)?
                    } else {
                        (settle(conn, &settlements, keep_history)?, HashSet::new())
                    };
                    // Jobs given back unrun wait for a free worker, which may be another process.
                    returned.map_or(Ok(()), |position| wake(conn, position, &[]))?;
                    Ok(settled)
                })
                .await
        };
        ctx.spawn(work.into_actor(self).map(move |settled, queue, ctx| {
            queue.settles.under_way = 0;
            match settled {
                Ok((settled, held)) => {
                    let leases = queue.keep_held(leases, &held, ctx);
                    queue.settled(leases, &settled);
                }
                Err(error) => queue.settle_failed(leases, &error, ctx),
            }
            queue.pump(ctx);
        }));
    }

    // Keeps those whose rows somebody holds for later, and answers the others.
    fn keep_held(&mut self, leases: Vec<Lease>, held: &HashSet<i64>, ctx: &mut Context<Self>) -> Vec<Lease> {
        self.settles.careful = !held.is_empty() || !self.settles.held.is_empty();
        if !self.settles.careful && std::mem::take(&mut self.settles.told_of_held) {
            log::info!("the outcomes of all jobs are stored again");
        }
        if held.is_empty() {
            return leases;
        }
        if !std::mem::replace(&mut self.settles.told_of_held, true) {
            log::warn!(
                "another transaction holds the rows of {} jobs that have ended, such as job {}: their outcomes are stored when it ends",
                held.len(),
                held.iter().min().copied().unwrap_or_default()
            );
        }
        let (kept, free): (Vec<_>, Vec<_>) =
            leases.into_iter().partition(|lease| held.contains(&lease.settlement().id));
        if self.settles.held.is_empty() {
            ctx.run_later(PAUSE_AFTER_ERROR, |queue, ctx| {
                let held = std::mem::take(&mut queue.settles.held);
                queue.settles.waiting.extend(held);
                queue.pump(ctx);
            });
        }
        self.settles.held.extend(kept);
        free
    }

    fn settled(&mut self, leases: Vec<Lease>, settled: &[Settled]) {
        if std::mem::take(&mut self.settles.failing) {
            log::info!("storing the outcomes of jobs again");
        }
        // Nearly always every lease was held; only otherwise is it worth asking which.
        let all_stored = settled.len() == leases.len();
        let stored: HashSet<(i64, i64)> =
            if all_stored { HashSet::new() } else { settled.iter().map(|job| (job.id, job.lease)).collect() };
        let dead: HashSet<i64> = settled.iter().filter(|job| job.dead).map(|job| job.id).collect();
        let mut limited = false;
        for mut lease in leases {
            let report = lease.take_report();
            let Settlement { id, lease: token, outcome } = lease.settlement();
            if all_stored || stored.contains(&(*id, *token)) {
                self.after_outcome(lease.queue(), outcome);
                if let Some(report) = report {
                    self.shared.events.publish_outcome(report, outcome, dead.contains(id));
                }
            } else {
                // Whoever has it now may have given its slot up.
                self.gates.to_admit.extend(lease.queue().map(str::to_owned));
                log::warn!(
                    "job {id} ended as {} after its lease was lost: nothing stored, the job belongs to another worker",
                    outcome.as_str()
                );
            }
            limited |= lease.is_counted();
            lease.close();
        }
        if limited {
            // Jobs of the task may have been passed over.
            self.claims.announce_passed_over();
        }
    }

    fn after_outcome(&mut self, queue: Option<&str>, outcome: &Outcome) {
        match outcome {
            // It is `ready` as it was: another process may be quicker.
            Outcome::Untouched | Outcome::Interrupted => self.claims.announce(None),
            Outcome::Failed { delay, .. } | Outcome::Snoozed { delay } => {
                self.gates.look_at(*delay);
                match queue {
                    // Parked at once, at a moment of the database's clock.
                    Some(queue) if delay.is_zero() => self.gates.expect_parked(queue.to_owned(), None),
                    queue => self.gates.to_admit.extend(queue.map(str::to_owned)),
                }
            }
            Outcome::Succeeded
            | Outcome::Completed
            | Outcome::Cancelled { .. }
            | Outcome::Discarded { .. } => {
                self.gates.to_admit.extend(queue.map(str::to_owned));
            }
        }
    }

    fn settle_failed(&mut self, leases: Vec<Lease>, error: &StoreError, ctx: &mut Context<Self>) {
        self.settles.waiting.extend(leases);
        if !std::mem::replace(&mut self.settles.careful, true) {
            // Perhaps it had to wait for a row too long: at once again, without those that are held.
            return log::debug!("cannot store outcomes, trying again: {error}");
        }
        if !std::mem::replace(&mut self.settles.failing, true) {
            log::error!(
                "cannot store the outcomes of {} jobs, trying again: {error}",
                self.settles.waiting.len()
            );
        }
        self.settles.paused = true;
        ctx.run_later(PAUSE_AFTER_ERROR, |queue, ctx| {
            queue.settles.paused = false;
            queue.pump(ctx);
        });
    }
}

fn best_returned(leases: &[Lease]) -> Option<Position> {
    let returned = leases
        .iter()
        .filter(|lease| matches!(lease.settlement().outcome, Outcome::Untouched | Outcome::Interrupted));
    returned.map(Lease::position).min()
}
