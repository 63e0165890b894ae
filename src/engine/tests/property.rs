//! A random world around the engine: steps end in any order, replies get lost before or after the commit, workers drop
//! leases, the process is suspended, and the database forgets nothing. No lease is lost or doubled, the concurrency
//! holds, every request has one reply, and every drain ends.

use std::collections::{BTreeMap, BTreeSet};

mod ties;

use super::*;
use crate::leases::LeasedJob;
use crate::store::enqueue::{Added, WaitsFor};

const WORLDS: u64 = 300;
const EVENTS: usize = 1_000;

/// Where a job stands in the database of the simulated world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    /// For the end of another job.
    Waiting,
    Ready,
    Running {
        lease: i64,
    },
    Done,
}

struct World {
    desk: Desk,
    random: fastrand::Rng,
    rows: BTreeMap<i64, Row>,
    /// The events that tell of the end of a job, and the job that waits for it.
    events: BTreeMap<i64, (i64, i64)>,
    /// Steps that have been started and have not ended.
    started: Vec<Step>,
    running: Vec<LeasedJob>,
    /// How many jobs the next jobs that end have added on connections of their own.
    chained: usize,
    requests: u32,
    replies: BTreeSet<u32>,
    /// The largest prefetch that was allowed so far.
    max_prefetch: usize,
}

