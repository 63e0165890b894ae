//! The engine as a calculator: inputs go in, steps come out, and no database is needed.

mod admissions;
mod backlog;
mod children;
mod claims;
mod enqueues;
mod lookups;
mod once;
mod property;
mod settles;
mod stops;
mod task_gates;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::engine::backlog::{EnqueueBounds, Load};
use crate::engine::gate_seen::FoundOrder;
use crate::error::StoreError;
use crate::job::NewJob;
use crate::leases::LeasedJob;
use crate::lifecycle::{Left, Outcome};
use crate::store::claim::{ClaimedJob, Origin, Position};
use crate::store::claimability::{Claimability, NewerJobs, Paused};
use crate::store::moment::Moment;
use crate::store::settle::{Isolated, Reclaimed, Settled};

const TASK: &str = "test.job";
const LIMITED: &str = "test.limited";

/// An engine, and the time that passes for it.
struct Desk {
    engine: Engine<u32>,
    leases: Arc<LeaseTable>,
    prefetch: Arc<PrefetchBuffer>,
    now: Now,
    next_id: i64,
}

fn settings() -> Settings {
    Settings {
        concurrency: 10,
        connections: 5,
        tasks: Arc::from([LIMITED.to_owned(), TASK.to_owned()]),
        versions: BTreeMap::from([(TASK.to_owned(), 2)]),
        task_limits: BTreeMap::new(),
        age_every: None,
        key_timeout: Duration::from_secs(30),
        enqueue_bounds: EnqueueBounds {
            timeout: Duration::from_secs(10),
            most: Load { jobs: 10_000, bytes: 1_000_000 },
        },
        poll_interval: Duration::from_secs(10),
    }
}

fn at(second: i64) -> Position {
    Position { priority: 0, turn_at: DateTime::from_timestamp(second, 0).unwrap() }
}

fn new_job() -> NewJob {
    NewJob::new(TASK, &serde_json::Value::Null)
}

fn failure() -> StoreError {
    StoreError::Connect("the server is gone".into())
}

fn found(jobs: usize, first: i64) -> Found {
    Found {
        jobs,
        first: (jobs > 0).then(|| at(first)),
        gates: Vec::new(),
        flagged: FlaggedJobs::None,
        order: FoundOrder::ByPosition,
        took: Duration::from_millis(1),
    }
}

impl Desk {
    fn new(settings: Settings) -> Self {
        let leases = Arc::new(LeaseTable::counting(settings.task_limits.keys(), Arc::default()));
        let prefetch = Arc::new(PrefetchBuffer::default());
        let now = Now {
            instant: Instant::now(),
            utc: DateTime::from_timestamp(1_000_000, 0).unwrap(),
            notifications: Notifications::Received,
        };
        let random = fastrand::Rng::with_seed(7);
        let engine = Engine::new(settings, Arc::clone(&leases), Arc::clone(&prefetch), random, now);
        Self { engine, leases, prefetch, now, next_id: 0 }
    }

    /// An engine that has looked everywhere and found nothing.
    fn at_rest() -> Self {
        Self::at_rest_with(settings())
    }

    fn at_rest_with(settings: Settings) -> Self {
        let mut desk = Self::new(settings);
        desk.rest();
        desk
    }

    /// Performs all steps with a database that holds nothing.
    fn rest(&mut self) {
        while let Some(step) = self.next() {
            match step {
                Step::Admit(_) => self.finished(Done::Admit(Ok(nothing_promoted()))),
                Step::LookUp => self.finished(Done::LookUp(Ok(Claimability::default()))),
                Step::Claim(plan) => self.finished(Done::Claim(plan.lease, Ok(found(0, 0)))),
                Step::Reconcile => self.finished(Done::Reconcile(Ok(Reclaimed::default()))),
                other => panic!("a step that an idle engine has no reason for: {other:?}"),
            }
        }
    }

    fn next(&mut self) -> Option<Step> {
        self.engine.next(self.now)
    }

    fn finished(&mut self, done: Done) {
        self.engine.finished(done, self.now);
    }

    fn enqueue(&mut self, jobs: Vec<NewJob>, reply: u32) {
        self.engine.enqueue(jobs, reply, self.now.instant);
    }

