//! What to do next: the order of the planners, and what each may know of the others.

use super::claim_state::AdmissionWait;
use super::enqueue::EnqueuePlan;
use super::facts::{Capacity, Now, Slots};
use super::releases::{ChildrenPlan, MOST_CHILDREN};
use super::settle_plan::SettlePlan;
use super::step::Step;
use super::{Engine, Mode};
use crate::job::NewJob;
use crate::store::start::may_start_at_once;

impl<R> Engine<R> {
    /// Returns the next step to start now. Call it until it returns `None`, and again after every input.
    pub(crate) fn next(&mut self, now: Now) -> Option<Step> {
        self.poll_if_due(now);
        self.release_stale_if_due(now);
        self.settle.push(self.leases.collect_dropped());
        self.report_overdue_enqueues(now);
        self.claim.open_due_gates(now.instant);
        self.planned(now).or_else(|| if self.look_again() { self.planned(now) } else { None })
    }

    fn planned(&mut self, now: Now) -> Option<Step> {
        self.next_enqueue(now)
            .map(Step::Enqueue)
            .or_else(|| self.next_settle(now).map(Step::Settle))
            .or_else(|| self.next_children().map(Step::ClaimChildren))
            .or_else(|| self.next_release(now))
            .or_else(|| self.next_admission(now))
            .or_else(|| self.next_repair(now))
            .or_else(|| self.progress.next(now.instant).then_some(Step::WriteProgress))
            .or_else(|| self.next_claim(now))
    }

    fn next_enqueue(&mut self, now: Now) -> Option<EnqueuePlan> {
        let mut plan = self.enqueue.next(now, self.settings.connections)?;
        if self.may_start(&plan) {
            let lease = self.random.i64(1..);
            self.enqueue.start(&mut plan, lease);
        }
        Some(plan)
    }

    // Jobs start with their enqueue if slots are free for all of them and no job waits that might come first.
    fn may_start(&self, plan: &EnqueuePlan) -> bool {
        let eligible = |job: &NewJob| {
            let is_readable =
                job.options.version.is_none_or(|version| version <= self.settings.version_of(job.task()));
            may_start_at_once(job)
                && is_readable
                && self.claim.eligibility.may_start(job.task(), &self.settings)
        };
        let capacity = self.capacity();
        self.none_waits()
            && plan.jobs() <= capacity.free_slots().min(capacity.claims_left)
            && plan.requests.iter().flatten().all(eligible)
    }

    // No job is known to wait for a claim that could start now.
    fn none_waits(&self) -> bool {
        self.mode == Mode::Active
            && self.slots != Slots::None
            && self.claim.expects_none()
            && self.is_leasing_settled()
            && self.prefetch.len() == 0
    }

    // As jobs start with their enqueue, some start with the end of the last job for which they wait.
    fn next_children(&mut self) -> Option<ChildrenPlan> {
        let parents = self.releases.take_ended()?;
        let (capacity, settings) = (self.capacity(), &self.settings);
        let limit = capacity.free_slots().min(capacity.claims_left).min(MOST_CHILDREN);
        let may_start = |task: &&String| self.claim.eligibility.may_start(task, settings);
        let tasks: Vec<String> = settings.tasks.iter().filter(may_start).cloned().collect();
        if limit == 0 || tasks.is_empty() || !self.none_waits() {
            self.releases.request();
            return None;
        }
        self.releases.claim_began(limit);
        Some(ChildrenPlan { lease: self.random.i64(1..), parents, tasks, limit })
    }

    fn next_settle(&mut self, now: Now) -> Option<SettlePlan> {
        let mut plan = self.settle.next(now)?;
        let can_start = self.mode == Mode::Active && self.slots != Slots::None;
        plan.announce_retries(|| if can_start { self.capacity().free_slots() } else { 0 });
        Some(plan)
    }

    fn next_release(&mut self, now: Now) -> Option<Step> {
        (self.mode == Mode::Active && self.releases.next(now.instant)).then_some(Step::Release)
    }

    fn next_admission(&mut self, now: Now) -> Option<Step> {
        if self.mode != Mode::Active || !self.claim.eligibility.may_admit() {
            return None;
        }
        let free_slots = self.capacity().free_slots();
        self.admission.next(now, self.claim.position(), free_slots).map(Step::Admit)
    }

    // A reconciliation takes the place of claims: while it runs, every lease of this process must be in memory.
    fn next_repair(&mut self, now: Now) -> Option<Step> {
        let leases = self.claim.is_idle() && self.reclaim.is_idle() && self.starting() == 0;
        if leases && self.mode == Mode::Active && self.reconcile.start(now.instant) {
            return Some(Step::Reconcile);
        }
        self.reclaim.next(now.instant).map(Step::Reclaim)
    }

    fn next_claim(&mut self, now: Now) -> Option<Step> {
        let can_start = self.mode == Mode::Active && self.slots != Slots::None;
        if !can_start || !self.is_leasing_settled() || self.claim_can_wait(now) {
            self.claim.forget_lookup();
            return None;
        }
        let capacity = self.capacity();
        if self.claim.next_lookup(now, capacity, &self.settings) {
            return Some(Step::LookUp);
        }
        let random = &mut self.random;
        let plan = self.claim.next(now, capacity, &self.settings, &self.leases, || random.i64(1..))?;
        self.claim_wait = AdmissionWait::default();
        Some(Step::Claim(plan))
    }

    // At rest the claim of a poll follows the admission pass of the same poll, so that both use one connection.
    fn claim_can_wait(&mut self, now: Now) -> bool {
        let at_rest = self.leases.count() == 0 && self.enqueue.is_idle();
        let follows = self.claim.is_only_polled() && self.admission.is_running() && at_rest;
        follows && self.claim_wait.may_last(now.instant)
    }

    // Nothing is leased while the database may hold leases that this process does not know.
    pub(super) fn is_leasing_settled(&self) -> bool {
        self.reclaim.is_idle() && !self.reconcile.is_running()
    }

    // How many jobs may be leased besides by claims.
    fn starting(&self) -> usize {
        self.enqueue.starting() + self.releases.claiming()
    }

    pub(super) fn capacity(&self) -> Capacity {
        let leased = self.leases.count() + self.starting();
        let blocked = match self.slots {
            Slots::AllBut(blocked) => blocked,
            Slots::None => self.settings.concurrency,
        };
        Capacity {
            concurrency: self.settings.concurrency.saturating_sub(blocked),
            active: leased.saturating_sub(self.settle.unsettled()),
            claims_left: self.claims_left().saturating_sub(self.starting()),
        }
    }
}