/// How a statement ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Succeeds,
    FailsBeforeCommit,
    /// The database commits, and the reply is lost.
    LosesReply,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let settings = Settings { concurrency: random.usize(1..20), ..settings() };
        Self {
            desk: Desk::new(settings),
            random,
            rows: BTreeMap::new(),
            events: BTreeMap::new(),
            started: Vec::new(),
            running: Vec::new(),
            chained: 0,
            requests: 0,
            replies: BTreeSet::new(),
            max_prefetch: 0,
        }
    }

    fn start_steps(&mut self) {
        while let Some(step) = self.desk.next() {
            self.started.push(step);
        }
        let prefetch = self.desk.engine.claim.throughput.prefetch_size();
        self.max_prefetch = self.max_prefetch.max(prefetch);
        let active = self.desk.engine.capacity().active;
        let bound = self.desk.engine.settings.concurrency + self.max_prefetch;
        assert!(active <= bound, "{active} jobs are leased, at most {bound} may be");
    }

    fn fate(&mut self) -> Fate {
        match self.random.u32(..10) {
            0 => Fate::FailsBeforeCommit,
            1 => Fate::LosesReply,
            _ => Fate::Succeeds,
        }
    }

    /// Something happens.
    fn happen(&mut self) {
        match self.random.u32(..16) {
            0 | 1 => self.enqueue(),
            2..=7 => self.end_step(),
            8..=10 => self.take_jobs(),
            11 | 12 => self.end_jobs(),
            13 => {
                let time = Duration::from_millis(self.random.u64(..800));
                self.desk.pass(time);
            }
            14 => self.desk.wake(Wake::Everything),
            _ => self.disturb(),
        }
        self.start_steps();
    }

    fn enqueue(&mut self) {
        self.requests += 1;
        let jobs = vec![new_job(); self.random.usize(1..5)];
        self.desk.enqueue(jobs, self.requests);
    }

    fn disturb(&mut self) {
        match self.random.u32(..4) {
            0 => self.desk.engine.suspend(),
            1 => self.desk.engine.request_reconciliation(),
            _ => self.desk.engine.resume(),
        }
    }

    /// A worker takes jobs into its free slots.
    fn take_jobs(&mut self) {
        while self.running.len() < self.desk.engine.settings.concurrency {
            let Some(job) = self.desk.prefetch.take() else { return };
            let twice = self.running.iter().any(|running| running.job.id == job.job.id);
            assert!(!twice, "job {} runs beside itself", job.job.id);
            self.running.push(job);
        }
    }

    fn end_jobs(&mut self) {
        let ended = self.running.len().min(self.random.usize(..6));
        let mut leases = Vec::new();
        for job in self.running.drain(..ended) {
            if self.chained > 0 {
                self.chained -= 1;
                self.desk.next_id += 1;
                self.rows.insert(self.desk.next_id, Row::Ready);
            }
            match self.random.u32(..8) {
                0 => drop(job),
                1 => leases.push(job.lease.resolve(Outcome::Interrupted)),
                2 => {
                    leases.push(job.lease.resolve(Outcome::Snoozed { delay: Duration::ZERO, payload: None }))
                }
                _ => leases.push(job.lease.resolve(Outcome::Succeeded)),
            }
        }
        self.desk.engine.settle(leases, self.desk.now);
    }

    fn end_step(&mut self) {
        if self.started.is_empty() {
            return;
        }
        let step = self.started.swap_remove(self.random.usize(..self.started.len()));
        let fate = self.fate();
        let done = self.perform(step, fate);
        self.desk.finished(done);
        for notice in self.desk.notices() {
            if let Notice::Reply(request, _) = notice {
                assert!(self.replies.insert(request), "request {request} has two replies");
            }
        }
    }

    fn perform(&mut self, step: Step, fate: Fate) -> Done {
        match step {
            Step::Enqueue(plan) => self.store(plan, fate),
            Step::Claim(plan) => self.claim(&plan, fate),
            Step::ClaimChildren(plan) => self.claim_children(&plan, fate),
            Step::Settle(plan) => self.settle(plan, fate),
            Step::Reclaim(lease) => {
                let taken = self.requeue(fate, |row| row == Row::Running { lease });
                Done::Reclaim(lease, taken.map(reclaimed))
            }
            Step::Reconcile => {
                let open = self.desk.leases.all_open();
                let open: BTreeSet<i64> = open.into_iter().map(|(_, lease)| lease).collect();
                let lost = |row| matches!(row, Row::Running { lease } if !open.contains(&lease));
                Done::Reconcile(self.requeue(fate, lost).map(reclaimed))
            }
            Step::Admit(_) if fate == Fate::Succeeds => Done::Admit(Ok(self.promoted())),
            Step::Admit(_) => Done::Admit(Err(failure())),
            Step::LookUp if fate == Fate::Succeeds => Done::LookUp(Ok(Claimability::default())),
            Step::LookUp => Done::LookUp(Err(failure())),
            Step::Release => Done::Release(self.release(fate)),
            Step::WriteProgress => Done::WriteProgress(Written::Nothing),
        }
    }

    fn store(&mut self, plan: EnqueuePlan, fate: Fate) -> Done {
        let commits = fate != Fate::FailsBeforeCommit;
        let (now, lease) = (self.desk.now, plan.start_as);
        let row = lease.map_or(Row::Ready, |lease| Row::Running { lease });
        let mut ids = Vec::new();
        for jobs in plan.requests.iter().filter(|_| commits) {
            let request: Vec<i64> = jobs.iter().map(|_| self.add(row)).collect();
            ids.push(request);
        }
        let result = match (fate, lease) {
            (Fate::Succeeds, Some(lease)) => {
                let jobs = ids.iter().flatten().map(|id| claimed_job(*id, TASK, None, now));
                let leased =
                    jobs.map(|job| self.desk.leases.open(job, 1, lease, self.desk.now.instant)).collect();
                self.desk.prefetch.put(leased);
                Ok(Enqueued::Started(ids))
            }
            (Fate::Succeeds, None) => {
                let added = |id| Added {
                    id,
                    priority: 0,
                    run_at: now.utc,
                    scheduled: false,
                    due_in: Duration::ZERO,
                    waits_for: WaitsFor::Claim,
                    flagged: false,
                };
                let results = ids.into_iter().map(|ids| Ok(ids.into_iter().map(added).collect()));
                Ok(Enqueued::Waiting(results.collect()))
            }
            (Fate::FailsBeforeCommit | Fate::LosesReply, _) => Err(failure()),
        };
        if fate == Fate::LosesReply {
            // The notification of the commit.
            self.desk.wake(Wake::Everything);
        }
        Done::Enqueue { slot: plan.slot, lease, result }
    }

    fn add(&mut self, row: Row) -> i64 {
        self.desk.next_id += 1;
        self.rows.insert(self.desk.next_id, row);
        self.desk.next_id
    }

    fn claim(&mut self, plan: &ClaimPlan, fate: Fate) -> Done {
        let lease = plan.lease;
        if fate == Fate::FailsBeforeCommit {
            return Done::Claim(lease, Err(failure()));
        }
        let ready = self.rows.iter_mut().filter(|(_, row)| **row == Row::Ready).take(plan.limit);
        let taken: Vec<i64> = ready
            .map(|(id, row)| {
                *row = Row::Running { lease };
                *id
            })
            .collect();
        if fate == Fate::LosesReply {
            return Done::Claim(lease, Err(failure()));
        }
        self.lease(&taken, lease);
        let first = (!taken.is_empty()).then_some(Position { priority: 0, turn_at: self.desk.now.utc });
        Done::Claim(lease, Ok(Found { first, ..found(taken.len(), 0) }))
    }

    fn lease(&mut self, taken: &[i64], lease: i64) {
        let jobs = taken.iter().map(|id| claimed_job(*id, TASK, None, self.desk.now));
        let leased = jobs.map(|job| self.desk.leases.open(job, 1, lease, self.desk.now.instant)).collect();
        self.desk.prefetch.put(leased);
    }

    fn settle(&mut self, plan: SettlePlan, fate: Fate) -> Done {
        let mut stored = Isolated::default();
        if fate != Fate::FailsBeforeCommit {
            for lease in &plan.leases {
                let settlement = lease.settlement();
                let held = Row::Running { lease: settlement.lease };
                if self.rows.get(&settlement.id) != Some(&held) {
                    continue;
                }
                let succeeded = settlement.outcome == Outcome::Succeeded;
                self.rows.insert(settlement.id, if succeeded { Row::Done } else { Row::Ready });
                let told_from = if succeeded { self.told(settlement.id) } else { None };
                stored.settled.push(Settled { told_from, ..settled(lease, self.desk.now) });
            }
        }
        let result = if fate == Fate::Succeeds { Ok(stored) } else { Err(failure()) };
        Done::Settle { leases: plan.leases, result }
    }

    fn requeue(&mut self, fate: Fate, concerns: impl Fn(Row) -> bool) -> Result<usize, StoreError> {
        let mut requeued = 0;
        if fate != Fate::FailsBeforeCommit {
            for row in self.rows.values_mut().filter(|row| concerns(**row)) {
                *row = Row::Ready;
                requeued += 1;
            }
        }
        if fate == Fate::Succeeds { Ok(requeued) } else { Err(failure()) }
    }

    /// Runs what is ready, and tries again after each error.
    fn run_once(&mut self) {
        self.desk.engine.resume();
        self.desk.engine.run_once();
        for _ in 0..20_000 {
            self.start_steps();
            match self.desk.engine.take_run_end() {
                Some(RunEnd::NoneReady) => return,
                Some(RunEnd::Failed(_)) => self.desk.engine.run_once(),
                Some(RunEnd::Stopped) => panic!("nothing stops"),
                None => {}
            }
            self.take_jobs();
            self.end_jobs();
            self.end_step();
            self.desk.pass(Duration::from_millis(50));
        }
        panic!("the run does not end: {} leases are open", self.desk.leases.count());
    }

    /// Stops the scheduler: the jobs that run are interrupted, and the statements succeed sooner or later.
    fn drain(&mut self) {
        self.desk.engine.drain(self.desk.now);
        for _ in 0..10_000 {
            self.start_steps();
            if self.desk.engine.drained().is_some() {
                return;
            }
            let interrupted = self.running.drain(..).map(|job| job.lease.resolve(Outcome::Interrupted));
            let interrupted = interrupted.collect();
            self.desk.engine.settle(interrupted, self.desk.now);
            self.end_step();
            self.desk.pass(Duration::from_millis(50));
        }
        panic!("the drain does not end: {} leases are open", self.desk.leases.count());
    }
}

