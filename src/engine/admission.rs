//! Plans admission passes: each promotes scheduled jobs that are due, then admits parked jobs of queues that may have
//! room. Due times are timers; a poll is only the safety net.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::cursor::{Cooldown, FullScanPolicy};
use super::due_jobs::{DueJobs, DueScan, Request};
use super::facts::{Effect, Now};
use super::outage::{Failure, Outage, PAUSE_AFTER_ERROR};
use super::parked::ParkedCursors;
use super::queue_timers::QueueTimers;
use crate::error::StoreError;
use crate::lock::lock;
use crate::store::admit::{Admission, Promotion};
use crate::store::claim::Position;
use crate::store::waits::EventsLeft;

/// How many queues one pass admits from at most, besides those of the jobs that it promotes.
pub(crate) const MAX_QUEUES: usize = 1_000;
// Names come from notifications, which any role can send. Beyond this number all parked jobs are looked at instead.
const MAX_NAMED_QUEUES: usize = 10_000;

/// Decides when a pass is due, and what it looks for.
#[derive(Debug, Default)]
pub(super) struct AdmissionPlanner {
    /// Queues that may have room for a parked job.
    queues: BTreeSet<String>,
    parked: Arc<Mutex<ParkedCursors>>,
    due: DueJobs,
    all_parked: Request,
    all_parked_scans: FullScanPolicy,
    running: Option<Running>,
    outage: Outage,
    /// Whether the failures since the last success were reported.
    reported: Reported,
    timers: QueueTimers,
}

/// The pass that runs.
#[derive(Debug)]
struct Running {
    began: Instant,
    queues: Vec<String>,
    due: DueScan,
    parked: ParkedScan,
}

/// Whether a pass looks for parked jobs of all queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParkedScan {
    NamedQueues,
    AllQueues,
}

/// An admission pass to perform.
#[derive(Debug, Clone)]
pub(crate) struct AdmissionPlan {
    pub(crate) due: DueScan,
    pub(crate) parked: ParkedScan,
    pub(crate) queues: Vec<String>,
    /// Where parked jobs begin. The pass reads and moves these cursors, because it learns of further queues.
    pub(crate) cursors: Arc<Mutex<ParkedCursors>>,
    /// Where ready jobs begin, as far as is known: the turns of admitted jobs start there.
    pub(crate) ready_from: Option<Position>,
    /// How many jobs could start at once in this process. Other processes are woken for the rest.
    pub(crate) free_slots: usize,
}

/// What a pass did.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    pub(crate) admission: Admission,
    pub(crate) promotion: Option<Promotion>,
    pub(crate) promotion_took: Duration,
    /// How long the scan of all queues took, if there was one.
    pub(crate) parked_scan_took: Option<Duration>,
}

/// What the log has of a row of failures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Reported {
    #[default]
    Nothing,
    /// A refusal, which may be over at the next try.
    Refusal,
    Failure,
}

impl AdmissionPlanner {
    /// Plans the next pass, if one is due.
    pub(super) fn next(
        &mut self,
        now: Now,
        ready_from: Option<Position>,
        free_slots: usize,
    ) -> Option<AdmissionPlan> {
        if self.due.next.is_some_and(|due| due <= now.instant) {
            self.due.scan = Request::Made;
        }
        while let Some(queue) = self.timers.take_due(now.instant) {
            self.queues.insert(queue);
        }
        let is_blocked = self.running.is_some() || self.outage.blocks(now.instant);
        if is_blocked || !self.has_work() {
            return None;
        }
        let queues = take_some(&mut self.queues);
        let due = self.due.begin(now.instant);
        let parked = self.begin_parked_scan(now.instant);
        self.running = Some(Running { began: now.instant, queues: queues.clone(), due, parked });
        let cursors = Arc::clone(&self.parked);
        Some(AdmissionPlan { due, parked, queues, cursors, ready_from, free_slots })
    }

    fn has_work(&self) -> bool {
        self.due.scan == Request::Made || self.all_parked == Request::Made || !self.queues.is_empty()
    }

    fn begin_parked_scan(&mut self, now: Instant) -> ParkedScan {
        match std::mem::take(&mut self.all_parked) {
            Request::None => ParkedScan::NamedQueues,
            Request::Made => {
                self.all_parked_scans.began(now);
                ParkedScan::AllQueues
            }
        }
    }

