//! Limits that a task has over all processes. What is measured inside the jobs never passes them, and they combine with the
//! limits of queues and of a process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use mainspring::queues::{self, QueueSettings, TaskLimit};
use mainspring::{Scheduler, SchedulerBuilder, StoreError};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::gauge::Gauge;
use crate::support::jobs::{Act, act, behave_too, lasting, other};
use crate::support::rows::count;
use crate::support::schedulers::gauged;
use crate::support::statements::{NONE, before_any_poll, install_gate, until_polled};
use crate::support::waiting::{in_time_once, until, until_true};

mod changes;
mod processes;

const RUNNING: &str = "mainspring.jobs WHERE state = 'running' AND task = 'act'";

fn limit(database: &TestDatabase, limit: TaskLimit) {
    queues::set_task_limit(&mut database.connection(), "act", &limit).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_than_the_limit_run_at_once_while_instances_come_and_go() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    limit(&database, TaskLimit::new().concurrency(3));
    let stays = gauged(&database, &gauge).start().await.unwrap();
    let mut conn = database.connection();
    for n in 0..400_u64 {
        match n % 4 {
            // The way by which a job would start in the statement that stores it.
            0 => drop(stays.enqueue(lasting("sent", n % 7)).await.unwrap()),
            1 => drop(lasting("flagged", n % 7).flags(["any"]).insert(&mut conn).unwrap()),
            2 => drop(lasting("queued", n % 7).queue(format!("q{}", n % 5)).insert(&mut conn).unwrap()),
            _ => drop(lasting("plain", n % 7).priority(-3).insert(&mut conn).unwrap()),
        }
    }
    for _ in 0..6 {
        let guest = gauged(&database, &gauge).grace_period(Duration::ZERO);
        let guest = guest.ageing(Duration::from_secs(1)).start().await.unwrap();
        let before = gauge.ended();
        until_true(&database, "ten more have ended, or all", || gauge.ended() >= (before + 10).min(400))
            .await;
        guest.stop().await;
    }
    until(&database, "mainspring.jobs", 0).await;
    let most = gauge.peak();
    assert!((2..=3).contains(&most), "{most} at once");
    stays.stop().await;
}

#[tokio::test]
async fn the_limits_of_a_task_a_queue_and_a_process_hold_together() {
    let database = TestDatabase::new();
    limit(&database, TaskLimit::new().concurrency(4));
    let mut conn = database.connection();
    queues::set(&mut conn, "tenant:1", &QueueSettings::concurrency(3)).unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let builder = || gauged(&database, &Arc::default()).app_data(Arc::clone(&gate)).handler(behave_too);
    let narrow = builder().limit::<Act>(1).start().await.unwrap();
    for _ in 0..9 {
        narrow.enqueue(act("at gate").queue("tenant:1")).await.unwrap();
    }
    let of_the_queue = "mainspring.jobs WHERE state = 'running' AND queue = 'tenant:1'";
    until(&database, RUNNING, 1).await;
    let wide = builder().start().await.unwrap();
    until(&database, of_the_queue, 3).await;
    for n in 0..9 {
        let job = act("at gate").queue(format!("tenant:{}", n + 2));
        if n % 2 == 0 {
            wide.enqueue(job).await.unwrap()
        } else {
            narrow.enqueue(job).await.unwrap()
        };
    }
    until(&database, RUNNING, 4).await;
    // Another task runs beside it.
    wide.enqueue(other()).await.unwrap();
    until(&database, "mainspring.history WHERE task = 'other'", 1).await;
    assert_eq!((count(&mut conn, RUNNING), count(&mut conn, of_the_queue)), (4, 3));
    // A job that its queue has admitted holds the slot of the queue while it waits for the limit of its task.
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'ready' AND queue = 'tenant:9'"), 1);
    gate.add_permits(18);
    until(&database, "mainspring.jobs", 0).await;
    narrow.stop().await;
    wide.stop().await;
}

async fn a_rate_holds() -> bool {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    let (jobs, period) = (5, Duration::from_millis(500));
    limit(&database, TaskLimit::new().rate(jobs, period));
    let (one, two) =
        (gauged(&database, &gauge).start().await.unwrap(), gauged(&database, &gauge).start().await.unwrap());
    for n in 0..20 {
        let (scheduler, job) = (if n % 2 == 0 { &one } else { &two }, act("s"));
        scheduler.enqueue(if n % 3 == 0 { job.queue(format!("q{n}")) } else { job }).await.unwrap();
    }
    until(&database, "mainspring.jobs", 0).await;
    one.stop().await;
    two.stop().await;
    gauge.kept_to_rate(jobs, period)
}

#[tokio::test]
async fn a_rate_of_a_task_holds_over_two_instances_and_the_next_token_wakes_one() {
    in_time_once(a_rate_holds).await;
}

#[tokio::test]
async fn jobs_that_fail_panic_or_are_cancelled_leave_their_slot_to_others() {
    let database = TestDatabase::new();
    limit(&database, TaskLimit::new().concurrency(1));
    let gate = Arc::new(Semaphore::new(100));
    let scheduler = gauged(&database, &Arc::default()).app_data(gate).start().await.unwrap();
    for what in ["fail", "fail at once again", "discard", "cancel", "panic"] {
        scheduler.enqueue(act(what).max_attempts(2)).await.unwrap();
        scheduler.enqueue(act("done")).await.unwrap();
        until(&database, "mainspring.jobs WHERE payload ->> 'act' = 'done'", 0).await;
        database.connection().batch_execute("DELETE FROM mainspring.jobs WHERE state <> 'running'").unwrap();
    }
    scheduler.stop().await;
}

#[tokio::test]
async fn a_slot_that_an_instance_frees_as_it_stops_is_taken_by_another() {
    in_time_once(async || {
        let database = TestDatabase::new();
        limit(&database, TaskLimit::new().concurrency(1));
        let gate = Arc::new(Semaphore::new(0));
        let builder = || gauged(&database, &Arc::default()).app_data(Arc::clone(&gate));
        install_gate(&mut database.connection(), NONE);
        let (one, two) = (builder().start().await.unwrap(), builder().start().await.unwrap());
        until_polled(&database, 2).await;
        one.enqueue(act("at gate")).await.unwrap();
        until(&database, RUNNING, 1).await;
        one.enqueue(act("next")).await.unwrap();
        // Longer than the pause of a process that tries a full limit by itself.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let holder = "mainspring.jobs WHERE state = 'running' AND worker_id = (SELECT min(id) FROM mainspring.workers)";
        let first_has_it = count(&mut database.connection(), holder) == 1;
        let (leaves, stays) = if first_has_it { (one, two) } else { (two, one) };
        gate.add_permits(1);
        let began = Instant::now();
        leaves.stop().await;
        until(&database, "mainspring.jobs", 0).await;
        let took = began.elapsed();
        stays.stop().await;
        took < Duration::from_secs(1)
    })
    .await;
}
