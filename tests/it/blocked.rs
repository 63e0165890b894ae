//! Handlers that block their thread: they are reported, other threads run what waits, and a process whose threads are all
//! blocked leaves the jobs to others.

mod overdue;

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use actix::{Context, Handler, Message};
use diesel::connection::SimpleConnection;
use mainspring::health::Reason;
use mainspring::{
    Enqueue, Event, EventStream, JobContext, JobFacts, JobResult, Scheduler, SchedulerBuilder, Task,
    WorkerActor,
};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::logs;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::{PATIENCE, block_until, until, until_true};

/// Which code of the job blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Where {
    InTheFuture,
    BeforeTheFuture,
    AtItsDrop,
    InASpawnedTask,
}

#[derive(Serialize, Deserialize)]
struct Block {
    r#where: Where,
}

impl Task for Block {
    const NAME: &'static str = "block";
    const TIMEOUT: Option<Duration> = Some(Duration::from_millis(100));
}

#[derive(Serialize, Deserialize, Message)]
#[rtype(result = "JobResult")]
struct BlockTheActor {}

impl Task for BlockTheActor {
    const NAME: &'static str = "block the actor";
}

impl Handler<BlockTheActor> for WorkerActor {
    type Result = JobResult;

    fn handle(&mut self, _: BlockTheActor, _: &mut Context<Self>) -> JobResult {
        self.job().data::<Gate>().block();
        Ok(())
    }
}

/// Blocks a thread until it is opened, for one thread each time.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<Passage>, Condvar)>);

#[derive(Default)]
struct Passage {
    open: usize,
    blocked: usize,
}

impl Gate {
    fn block(&self) {
        let mut passage = self.0.0.lock().unwrap();
        passage.blocked += 1;
        while passage.open == 0 {
            passage = self.0.1.wait(passage).unwrap();
        }
        passage.open -= 1;
        passage.blocked -= 1;
    }

    fn open(&self, times: usize) {
        self.0.0.lock().unwrap().open += times;
        self.0.1.notify_all();
    }

    fn blocked(&self) -> usize {
        self.0.0.lock().unwrap().blocked
    }
}

struct BlocksAtDrop(Gate);

impl Drop for BlocksAtDrop {
    fn drop(&mut self) {
        self.0.block();
    }
}

fn block(task: Block, job: JobContext) -> impl Future<Output = JobResult> {
    let gate = job.data::<Gate>().clone();
    if task.r#where == Where::BeforeTheFuture {
        gate.block();
    }
    async move {
        match task.r#where {
            Where::BeforeTheFuture => {}
            Where::InTheFuture => gate.block(),
            Where::AtItsDrop => {
                let _blocks = BlocksAtDrop(gate);
                std::future::pending::<()>().await;
            }
            Where::InASpawnedTask => {
                actix_rt::spawn(async move { gate.block() });
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    }
}

fn blocking(database: &TestDatabase, threads: usize) -> (SchedulerBuilder, Gate) {
    let gate = Gate::default();
    let (builder, _) = scheduler(database);
    let builder = builder.handler(block).message::<BlockTheActor>().app_data(gate.clone());
    (builder.worker_threads(threads).concurrency(2 * threads).poll_interval(SLOW_POLL), gate)
}

async fn next_blocked(events: &mut EventStream) -> Option<JobFacts> {
    loop {
        let event = tokio::time::timeout(PATIENCE, events.next()).await.expect("an event in time").unwrap();
        if let Event::WorkerThreadBlocked { job, .. } = event {
            return job;
        }
    }
}

async fn next_freed(events: &mut EventStream) -> (Option<JobFacts>, Duration) {
    loop {
        let event = tokio::time::timeout(PATIENCE, events.next()).await.expect("an event in time").unwrap();
        if let Event::WorkerThreadFreed { job, blocked_for, .. } = event {
            return (job, blocked_for);
        }
    }
}

fn blocked_threads(scheduler: &Scheduler) -> usize {
    scheduler.workers().threads().iter().filter(|thread| thread.blocked_for.is_some()).count()
}

