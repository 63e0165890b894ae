//! Decides what a scheduler does next: which jobs to store, admit, claim and settle, when, and how many. Plain code that
//! knows no actor, runtime, clock or SQL. The QueueActor reports what happened and the time, performs each [`Step`]
//! that the engine returns, and reports how it ended.

mod admission;
mod backlog;
mod claim;
mod claim_plan;
mod claim_state;
mod cursor;
mod due_jobs;
mod eligibility;
mod enqueue;
mod facts;
mod finished;
mod freed_slots;
mod gate_seen;
#[cfg(feature = "testing")]
mod hold;
mod next;
mod once;
pub(crate) mod outage;
mod parked;
mod polls;
mod progress;
mod queue_timers;
mod reclaim;
mod releases;
mod request;
mod run_once;
mod settle;
mod settle_plan;
mod settle_result;
mod step;
mod stuck;
mod task_gates;
#[cfg(test)]
mod tests;
mod throughput;

use std::sync::Arc;
use std::time::Instant;

pub(crate) use self::admission::{AdmissionPlan, MAX_QUEUES, ParkedScan, Passed};
pub(crate) use self::backlog::Load;
pub(crate) use self::claim_plan::{ClaimPlan, Found};
pub(crate) use self::due_jobs::{DueScan, MAX_PROMOTED};
pub(crate) use self::eligibility::{ClaimFilter, FlaggedJobs};
pub(crate) use self::enqueue::EnqueuePlan;
pub(crate) use self::facts::{Notice, Notifications, Now, PauseChange, RowNotice, Settings, Slots, Wake};
pub(crate) use self::once::RunEnd;
pub(crate) use self::parked::ParkedCursors;
pub(crate) use self::releases::ChildrenPlan;
pub(crate) use self::settle_plan::{LockedRows, SettlePlan};
pub(crate) use self::step::{Done, Enqueued, NotStored, Step, Written};

use self::admission::AdmissionPlanner;
use self::claim::ClaimPlanner;
use self::claim_state::AdmissionWait;
use self::enqueue::EnqueuePlanner;
use self::facts::Effect;
use self::once::{Once, not_alive};
use self::outage::Outage;
use self::progress::ProgressPlanner;
use self::reclaim::{ReclaimPlanner, Reconcile};
use self::releases::ReleasePlanner;
use self::settle::SettlePlanner;
use crate::job::NewJob;
use crate::leases::{Lease, LeaseTable};
use crate::prefetch::PrefetchBuffer;

/// The state of one scheduler's decisions. `R` is where the reply to an enqueue goes; the engine only keeps it.
#[derive(Debug)]
pub(crate) struct Engine<R> {
    settings: Settings,
    leases: Arc<LeaseTable>,
    prefetch: Arc<PrefetchBuffer>,
    random: fastrand::Rng,
    mode: Mode,
    slots: Slots,
    enqueue: EnqueuePlanner<R>,
    claim: ClaimPlanner,
    claim_wait: AdmissionWait,
    admission: AdmissionPlanner,
    settle: SettlePlanner,
    progress: ProgressPlanner,
    reclaim: ReclaimPlanner,
    releases: ReleasePlanner,
    reconcile: Reconcile,
    /// Jobs of this worker that are not in memory and cannot be taken back.
    stranded: Outage,
    once: Once,
    #[cfg(feature = "testing")]
    hold: Option<hold::Hold>,
    poll_at: Option<Instant>,
    stale_check_at: Option<Instant>,
    notices: Vec<Notice<R>>,
}

/// What the engine does besides storing what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Claims jobs.
    Active,
    /// Claims nothing: the process cannot show that it is alive.
    Suspended,
    /// Claims nothing and gives everything back: the scheduler stops.
    Draining,
}

impl<R> Engine<R> {
    /// An engine that claims, and looks everywhere first.
    pub(crate) fn new(
        settings: Settings,
        leases: Arc<LeaseTable>,
        prefetch: Arc<PrefetchBuffer>,
        random: fastrand::Rng,
        now: Now,
    ) -> Self {
        let mut engine = Self {
            enqueue: EnqueuePlanner::new(settings.enqueue_bounds),
            settings,
            leases,
            prefetch,
            random,
            mode: Mode::Active,
            slots: Slots::AllBut(0),
            claim: ClaimPlanner::new(now.instant),
            claim_wait: AdmissionWait::default(),
            admission: AdmissionPlanner::default(),
            settle: SettlePlanner::default(),
            progress: ProgressPlanner::default(),
            reclaim: ReclaimPlanner::default(),
            releases: ReleasePlanner::default(),
            reconcile: Reconcile::default(),
            stranded: Outage::default(),
            once: Once::default(),
            #[cfg(feature = "testing")]
            hold: None,
            poll_at: None,
            stale_check_at: None,
            notices: Vec::new(),
        };
        engine.look_everywhere();
        engine.set_poll(now);
        engine
    }