    /// Ends a pass. Returns what it means for the other planners.
    pub(super) fn passed(&mut self, passed: Passed, now: Now) -> Vec<Effect> {
        self.outage.recovered();
        self.reported = Reported::Nothing;
        let Some(running) = self.running.take() else { return Vec::new() };
        let mut effects = Vec::new();
        if let Some(promotion) = &passed.promotion {
            self.due.promoted(promotion, passed.promotion_took, (running.began, running.due), now.instant);
            effects.extend(found(promotion.flagged, promotion.position));
            effects.extend((promotion.parents_ended == EventsLeft::More).then_some(Effect::ParentsEnded));
        }
        if let Some(took) = passed.parked_scan_took {
            self.all_parked_scans.ended(now.instant, took);
        }
        effects.extend(found(passed.admission.flagged, passed.admission.position));
        self.set_timers(passed.admission, now.instant);
        effects
    }

    fn set_timers(&mut self, admission: Admission, now: Instant) {
        for result in admission.results.iter().filter(|result| result.row_at.is_some()) {
            self.timers.row_free(&result.queue);
        }
        for (queue, delay) in admission.tokens_in {
            self.timers.set(queue, now, delay);
        }
        for queue in admission.locked {
            self.timers.row_locked(queue, now);
        }
    }

    /// Ends a pass that failed: everything that it looked for is looked for again after a pause. The first refusal counts as
    /// nothing new: another transaction held a lock for longer than the pass waits for it, and nobody need act.
    pub(super) fn failed(&mut self, error: &StoreError, now: Now) -> Failure {
        if let Some(running) = self.running.take() {
            running.queues.iter().for_each(|queue| self.cursors().request_full_scan(queue));
            self.queues.extend(running.queues);
            if running.parked == ParkedScan::AllQueues {
                self.all_parked = Request::Made;
            }
        }
        self.due.scan = Request::Made;
        self.due.full_scans.request(Cooldown::Long);
        self.outage.failed(now.instant, PAUSE_AFTER_ERROR);
        let (reported, failure) = match self.reported {
            Reported::Failure => (Reported::Failure, Failure::Repeated),
            Reported::Nothing if error.is_refusal() => (Reported::Refusal, Failure::Repeated),
            Reported::Nothing | Reported::Refusal => (Reported::Failure, Failure::First),
        };
        self.reported = reported;
        failure
    }

    /// A job will be due after the delay.
    pub(super) fn due_in(&mut self, delay: Duration, now: Instant) {
        self.due.due_in(delay, now);
    }

    /// Scheduled jobs may be due, or will be soon.
    pub(super) fn scan_due(&mut self) {
        self.due.scan = Request::Made;
    }

    /// A queue may have room for a parked job.
    pub(super) fn slot_freed(&mut self, queue: String) {
        self.queues.insert(queue);
    }

    /// A queue may have parked jobs from this position on, or anywhere.
    pub(super) fn parked(&mut self, queue: String, from: Option<Position>) {
        self.cursors().announce(&queue, from);
        self.queues.insert(queue);
        if self.queues.len() > MAX_NAMED_QUEUES {
            self.queues.clear();
            self.all_parked = Request::Made;
        }
    }

    /// Nothing is known: looks at all scheduled and parked jobs.
    pub(super) fn look_everywhere(&mut self) {
        self.due.scan = Request::Made;
        self.due.promoted_at = None;
        self.all_parked = Request::Made;
        self.cursors().reset();
    }

    /// Looks for jobs that were not announced.
    pub(super) fn poll(&mut self, cooldown: Cooldown, now: Instant) {
        self.due.scan = Request::Made;
        self.due.full_scans.request(cooldown);
        self.all_parked_scans.request(cooldown);
        if self.all_parked_scans.is_due(now) {
            self.all_parked = Request::Made;
        }
        self.cursors().request_full_scans(cooldown);
    }

    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Returns `true` if no pass is planned for now.
    pub(super) fn expects_none(&self) -> bool {
        !self.is_running() && !self.has_work() && !self.timers.wait_for_a_row()
    }

    /// The next times at which a pass may be due without an input.
    pub(super) fn wake_at(&self) -> impl Iterator<Item = Instant> + '_ {
        [self.due.next, self.timers.next(), self.outage.retry_at()].into_iter().flatten()
    }

    fn cursors(&self) -> MutexGuard<'_, ParkedCursors> {
        lock(&self.parked)
    }
}

fn found(flagged: bool, position: Option<Position>) -> impl Iterator<Item = Effect> {
    let ready = position.map(|position| Effect::Ready(Some(position)));
    flagged.then_some(Effect::Flagged).into_iter().chain(ready)
}

fn take_some(queues: &mut BTreeSet<String>) -> Vec<String> {
    let mut taken = Vec::new();
    while taken.len() < MAX_QUEUES
        && let Some(queue) = queues.pop_first()
    {
        taken.push(queue);
    }
    taken
}