#[tokio::test]
async fn code_that_blocks_its_thread_is_reported_with_its_job_wherever_it_is() {
    logs::keep();
    let database = TestDatabase::new();
    // The lines of all tests are kept together, and no other test has jobs with such ids.
    database.connection().batch_execute("SELECT setval('mainspring.jobs_id_seq', 148000)").unwrap();
    let (builder, gate) = blocking(&database, 2);
    let scheduler = builder.start().await.unwrap();
    let mut events = scheduler.events();
    for r#where in [Where::InTheFuture, Where::BeforeTheFuture, Where::AtItsDrop] {
        let id = scheduler.enqueue(Enqueue::new(Block { r#where })).await.unwrap();
        assert_eq!(next_blocked(&mut events).await.map(|job| job.id), Some(id), "{where:?}");
        assert_eq!(blocked_threads(&scheduler), 1);
        gate.open(1);
        let (job, after) = next_freed(&mut events).await;
        assert!(job.is_some_and(|job| job.id == id) && after >= Duration::from_millis(200), "{where:?}");
        let lines = logs::with(&format!("job {id} `block`"));
        let said = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
        assert_eq!((said("has blocked worker thread"), said("no longer blocks")), (1, 1), "{lines:?}");
    }
    let id = scheduler.enqueue(Enqueue::new(BlockTheActor {})).await.unwrap();
    assert_eq!(next_blocked(&mut events).await.map(|job| job.id), Some(id));
    gate.open(1);
    next_freed(&mut events).await;
    scheduler.enqueue(Enqueue::new(Block { r#where: Where::InASpawnedTask })).await.unwrap();
    assert_eq!(next_blocked(&mut events).await, None);
    gate.open(1);
    next_freed(&mut events).await;
    assert_eq!(blocked_threads(&scheduler), 0);
    scheduler.stop().await;
}

#[tokio::test]
async fn the_other_threads_run_what_waits_behind_a_blocked_one() {
    let database = TestDatabase::new();
    let (builder, gate) = blocking(&database, 2);
    let scheduler = builder.start().await.unwrap();
    let mut events = scheduler.events();
    scheduler.enqueue(Enqueue::new(Block { r#where: Where::InTheFuture })).await.unwrap();
    next_blocked(&mut events).await;
    for _ in 0..5 {
        let began = Instant::now();
        for _ in 0..8 {
            act("go").insert(&mut database.connection()).unwrap();
        }
        until(&database, "mainspring.jobs WHERE task = 'act'", 0).await;
        assert!(began.elapsed() < SLOW_POLL / 2, "{:?}", began.elapsed());
    }
    let done = "mainspring.history WHERE task = 'act' AND outcome = 'succeeded' AND attempts = 1";
    assert_eq!(count(&mut database.connection(), done), 40);
    gate.open(1);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_process_with_all_threads_blocked_claims_nothing_until_one_is_free() {
    let database = TestDatabase::new();
    let (builder, gate) = blocking(&database, 2);
    let scheduler = builder.start().await.unwrap();
    let mut events = scheduler.events();
    for _ in 0..2 {
        scheduler.enqueue(Enqueue::new(Block { r#where: Where::InTheFuture })).await.unwrap();
        next_blocked(&mut events).await;
    }
    assert_eq!(blocked_threads(&scheduler), 2);
    let health = scheduler.health();
    assert!(health.reasons.contains(&Reason::ThreadsBlocked) && health.live().passed(), "{health:?}");
    let waiting = "mainspring.jobs WHERE task = 'act' AND state = 'ready' AND attempts = 0";
    let (other, mut started) = self::scheduler(&database);
    let other = other.poll_interval(SLOW_POLL).start().await.unwrap();
    for _ in 0..20 {
        let began = Instant::now();
        // Through the process that is blocked, and past it.
        scheduler.enqueue(act("go")).await.unwrap();
        started.next().await;
        act("go").insert(&mut database.connection()).unwrap();
        started.next().await;
        assert!(began.elapsed() < SLOW_POLL / 2, "{:?}", began.elapsed());
    }
    until(&database, "mainspring.jobs WHERE task = 'act'", 0).await;
    other.stop().await;
    scheduler.enqueue(act("go")).await.unwrap();
    assert_eq!(count(&mut database.connection(), waiting), 1);
    gate.open(1);
    until(&database, "mainspring.jobs WHERE task = 'act'", 0).await;
    until_true(&database, "ready", || scheduler.health().ready().passed()).await;
    gate.open(1);
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_returns_in_time_while_code_of_the_application_blocks() {
    const GRACE: Duration = Duration::from_millis(300);
    // A worker thread, and the thread of the scheduler itself.
    let database = TestDatabase::new();
    let (builder, gate) = blocking(&database, 1);
    let scheduler = builder.grace_period(GRACE).start().await.unwrap();
    let mut events = scheduler.events();
    scheduler.enqueue(Enqueue::new(Block { r#where: Where::InTheFuture })).await.unwrap();
    next_blocked(&mut events).await;
    let began = Instant::now();
    scheduler.stop().await;
    assert!(began.elapsed() < GRACE + Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE state = 'running'"), 1);
    gate.open(1);

    let (builder, gate) = blocking(&database, 1);
    let blocks = gate.clone();
    let builder = builder.forbid_flags_by(move || {
        blocks.block();
        async { Vec::new() }
    });
    let scheduler = builder.grace_period(GRACE).start().await.unwrap();
    act("go").flags(["slow"]).insert(&mut database.connection()).unwrap();
    block_until("the function is called", || gate.blocked() == 1);
    let began = Instant::now();
    scheduler.stop().await;
    assert!(began.elapsed() < GRACE + Duration::from_secs(5), "{:?}", began.elapsed());
    gate.open(1);
}
