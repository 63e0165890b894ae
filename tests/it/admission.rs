//! Limits, rates and pauses of queues and tasks that change at run time. What is measured inside the jobs never passes
//! them, and a change is noticed at once.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::queues::{self, QueueSettings};
use mainspring::{Scheduler, StoreError};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::gauge::Gauge;
use crate::support::jobs::{Act, act, behave_too, lasting, other};
use crate::support::rows::count;
use crate::support::schedulers::gauged;
use crate::support::statements::{NONE, before_any_poll, install_gate, until_polled};
use crate::support::waiting::{in_time_once, until, until_true};

mod absent;
mod families;
mod tasks;

async fn parked(database: &TestDatabase, queue: &str, jobs: i64) {
    until(database, &format!("mainspring.jobs WHERE state = 'parked' AND queue = '{queue}'"), jobs).await;
}

/// Two schedulers that poll no more while the trial runs.
struct Pair {
    one: Scheduler,
    two: Scheduler,
    gate: Arc<Semaphore>,
}

impl Pair {
    async fn start(database: &TestDatabase) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let builder = || gauged(database, &Arc::default()).app_data(Arc::clone(&gate));
        install_gate(&mut database.connection(), NONE);
        let (one, two) = (builder().start().await.unwrap(), builder().start().await.unwrap());
        until_polled(database, 2).await;
        Self { one, two, gate }
    }

    async fn stop(self) {
        self.one.stop().await;
        self.two.stop().await;
    }
}

#[tokio::test]
async fn a_pause_by_a_handle_is_noticed_at_once_by_all_instances() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let pair = Pair::start(&database).await;
        assert!(pair.one.queues().pause("mails").await.unwrap());
        assert!(!pair.one.queues().pause("mails").await.unwrap(), "no change");
        for _ in 0..3 {
            pair.two.enqueue(act("go").queue("mails")).await.unwrap();
        }
        parked(&database, "mails", 3).await;
        assert!(pair.two.queues().resume("mails").await.unwrap());
        until(&database, "mainspring.jobs", 0).await;
        pair.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_pause_by_a_function_is_noticed_at_once_by_all_instances() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let pair = Pair::start(&database).await;
        let mut conn = database.connection();
        queues::pause(&mut conn, "mails").unwrap();
        pair.one.enqueue(act("go").queue("mails")).await.unwrap();
        parked(&database, "mails", 1).await;
        conn.batch_execute("SELECT mainspring.resume_queue('mails')").unwrap();
        until(&database, "mainspring.jobs", 0).await;
        pair.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_pause_by_a_row_is_noticed_at_once_by_all_instances() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let pair = Pair::start(&database).await;
        let mut conn = database.connection();
        conn.batch_execute("INSERT INTO mainspring.queues (name, paused) VALUES ('mails', true)").unwrap();
        pair.one.enqueue(act("go").queue("mails")).await.unwrap();
        parked(&database, "mails", 1).await;
        conn.batch_execute("UPDATE mainspring.queues SET paused = false").unwrap();
        until(&database, "mainspring.jobs", 0).await;
        pair.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_limit_takes_effect_at_once_when_its_transaction_commits() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let pair = Pair::start(&database).await;
        let mut conn = database.connection();
        // Two wait behind one that runs. A wider queue lets them pass beside it.
        for what in ["at gate", "beside", "beside"] {
            pair.one.enqueue(act(what).queue("mails")).await.unwrap();
        }
        parked(&database, "mails", 2).await;
        conn.batch_execute("BEGIN").unwrap();
        queues::set(&mut conn, "mails", &QueueSettings::concurrency(3)).unwrap();
        parked(&database, "mails", 2).await;
        conn.batch_execute("COMMIT").unwrap();
        until(&database, "mainspring.jobs", 1).await;
        pair.gate.add_permits(1);
        until(&database, "mainspring.jobs", 0).await;
        pair.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_than_the_limit_run_at_once_while_instances_come_and_go() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    let mut conn = database.connection();
    queues::set(&mut conn, "mails", &QueueSettings::concurrency(3)).unwrap();
    for n in 0..600 {
        lasting(&format!("{n}"), n % 7).queue("mails").insert(&mut conn).unwrap();
    }
    let stays = gauged(&database, &gauge).start().await.unwrap();
    for round in 0..8_u32 {
        let guest = gauged(&database, &gauge).grace_period(Duration::ZERO).start().await.unwrap();
        let handle = if round % 2 == 0 { guest.queues() } else { stays.queues() };
        handle.pause("mails").await.unwrap();
        handle.set("mails", QueueSettings::concurrency(1 + round % 3)).await.unwrap();
        handle.resume("mails").await.unwrap();
        let before = gauge.ended();
        until_true(&database, "ten more jobs have ended, or all", || gauge.ended() >= (before + 10).min(600))
            .await;
        guest.stop().await;
    }
    until(&database, "mainspring.jobs", 0).await;
    let most = gauge.peak();
    assert!((2..=3).contains(&most), "{most} at once");
    stays.stop().await;
}