#[test]
fn no_lease_is_lost_or_doubled_and_every_drain_ends() {
    let mut done = 0;
    for seed in 0..WORLDS {
        let mut world = World::new(seed);
        for _ in 0..EVENTS {
            world.happen();
        }
        world.drain();
        assert_eq!(world.desk.leases.count(), 0, "seed {seed}");
        let leased = world.rows.values().filter(|row| matches!(row, Row::Running { .. })).count();
        assert_eq!(leased, 0, "seed {seed}: rows stay leased to a process that has stopped");
        assert_eq!(world.replies.len(), world.requests as usize, "seed {seed}: each request has a reply");
        done += world.rows.values().filter(|row| **row == Row::Done).count();
    }
    assert!(done > 10_000, "only {done} jobs were done: the worlds show nothing");
}

#[test]
fn a_run_once_ends_when_no_job_is_left_that_was_ready() {
    let mut done = 0;
    for seed in 0..WORLDS {
        let mut world = World::new(seed);
        for _ in 0..EVENTS / 10 {
            world.happen();
        }
        world.chained = 20;
        world.run_once();
        let left = world.rows.values().filter(|row| **row != Row::Done).count();
        assert_eq!(left, 0, "seed {seed}: {} leases are open", world.desk.leases.count());
        done += world.desk.engine.summary().succeeded;
    }
    assert!(done > 10_000, "only {done} jobs were done: the worlds show nothing");
}
