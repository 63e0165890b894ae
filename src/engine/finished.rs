//! How a step ended, and what that means for all planners.

use std::time::Duration;

use super::admission::Passed;
use super::claim_plan::Found;
use super::enqueue::EnqueueSlot;
use super::facts::{Effect, Notice, Now, PauseChange, RowNotice};
use super::outage::Failure;
use super::request::Pending;
use super::step::{Done, Enqueued, NotStored, Written};
use super::{Engine, Mode};
use crate::error::StoreError;
use crate::leases::Lease;
use crate::store::claim::{Carried, Position};
use crate::store::claimability::Claimability;
use crate::store::enqueue::{Added, WaitsFor};
use crate::store::settle::{Isolated, Reclaimed, Trouble, TroubleKind};
use crate::store::waits::{Released, ReleasedTo};

// Nothing waits for such a job but its queue, and each try takes the place of claims.
const RETRY_STRANDED: Duration = Duration::from_secs(30);

// More than `STATEMENT_TIMEOUT`, after which the server ends a statement.
const LATE_CLAIM: Duration = Duration::from_secs(35);

impl<R> Engine<R> {
    /// Records how a step ended.
    pub(crate) fn finished(&mut self, done: Done, now: Now) {
        match done {
            Done::Enqueue { slot, lease, result } => self.enqueued(slot, lease, result, now),
            Done::Settle { leases, result } => self.settled(leases, result, now),
            Done::Admit(result) => self.admitted(result, now),
            Done::LookUp(result) => self.looked_up(result, now),
            Done::Claim(lease, result) => self.claimed(lease, result, now),
            Done::ClaimChildren(lease, result) => self.claimed_children(lease, result, now),
            Done::Reclaim(lease, result) => self.reclaimed(lease, result, now),
            Done::Reconcile(result) => self.reconciled(result, now),
            Done::Release(result) => self.released(result, now),
            Done::WriteProgress(Written::Nothing) => self.progress.found_none(),
            Done::WriteProgress(Written::Reports) => self.progress.finished(now.instant),
        }
    }

    fn enqueued(
        &mut self,
        slot: EnqueueSlot,
        lease: Option<i64>,
        result: Result<Enqueued, StoreError>,
        now: Now,
    ) {
        let requests = self.enqueue.finished(slot, now.instant).into_iter();
        match result {
            Ok(Enqueued::Waiting(each)) => {
                for (result, request) in each.into_iter().zip(requests) {
                    match result {
                        Ok(added) => {
                            added.iter().for_each(|job| self.added(job, now));
                            let ids = added.into_iter().map(|job| job.id).collect();
                            self.reply(request, Ok(ids));
                        }
                        Err(NotStored::Refused(error)) => self.reply(request, Err(error)),
                        Err(NotStored::KeyHeld(jobs)) => self.enqueue.hold(jobs, request, now.instant),
                    }
                }
                self.give_up_held_keys(now);
            }
            Ok(Enqueued::Started(ids)) => {
                requests.zip(ids).for_each(|(request, ids)| self.reply(request, Ok(ids)));
                self.watch_prefetch(now);
            }
            Err(error) => {
                // The reply may have been lost after the database had committed.
                lease.into_iter().for_each(|lease| self.reclaim.add(lease, now.instant));
                requests.for_each(|request| self.reply(request, Err(error.clone())));
            }
        }
    }

    // A caller whose time was over has its reply already.
    fn reply(&mut self, request: Pending<R>, result: Result<Vec<i64>, StoreError>) {
        self.notices.extend(request.reply.map(|reply| Notice::Reply(reply, result)));
    }

    pub(super) fn report_overdue_enqueues(&mut self, now: Now) {
        let overdue = self.enqueue.overdue(now.instant);
        self.notices.extend(overdue.into_iter().map(|(reply, error)| Notice::Reply(reply, Err(error))));
    }

    /// Reports the enqueues that have waited long enough for a key. A process that stops waits for none.
    pub(super) fn give_up_held_keys(&mut self, now: Now) {
        let timeout = if self.mode == Mode::Draining { Duration::ZERO } else { self.settings.key_timeout };
        for (reply, error) in self.enqueue.give_up(timeout, now.instant) {
            self.notices.push(Notice::Reply(reply, Err(error)));
        }
    }

    pub(super) fn added(&mut self, job: &Added, now: Now) {
        let due_in = job.scheduled.then_some(job.due_in);
        self.entered(job.position(), due_in, &job.waits_for, job.flagged, now);
    }

    // Jobs have come in, the first of them at this position, or due after this time.
    fn entered(
        &mut self,
        first: Position,
        due_in: Option<Duration>,
        waits_for: &WaitsFor,
        flagged: bool,
        now: Now,
    ) {
        if let Some(delay) = due_in {
            return self.apply(Effect::DueIn(delay), now);
        }
        match waits_for {
            WaitsFor::Others => {}
            WaitsFor::Queue(queue) => self.apply(Effect::Parked(queue.clone(), Some(first)), now),
            WaitsFor::QueueOfTask => self.admission.look_everywhere(),
            WaitsFor::Claim => {
                if flagged {
                    self.apply(Effect::Flagged, now);
                }
                self.apply(Effect::Ready(Some(first)), now);
            }
        }
    }

