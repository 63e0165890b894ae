//! The order of a queue's jobs, and what a queue that waits costs the others. A queue runs as many jobs at once as its
//! limit says over all instances, whether they were prefetched or not.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use mainspring::{JobContext, JobResult, Scheduler};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::gauge::Gauge;
use crate::support::jobs::{Other, act, behave_too, lasting, other};
use crate::support::rows::{WAITS_FOR_A_ROW, count};
use crate::support::schedulers::{gauged, scheduler};
use crate::support::waiting::until;

#[tokio::test]
async fn jobs_of_one_queue_never_run_two_at_once_on_two_instances() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    let (one, two) =
        (gauged(&database, &gauge).start().await.unwrap(), gauged(&database, &gauge).start().await.unwrap());
    for n in 0..12 {
        let scheduler = if n % 2 == 0 { &one } else { &two };
        scheduler.enqueue(lasting("go", 5).queue("mails")).await.unwrap();
    }
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(gauge.ended(), 12);
    assert_eq!(gauge.peak(), 1);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_queue_with_room_for_three_runs_three_at_once() {
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute("INSERT INTO mainspring.queues (name, concurrency) VALUES ('wide', 3)")
        .unwrap();
    let gauge = Arc::new(Gauge::default());
    let scheduler = gauged(&database, &gauge).start().await.unwrap();
    for _ in 0..30 {
        scheduler.enqueue(lasting("go", 10).queue("wide")).await.unwrap();
    }
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(gauge.peak(), 3);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_queue_with_room_for_three_has_three_jobs_claimed_in_one_batch() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute("INSERT INTO mainspring.queues (name, concurrency) VALUES ('wide', 3)").unwrap();
    for _ in 0..12 {
        act("at gate").queue("wide").insert(&mut conn).unwrap();
    }
    let gate = Arc::new(Semaphore::new(0));
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.concurrency(8).app_data(gate.clone()).start().await.unwrap();
    for _ in 0..3 {
        started.next().await;
    }
    // One lease is one claim. There is room for five more here, and none in the queue.
    let claims =
        "(SELECT lease FROM mainspring.jobs WHERE state = 'running' GROUP BY lease HAVING count(*) = 3) AS c";
    assert_eq!(count(&mut conn, claims), 1);
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'parked' AND attempts = 0"), 9);
    gate.add_permits(12);
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 12).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_serial_queue_stays_in_order_among_jobs_that_are_claimed_ahead() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let gauge = Arc::new(Gauge::default());
    // Hundreds of jobs that take no time are claimed ahead of eight slots, and the queue's among them.
    conn.batch_execute(
        "SELECT FROM mainspring.enqueue(array_fill('other'::text, ARRAY[4000])); \
         SELECT FROM mainspring.enqueue(array_fill('act'::text, ARRAY[12]), \
             array_fill('{\"act\": \"serial\", \"millis\": 2}'::text, ARRAY[12]), array_fill('serial'::text, ARRAY[12]))",
    )
    .unwrap();
    let scheduler = gauged(&database, &gauge).handler(behave_too).start().await.unwrap();
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(gauge.ended(), 12);
    assert_eq!(gauge.peak(), 1);
    let out_of_order = "(SELECT id - lag(id) OVER (ORDER BY started_at, id) AS step FROM mainspring.history \
        WHERE queue = 'serial') AS s WHERE step <> 1";
    assert_eq!(count(&mut conn, out_of_order), 0);
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
    let scheduler = gauged(&database, &gauge).start().await.unwrap();
    for _ in 0..5 {
        scheduler.enqueue(act("go").queue("held")).await.unwrap();
        scheduler.enqueue(act("go").queue("free")).await.unwrap();
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
async fn jobs_of_an_unknown_task_wait_for_an_instance_that_knows_it() {
    let database = TestDatabase::new();
    let enqueuer = Scheduler::builder(database.url()).start().await.unwrap();
    for queue in [None, Some("mails")] {
        let job = act("go");
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
    let knower = gauged(&database, &gauge).start().await.unwrap();
    until(&database, "mainspring.jobs", 0).await;
    enqueuer.stop().await;
    knower.stop().await;
}

#[tokio::test]
async fn a_queue_held_by_a_transaction_delays_no_other_queue() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let mut application = database.connection();
    application.batch_execute("BEGIN; SELECT mainspring.set_queue('held', 2)").unwrap();
    scheduler.enqueue(act("held").queue("held")).await.unwrap();
    for n in 0..20 {
        scheduler.enqueue(act("free").queue(format!("free {n}"))).await.unwrap();
        assert_eq!(started.next().await.act, "free");
        let later = Utc::now() + TimeDelta::milliseconds(20);
        scheduler.enqueue(act("later").run_at(later)).await.unwrap();
        assert_eq!(started.next().await.act, "later");
    }
    application.batch_execute("COMMIT").unwrap();
    assert_eq!(started.next().await.act, "held");
    scheduler.stop().await;
}

#[tokio::test]
async fn a_job_held_by_a_transaction_delays_no_outcome_of_others() {
    let database = TestDatabase::new();
    let (may_end, ended) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (gate, told) = (Arc::clone(&may_end), Arc::clone(&ended));
    let (builder, mut started) = scheduler(&database);
    let builder = builder.handler(move |_: Other, _: JobContext| {
        let (gate, told) = (Arc::clone(&gate), Arc::clone(&told));
        async move {
            gate.acquire().await?.forget();
            told.add_permits(1);
            JobResult::Ok(())
        }
    });
    let scheduler = builder.start().await.unwrap();
    let id = scheduler.enqueue(other().key("k")).await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'running'", 1).await;
    let mut application = database.connection();
    application.batch_execute("BEGIN").unwrap();
    // It takes the key from the job that runs.
    other().key("k").insert(&mut application).unwrap();
    may_end.add_permits(1);
    ended.acquire().await.unwrap().forget();
    // Each starts when the outcome of the one before is stored.
    for _ in 0..30 {
        scheduler.enqueue(act("other").queue("mails")).await.unwrap();
    }
    for _ in 0..30 {
        assert_eq!(started.next().await.act, "other");
    }
    until(&database, &format!("mainspring.jobs WHERE id = {id} AND state = 'running'"), 1).await;
    application.batch_execute("COMMIT").unwrap();
    until(&database, &format!("mainspring.history WHERE id = {id}"), 1).await;
    may_end.add_permits(1);
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_key_held_by_a_transaction_delays_no_enqueue_without_keys() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let mut application = database.connection();
    application.batch_execute("BEGIN").unwrap();
    act("first").key("k").insert(&mut application).unwrap();
    let waiting = tokio::spawn({
        let scheduler = scheduler.clone();
        async move { scheduler.enqueue(act("second").key("k")).await }
    });
    until(&database, WAITS_FOR_A_ROW, 1).await;
    for _ in 0..30 {
        scheduler.enqueue(act("other")).await.unwrap();
        assert_eq!(started.next().await.act, "other");
    }
    assert!(!waiting.is_finished());
    application.batch_execute("ROLLBACK").unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(started.next().await.act, "second");
    scheduler.stop().await;
}
