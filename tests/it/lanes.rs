//! Queues as lanes: one at a time over all instances, prefetch or not, and a failed head does not block its queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::{Enqueue, JobContext, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};

use crate::migrations::count;
use crate::running::until;
use crate::server::TestDatabase;

#[derive(Serialize, Deserialize)]
struct Step(u64);
impl Task for Step {
    const NAME: &'static str = "step";
}

#[derive(Default)]
struct Gauge {
    now: AtomicI64,
    most: AtomicI64,
    done: AtomicI64,
}

async fn step(task: Step, job: JobContext) -> JobResult {
    let gauge = job.data::<Arc<Gauge>>();
    let now = gauge.now.fetch_add(1, Ordering::SeqCst) + 1;
    gauge.most.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(task.0)).await;
    gauge.now.fetch_sub(1, Ordering::SeqCst);
    gauge.done.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

async fn instance(database: &TestDatabase, gauge: &Arc<Gauge>) -> Scheduler {
    Scheduler::builder(database.url())
        .concurrency(8)
        .handler(step)
        .app_data(gauge.clone())
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn twelve_jobs_of_one_queue_never_run_two_at_once_on_two_instances_with_eight_slots() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    let (one, two) = (instance(&database, &gauge).await, instance(&database, &gauge).await);
    for n in 0..12 {
        let scheduler = if n % 2 == 0 { &one } else { &two };
        scheduler.enqueue(Enqueue::new(Step(5)).queue("lane")).await.unwrap();
    }
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(gauge.done.load(Ordering::SeqCst), 12);
    assert_eq!(gauge.most.load(Ordering::SeqCst), 1);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_queue_with_room_for_three_runs_three_at_once_and_other_queues_beside_it() {
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute("INSERT INTO mainspring.queues (name, concurrency) VALUES ('wide', 3)")
        .unwrap();
    let gauge = Arc::new(Gauge::default());
    let scheduler = instance(&database, &gauge).await;
    for _ in 0..30 {
        scheduler.enqueue(Enqueue::new(Step(10)).queue("wide")).await.unwrap();
    }
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(gauge.most.load(Ordering::SeqCst), 3);
    scheduler.stop().await;
}

#[tokio::test]
async fn jobs_of_a_paused_queue_wait_and_cost_others_nothing() {
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute("INSERT INTO mainspring.queues (name, paused) VALUES ('held', true)")
        .unwrap();
    let gauge = Arc::new(Gauge::default());
    let scheduler = instance(&database, &gauge).await;
    for _ in 0..5 {
        scheduler.enqueue(Enqueue::new(Step(0)).queue("held")).await.unwrap();
        scheduler.enqueue(Enqueue::new(Step(0)).queue("free")).await.unwrap();
    }
    until(&database, "mainspring.jobs WHERE queue = 'free'", 0).await;
    assert_eq!(
        count(
            &mut database.connection(),
            "mainspring.jobs WHERE queue = 'held' AND state = 'parked' AND attempts = 0"
        ),
        5
    );
    scheduler.stop().await;
}

#[tokio::test]
async fn jobs_of_a_task_unknown_here_are_left_alone_for_an_instance_that_knows_it() {
    let database = TestDatabase::new();
    let enqueuer = Scheduler::builder(database.url()).start().await.unwrap();
    for queue in [None, Some("lane")] {
        let job = Enqueue::new(Step(0));
        enqueuer
            .enqueue(match queue {
                Some(queue) => job.queue(queue),
                None => job,
            })
            .await
            .unwrap();
    }
    until(&database, "mainspring.jobs WHERE state = 'ready' AND attempts = 0", 2).await;
    let gauge = Arc::new(Gauge::default());
    let knower = instance(&database, &gauge).await;
    until(&database, "mainspring.jobs", 0).await;
    enqueuer.stop().await;
    knower.stop().await;
}