    /// The requests that the plan stores, by their replies.
    fn stored_by(&self, plan: &EnqueuePlan) -> Vec<u32> {
        self.engine.enqueue.replies_of(plan.slot)
    }

    fn wake(&mut self, wake: Wake) {
        self.engine.wake(wake, self.now);
    }

    fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.utc += TimeDelta::from_std(time).unwrap();
    }

    fn notices(&mut self) -> Vec<Notice<u32>> {
        self.engine.take_notices().collect()
    }

    fn next_claim(&mut self) -> ClaimPlan {
        match self.next() {
            Some(Step::Claim(plan)) => plan,
            other => panic!("expected a claim, found {other:?}"),
        }
    }

    fn next_lookup(&mut self) {
        match self.next() {
            Some(Step::LookUp) => {}
            other => panic!("expected a lookup, found {other:?}"),
        }
    }

    fn next_admission(&mut self) -> AdmissionPlan {
        match self.next() {
            Some(Step::Admit(plan)) => plan,
            other => panic!("expected an admission, found {other:?}"),
        }
    }

    fn next_settle(&mut self) -> SettlePlan {
        match self.next() {
            Some(Step::Settle(plan)) => plan,
            other => panic!("expected a settle, found {other:?}"),
        }
    }

    fn next_enqueue(&mut self) -> EnqueuePlan {
        match self.next() {
            Some(Step::Enqueue(plan)) => plan,
            other => panic!("expected an enqueue, found {other:?}"),
        }
    }

    fn expect_nothing(&mut self) {
        if let Some(step) = self.next() {
            panic!("expected no step, found {step:?}");
        }
    }

    /// Opens a lease, as a claim does, and returns it as a worker holds it.
    fn leased(&mut self, task: &str, queue: Option<&str>, lease: i64) -> LeasedJob {
        self.next_id += 1;
        self.leases.open(claimed_job(self.next_id, task, queue, self.now), 1, lease, self.now.instant)
    }

    /// Ends jobs with these outcomes, and hands them in.
    fn end(&mut self, jobs: impl IntoIterator<Item = (LeasedJob, Outcome)>) {
        let leases = jobs.into_iter().map(|(job, outcome)| job.lease.resolve(outcome)).collect();
        self.engine.settle(leases, self.now);
    }

    /// Stores all outcomes of the plan.
    fn store(&mut self, plan: SettlePlan) {
        let settled = plan.leases.iter().map(|lease| settled(lease, self.now)).collect();
        let result = Ok(Isolated { settled, ..Isolated::default() });
        self.finished(Done::Settle { leases: plan.leases, result });
    }
}

/// What a database replies that stores the outcome at this time.
fn settled(lease: &Lease, now: Now) -> Settled {
    let settlement = lease.settlement();
    let left = match &settlement.outcome {
        outcome if outcome.leaves_the_table() => Left::Gone,
        Outcome::Discarded { .. } => Left::Dead,
        _ => Left::Waiting,
    };
    let is_held = matches!(settlement.outcome, Outcome::Held { .. });
    let is_ready = left == Left::Waiting
        && !is_held
        && lease.queue().is_none()
        && settlement.outcome.delay().as_millis() == 0;
    let ready_since = is_ready.then_some(Moment(now.utc));
    Settled { id: settlement.id, lease: settlement.lease, left, ready_since, told_from: None }
}

fn reclaimed(jobs: usize) -> Reclaimed {
    Reclaimed { jobs, troubles: Vec::new() }
}

fn nothing_promoted() -> Passed {
    Passed { promotion: Some(Default::default()), ..Passed::default() }
}

fn claimed_job(id: i64, task: &str, queue: Option<&str>, now: Now) -> ClaimedJob {
    ClaimedJob {
        id,
        task: task.to_owned(),
        payload: Some("null".to_owned()),
        attempt: 1,
        max_attempts: 25,
        priority: 0,
        run_at: now.utc,
        queue: queue.map(str::to_owned),
        key: None,
        turn_at: now.utc,
        flags: Vec::new(),
        aged: false,
        snoozes: 0,
        deaths: 0,
        origin: Origin::default(),
    }
}

/// The current time of tests in seconds.
fn present(desk: &Desk) -> DateTime<Utc> {
    desk.now.utc
}