    /// Accepts jobs to store. The ids are sent to `reply` by a notice.
    pub(crate) fn enqueue(&mut self, jobs: Vec<NewJob>, reply: R, now: Instant) {
        if let Err((reply, error)) = self.enqueue.push(jobs, reply, now) {
            self.notices.push(Notice::Reply(reply, Err(error)));
        }
    }

    /// Accepts outcomes to store.
    pub(crate) fn settle(&mut self, leases: Vec<Lease>, now: Now) {
        self.claim.throughput.record(now.instant, leases.len());
        self.settle.push(leases);
    }

    /// Accepts a hint about jobs that may have become due, parked or ready.
    pub(crate) fn wake(&mut self, wake: Wake, now: Now) {
        match wake {
            Wake::Ready(position) => self.apply(Effect::Ready(Some(position)), now),
            Wake::Parked(queue, from) => self.apply(Effect::Parked(queue, from), now),
            Wake::SlotFreed(queue) => self.apply(Effect::SlotFreed(queue), now),
            Wake::TaskSlotFreed(task) => self.apply(Effect::TaskSlotFreed(task), now),
            Wake::Flagged => self.claim.flagged_ready(),
            Wake::DueSoon => self.admission.scan_due(),
            Wake::ParentsEnded => self.releases.request(),
            Wake::Everything => self.look_everywhere(),
        }
    }

    /// Stops claims until [`Self::resume`], because other processes may take this one for lost. What has not started is
    /// given back.
    pub(crate) fn suspend(&mut self) {
        if self.mode == Mode::Active {
            self.mode = Mode::Suspended;
            self.once.end(RunEnd::Failed(not_alive()));
            self.settle.push(self.prefetch.close());
        }
    }

    /// Allows claims again.
    pub(crate) fn resume(&mut self) {
        if self.mode == Mode::Suspended {
            self.mode = Mode::Active;
            self.prefetch.open();
            self.look_everywhere();
        }
    }

    /// Notes which slots can start jobs. While none can, nothing is claimed, and what has not started is given back.
    pub(crate) fn slots_changed(&mut self, slots: Slots) {
        if slots == std::mem::replace(&mut self.slots, slots) {
            return;
        }
        match slots {
            Slots::None => self.settle.push(self.prefetch.clear()),
            Slots::AllBut(_) => self.claim.announce(None),
        }
    }

    /// Stops claims for good. What has not started is given back.
    pub(crate) fn drain(&mut self, now: Now) {
        self.mode = Mode::Draining;
        self.once.end(RunEnd::Stopped);
        self.give_up_held_keys(now);
        self.settle.begin_last_round(now.instant);
        self.settle.push(self.prefetch.close());
    }

    /// Gives back what has not started, because other processes have taken the leases of this one. Jobs that they did
    /// not take are requeued by it; the lease protects the others. A claim under way may have leased others to the old id.
    pub(crate) fn leases_lost(&mut self) {
        self.settle.push(self.prefetch.clear());
        self.reconcile.request();
    }

    /// Requests a comparison of the leases in memory with the database.
    pub(crate) fn request_reconciliation(&mut self) {
        self.reconcile.request();
    }

    /// Jobs have reported progress.
    pub(crate) fn progress_posted(&mut self) {
        self.progress.request();
    }

    /// Takes what is to be logged, published or sent.
    pub(crate) fn take_notices(&mut self) -> std::vec::Drain<'_, Notice<R>> {
        self.notices.drain(..)
    }

    /// The next time at which something may be due without an input.
    pub(crate) fn wake_at(&self, now: Now) -> Option<Instant> {
        let single = [self.poll_at, self.stale_check_at, self.enqueue.wake_at(), self.progress.wake_at()];
        let times = single.into_iter().chain([self.reconcile.wake_at(), self.claim_wait.ends_at()]).flatten();
        let times = times.chain(self.claim.wake_at()).chain(self.admission.wake_at());
        let times = times.chain(self.settle.wake_at()).chain(self.reclaim.wake_at());
        let times = times.chain(self.releases.wake_at());
        // What was due before now is started or waits for a step to end.
        times.filter(|at| *at > now.instant).min()
    }

    /// While draining, once every lease is settled or given up: whether memory and database are known to agree.
    pub(crate) fn drained(&self) -> Option<Drained> {
        let claims_none = self.claim.is_idle() && self.releases.claiming() == 0;
        let idle = claims_none && self.is_leasing_settled() && self.enqueue.is_idle();
        let given_up = self.settle.given_up();
        if self.mode != Mode::Draining || !idle || self.leases.count() > given_up {
            return None;
        }
        Some(match given_up {
            0 if self.reconcile.is_settled() => Drained::Agreed,
            0 => Drained::Unsure,
            _ => Drained::Stuck,
        })
    }
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drained {
    /// The database holds no lease of this process.
    Agreed,
    /// The server may have lost outcomes that it had confirmed.
    Unsure,
    /// Outcomes are left that the database refuses. Others rescue those jobs.
    Stuck,
}