#[tokio::test]
async fn a_paused_queue_takes_back_what_no_worker_has_claimed() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    queues::set(&mut conn, "mails", &QueueSettings::concurrency(4)).unwrap();
    (0..5).for_each(|_| assert!(act("s").queue("mails").insert(&mut conn).unwrap() > 0));
    conn.batch_execute("SELECT * FROM mainspring.admit(ARRAY['mails'])").unwrap();
    let ready = "mainspring.jobs WHERE state = 'ready'";
    assert_eq!(count(&mut conn, ready), 4);
    queues::set(&mut conn, "mails", &QueueSettings::concurrency(3)).unwrap();
    assert_eq!(count(&mut conn, ready), 3);
    queues::pause(&mut conn, "mails").unwrap();
    assert_eq!(count(&mut conn, ready), 0);
    queues::remove(&mut conn, "mails").unwrap();
    conn.batch_execute("SELECT * FROM mainspring.admit(ARRAY['mails'])").unwrap();
    assert_eq!(count(&mut conn, ready), 1, "as a queue without settings");
}

#[tokio::test]
async fn an_interrupted_job_of_a_paused_queue_is_parked_again() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    let scheduler = gauged(&database, &gauge).grace_period(Duration::ZERO).start().await.unwrap();
    for queue in ["held", "free"] {
        scheduler.enqueue(lasting("s", 60_000).queue(queue)).await.unwrap();
    }
    until(&database, "mainspring.jobs WHERE state = 'running'", 2).await;
    scheduler.queues().pause("held").await.unwrap();
    scheduler.stop().await;
    let mut conn = database.connection();
    assert_eq!(
        count(&mut conn, "mainspring.jobs WHERE queue = 'held' AND state = 'parked' AND attempts = 0"),
        1
    );
    assert_eq!(
        count(&mut conn, "mainspring.jobs WHERE queue = 'free' AND state = 'ready' AND attempts = 0"),
        1
    );
}

async fn a_rate_holds() -> bool {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    let mut conn = database.connection();
    let (jobs, period) = (5, Duration::from_millis(500));
    queues::set(&mut conn, "mails", &QueueSettings::concurrency(100).rate(jobs, period)).unwrap();
    let (one, two) =
        (gauged(&database, &gauge).start().await.unwrap(), gauged(&database, &gauge).start().await.unwrap());
    for n in 0..20 {
        let scheduler = if n % 2 == 0 { &one } else { &two };
        scheduler.enqueue(act("s").queue("mails")).await.unwrap();
    }
    until(&database, "mainspring.jobs", 0).await;
    one.stop().await;
    two.stop().await;
    gauge.kept_to_rate(jobs, period)
}

#[tokio::test]
async fn a_rate_holds_over_two_instances_and_the_next_token_wakes_the_queue() {
    in_time_once(a_rate_holds).await;
}

#[test]
fn a_wrong_setting_is_refused_with_its_field_limit_and_value() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let second = Duration::from_secs(1);
    let long = "x".repeat(129);
    for (queue, settings, told) in [
        ("mails", QueueSettings::concurrency(0), "concurrency must be 1 to 1000000, got 0"),
        ("mails", QueueSettings::concurrency(1_000_001), "concurrency must be 1 to 1000000, got 1000001"),
        ("", QueueSettings::default(), "queue must be 1 to 128 characters, got 0"),
        (&long, QueueSettings::default(), "queue must be 1 to 128 characters, got 129"),
        ("a\0b", QueueSettings::default(), "queue must not contain the character NUL, got one"),
        ("mails", QueueSettings::default().rate(0, second), "rate_limit must be 1 to 1000000, got 0"),
        (
            "mails",
            QueueSettings::default().rate(1, Duration::ZERO),
            "rate_period must be 1 millisecond to 366 days, got 00:00:00",
        ),
    ] {
        match queues::set(&mut conn, queue, &settings) {
            Err(error @ StoreError::Invalid { .. }) => assert_eq!(error.to_string(), told),
            other => panic!("{told}: {other:?}"),
        }
    }
    assert!(matches!(queues::pause(&mut conn, &long), Err(StoreError::Invalid { .. })));
    assert!(matches!(queues::pause_task(&mut conn, ""), Err(StoreError::Invalid { .. })));
    for row in [
        "(name, concurrency) VALUES ('q', 0)",
        "(name) VALUES ('')",
        "(name, rate_limit) VALUES ('q', 1)",
        "(name, rate_limit, rate_period) VALUES ('q', 0, '1 second')",
        "(name, rate_limit, rate_period) VALUES ('q', 1, '0 seconds')",
    ] {
        assert!(conn.batch_execute(&format!("INSERT INTO mainspring.queues {row}")).is_err(), "{row}");
    }
    assert_eq!(count(&mut conn, "mainspring.queues"), 0);
}

#[test]
fn rows_of_unused_queues_are_removed_and_those_that_say_something_stay() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for queue in ["idle", "waiting", "let through"] {
        act("s").queue(queue).insert(&mut conn).unwrap();
    }
    conn.batch_execute(
        "SELECT * FROM mainspring.admit(ARRAY['idle', 'let through']); \
         DELETE FROM mainspring.jobs WHERE queue = 'idle'; \
         INSERT INTO mainspring.queues (name) VALUES ('waiting')",
    )
    .unwrap();
    queues::set(&mut conn, "wide", &QueueSettings::concurrency(2)).unwrap();
    queues::pause(&mut conn, "paused").unwrap();
    assert_eq!(count(&mut conn, "mainspring.queues"), 5);
    assert_eq!(queues::remove_unused(&mut conn).unwrap(), 1);
    assert_eq!(count(&mut conn, "mainspring.queues WHERE name = 'idle'"), 0);
}
