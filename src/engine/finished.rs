//! How a step ended, and what that means for all planners.

use super::Engine;
use super::admission::Passed;
use super::claim_plan::Found;
use super::facts::{Effect, Notice, Now, PauseChange};
use super::outage::Failure;
use super::settle::{Stored, failure_notice};
use super::step::{Done, Enqueued, Written};
use crate::error::StoreError;
use crate::leases::Lease;
use crate::store::claimability::Claimability;
use crate::store::enqueue::Added;

impl<R> Engine<R> {
    /// Records how a step ended.
    pub(crate) fn finished(&mut self, done: Done<R>, now: Now) {
        match done {
            Done::Enqueue { slot, lease, replies, result } => {
                self.enqueue.finished(slot);
                self.enqueued(lease, replies, result, now);
            }
            Done::Settle { leases, result } => self.settled(leases, result, now),
            Done::Admit(result) => self.admitted(result, now),
            Done::LookUp(result) => self.looked_up(result, now),
            Done::Claim(lease, result) => self.claimed(lease, result, now),
            Done::Reclaim(lease, result) => self.reclaimed(lease, result, now),
            Done::Reconcile(result) => self.reconciled(result, now),
            Done::WriteProgress(Written::Nothing) => self.progress.found_none(),
            Done::WriteProgress(Written::Reports) => self.progress.finished(now.instant),
        }
    }

    fn enqueued(
        &mut self,
        lease: Option<i64>,
        replies: Vec<R>,
        result: Result<Enqueued, StoreError>,
        now: Now,
    ) {
        match result {
            Ok(Enqueued::Waiting(each)) => {
                for (result, reply) in each.into_iter().zip(replies) {
                    result.iter().flatten().for_each(|job| self.added(job, now));
                    let ids = result.map(|added| added.into_iter().map(|job| job.id).collect());
                    self.notices.push(Notice::Reply(reply, ids));
                }
            }
            Ok(Enqueued::Started(ids)) => {
                let replies = replies.into_iter().zip(ids);
                self.notices.extend(replies.map(|(reply, ids)| Notice::Reply(reply, Ok(ids))));
                self.watch_prefetch(now);
            }
            Err(error) => {
                // The reply may have been lost after the database had committed.
                lease.into_iter().for_each(|lease| self.reclaim.add(lease, now.instant));
                let failed = |reply| Notice::Reply(reply, Err(error.clone()));
                self.notices.extend(replies.into_iter().map(failed));
            }
        }
    }

    pub(super) fn added(&mut self, job: &Added, now: Now) {
        if job.scheduled {
            return self.apply(Effect::DueIn(job.due_in), now);
        }
        match &job.queue {
            Some(queue) => self.apply(Effect::Parked(queue.clone(), Some(job.position())), now),
            None => {
                if job.flagged {
                    self.apply(Effect::Flagged, now);
                }
                self.apply(Effect::Ready(Some(job.position())), now);
            }
        }
    }

    pub(super) fn apply(&mut self, effect: Effect, now: Now) {
        match effect {
            Effect::Ready(from) => self.claim.announce(from),
            Effect::Flagged => self.claim.eligibility.expect_flagged(),
            Effect::Parked(queue, from) => self.admission.parked(queue, from),
            Effect::SlotFreed(queue) => self.admission.slot_freed(queue),
            Effect::DueIn(delay) => self.admission.due_in(delay, now.instant),
            Effect::LimitFreed => self.claim.limit_freed(),
        }
    }

    fn apply_all(&mut self, effects: Vec<Effect>, now: Now) {
        effects.into_iter().for_each(|effect| self.apply(effect, now));
    }

    fn settled(&mut self, leases: Vec<Lease>, result: Result<Stored, StoreError>, now: Now) {
        match result {
            Ok(stored) => {
                let effects = self.settle.stored(leases, stored, now, &mut self.notices);
                self.apply_all(effects, now);
            }
            Err(error) => {
                let failure = self.settle.failed(leases, now);
                self.notices.push(failure_notice(failure, self.settle.waiting(), error));
            }
        }
    }

    fn admitted(&mut self, result: Result<Passed, StoreError>, now: Now) {
        match result {
            Ok(passed) => {
                let effects = self.admission.passed(passed, now);
                self.apply_all(effects, now);
            }
            Err(error) => {
                if self.admission.failed(now) == Failure::First {
                    self.notices.push(Notice::AdmissionsFail(error));
                }
            }
        }
    }

    fn looked_up(&mut self, result: Result<Claimability, StoreError>, now: Now) {
        match result {
            Ok(found) => {
                let change = self.claim.looked_up(found);
                if change == PauseChange::Paused {
                    self.settle.push(self.prefetch.clear());
                }
                if change != PauseChange::None {
                    self.notices.push(Notice::AllPaused(change));
                }
            }
            Err(error) => {
                let failure = self.claim.lookup_failed(now);
                self.claims_fail(failure, error);
            }
        }
    }

    fn claimed(&mut self, lease: i64, result: Result<Found, StoreError>, now: Now) {
        match result {
            Ok(found) => {
                if self.claim.claimed(lease, &found, now) {
                    self.notices.push(Notice::ClaimsRecovered);
                }
                self.watch_prefetch(now);
            }
            Err(error) => {
                let failure = self.claim.failed(lease, now);
                self.claims_fail(failure, error);
                self.reclaim.add(lease, now.instant);
            }
        }
    }

    fn claims_fail(&mut self, failure: Failure, error: StoreError) {
        if failure == Failure::First {
            self.notices.push(Notice::ClaimsFail(error));
        }
    }

    fn reclaimed(&mut self, lease: i64, result: Result<usize, StoreError>, now: Now) {
        match result {
            Ok(jobs) => {
                self.reclaim.finished();
                if jobs > 0 {
                    self.apply(Effect::Ready(None), now);
                }
            }
            Err(_) => self.reclaim.failed(lease, now.instant),
        }
    }

    fn reconciled(&mut self, result: Result<usize, StoreError>, now: Now) {
        match result {
            Ok(jobs) => {
                self.reconcile.finished();
                if jobs > 0 {
                    self.notices.push(Notice::OutcomesLost { jobs });
                    self.apply(Effect::Ready(None), now);
                }
            }
            Err(error) => {
                self.reconcile.failed(now.instant);
                self.notices.push(Notice::Retried("reconcile leases", error));
            }
        }
    }
}
