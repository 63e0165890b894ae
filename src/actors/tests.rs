//! Each actor is killed in turn, by a panic in one of its handlers, while jobs run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::cron::CronActor;
use super::heartbeat::HeartbeatActor;
use super::listener::ListenerActor;
use super::maintenance::MaintenanceActor;
use super::queue::QueueActor;
use super::supervisor::SupervisorActor;
use super::worker::WorkerActor;
use crate::probe::Reason;
use crate::rows::count;
use crate::server::TestDatabase;
use crate::{Enqueue, JobContext, JobResult, Scheduler, Task};

/// Sent by tests only.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;

macro_rules! panics_on_request {
    ($actor:ty) => {
        impl actix::Handler<$crate::actors::tests::Panic> for $actor {
            type Result = ();

            fn handle(&mut self, _: $crate::actors::tests::Panic, _: &mut actix::Context<Self>) {
                panic!("told to by a test");
            }
        }
    };
}
pub(crate) use panics_on_request;

#[derive(Serialize, Deserialize)]
struct Count;
impl Task for Count {
    const NAME: &'static str = "count";
}

async fn count_up(_: Count, job: JobContext) -> JobResult {
    tokio::time::sleep(Duration::from_millis(1)).await;
    job.data::<Arc<AtomicUsize>>().fetch_add(1, Ordering::SeqCst);
    Ok(())
}

async fn until_done(database: &TestDatabase) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut conn = database.connection();
    while count(&mut conn, "mainspring.jobs") > 0 {
        assert!(Instant::now() < deadline, "jobs are left: {}", count(&mut conn, "mainspring.jobs"));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn every_actor_that_is_killed_comes_back_and_no_job_is_lost() {
    let database = TestDatabase::new();
    let done = Arc::new(AtomicUsize::new(0));
    let builder = Scheduler::builder(database.url()).worker_threads(2).concurrency(4);
    let scheduler = builder
        .handler(count_up)
        .app_data(Arc::clone(&done))
        .crontab("0 0 1 1 * count")
        .start()
        .await
        .unwrap();
    let shared = scheduler.shared();
    let mut enqueued = 0;
    for round in 0..14 {
        for _ in 0..40 {
            Enqueue::new(Count).insert(&mut database.connection()).unwrap();
            enqueued += 1;
        }
        match round % 7 {
            0 => shared.send::<QueueActor, _>(Panic),
            1 => shared.send::<WorkerActor, _>(Panic),
            2 => shared.send::<CronActor, _>(Panic),
            3 => shared.send::<ListenerActor, _>(Panic),
            4 => shared.send::<HeartbeatActor, _>(Panic),
            5 => shared.send::<MaintenanceActor, _>(Panic),
            _ => shared.send::<SupervisorActor, _>(Panic),
        }
        until_done(&database).await;
    }
    assert!(done.load(Ordering::SeqCst) >= enqueued);
    assert_eq!(count(&mut database.connection(), "mainspring.history"), enqueued as i64);
    assert!(scheduler.enqueue(Enqueue::new(Count)).await.unwrap() > 0);
    scheduler.stop().await;
    assert_eq!(shared.leases.count(), 0);
    assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
}

#[tokio::test]
async fn each_worker_has_its_own_place_and_its_share_of_the_slots() {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).worker_threads(4).concurrency(10);
    let scheduler = builder.start().await.unwrap();
    let shared = scheduler.shared();
    let workers = shared.addresses.workers();
    let workers: Vec<_> = workers.iter().map(|worker| (worker.is_alive(), worker.idle_slots())).collect();
    assert_eq!(workers, [(true, 3), (true, 3), (true, 2), (true, 2)]);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_scheduler_that_gives_up_lives_no_more() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).worker_threads(1).start().await.unwrap();
    assert!(scheduler.health().live().passed(), "{:?}", scheduler.health());
    let (shared, deadline) = (scheduler.shared(), Instant::now() + Duration::from_secs(60));
    while scheduler.is_running() {
        assert!(Instant::now() < deadline, "it has not given up");
        shared.send::<MaintenanceActor, _>(Panic);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(scheduler.health().live().reasons.contains(&Reason::GaveUp), "{:?}", scheduler.health());
    scheduler.stop().await;
    assert_eq!(scheduler.health().live().reasons, [Reason::GaveUp, Reason::Stopped]);
}