    pub(super) fn apply(&mut self, effect: Effect, now: Now) {
        match effect {
            Effect::Ready(from) => self.claim.announce(from),
            Effect::Flagged => self.claim.eligibility.expect_flagged(),
            Effect::Parked(queue, from) => self.admission.parked(queue, from),
            Effect::SlotFreed(queue) => self.admission.slot_freed(queue),
            Effect::ParentsEnded => self.releases.request(),
            Effect::ParentsEndedHere(ended) => self.releases.ended(ended),
            Effect::DueIn(delay) => self.admission.due_in(delay, now.instant),
            Effect::LimitFreed => self.claim.limit_freed(),
            Effect::TaskSlotFreed(task) => self.claim.task_slot_freed(&task),
        }
    }

    fn apply_all(&mut self, effects: Vec<Effect>, now: Now) {
        effects.into_iter().for_each(|effect| self.apply(effect, now));
    }

    fn settled(&mut self, leases: Vec<Lease>, result: Result<Isolated, StoreError>, now: Now) {
        match result {
            Ok(stored) => {
                let effects = self.settle.stored(leases, stored, now, &mut self.notices);
                self.once.stored();
                self.apply_all(effects, now);
            }
            Err(error) => {
                let cause = error.clone();
                self.settle.failed(leases, error, now, &mut self.notices);
                if self.settle.is_in_outage() {
                    self.once.failed(&cause);
                }
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
                self.once.failed(&error);
                if self.admission.failed(&error, now) == Failure::First {
                    self.notices.push(Notice::AdmissionsFail(error));
                }
            }
        }
    }

    fn released(&mut self, result: Result<Released, StoreError>, now: Now) {
        match result {
            Ok(released) => {
                self.releases.finished(released.left, now.instant);
                for ReleasedTo { first, due_in, waits_for, flagged } in &released.places {
                    self.entered(*first, *due_in, waits_for, *flagged, now);
                }
            }
            Err(error) => {
                self.once.failed(&error);
                if self.releases.failed(now.instant) == Failure::First {
                    self.notices.push(Notice::ReleasesFail(error));
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

    // The release that follows reports an error that lasts.
    fn claimed_children(&mut self, lease: i64, result: Result<Carried, StoreError>, now: Now) {
        let carried = result.unwrap_or_else(|error| {
            self.reclaim.add(lease, now.instant);
            self.notices.push(Notice::Retried("start jobs that waited for others", error));
            Carried::NotAll
        });
        self.releases.claimed(carried);
        self.watch_prefetch(now);
    }

    fn claims_fail(&mut self, failure: Failure, error: StoreError) {
        self.once.failed(&error);
        if failure == Failure::First {
            self.notices.push(Notice::ClaimsFail(error));
        }
    }

    fn reclaimed(&mut self, lease: i64, result: Result<Reclaimed, StoreError>, now: Now) {
        match result {
            Ok(reclaimed) => {
                self.reclaim.finished();
                // The statement whose reply was lost may still be carried out, until the server ends it for its time.
                if reclaimed.jobs == 0 && self.mode != Mode::Draining {
                    self.reconcile.pause(now.instant + LATE_CLAIM);
                }
                self.taken_back(reclaimed, now);
            }
            Err(_) => self.reclaim.failed(lease, now.instant),
        }
    }

    fn reconciled(&mut self, result: Result<Reclaimed, StoreError>, now: Now) {
        match result {
            Ok(reclaimed) => {
                self.reconcile.finished(now.instant);
                let jobs = reclaimed.jobs;
                if jobs > 0 {
                    self.notices.push(Notice::OutcomesLost { jobs });
                }
                self.taken_back(reclaimed, now);
            }
            Err(error) => {
                self.reconcile.failed(now.instant);
                self.notices.push(Notice::Retried("reconcile leases", error));
            }
        }
    }

    // A row that cannot be moved holds up no claim: a later reconciliation finds it.
    fn taken_back(&mut self, Reclaimed { jobs, troubles }: Reclaimed, now: Now) {
        if jobs > 0 {
            self.apply(Effect::Ready(None), now);
        }
        let (stuck, others): (Vec<Trouble>, Vec<Trouble>) =
            troubles.into_iter().partition(|trouble| trouble.kind == TroubleKind::Stuck);
        let apart = others.into_iter().filter(|trouble| trouble.kind == TroubleKind::SetApart);
        self.notices.extend(
            apart.map(|Trouble { id, problem, .. }| Notice::Row(RowNotice::SetApart { id, problem })),
        );
        let jobs = stuck.len();
        match stuck.into_iter().next() {
            None => drop(self.stranded.recovered()),
            Some(Trouble { id, problem, .. }) => {
                self.reconcile.pause(now.instant + RETRY_STRANDED);
                if self.stranded.failed(now.instant, RETRY_STRANDED) == Failure::First {
                    self.notices.push(Notice::Row(RowNotice::NotTakenBack { jobs, example: id, problem }));
                }
            }
        }
    }
}
