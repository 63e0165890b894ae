//! Limits, rates and pauses that change at run time: what is measured inside the jobs never passes them, and a change is
//! noticed at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use mainspring::StoreError;
use mainspring::queues::{self, QueueSettings};

use crate::support::database::TestDatabase;
use crate::support::gauge::Gauge;
use crate::support::jobs::{Act, act, behave_too, lasting, other};
use crate::support::rows::count;
use crate::support::schedulers::gauged;
use crate::support::waiting::until;

async fn parked(database: &TestDatabase, queue: &str, jobs: i64) {
    until(database, &format!("mainspring.jobs WHERE state = 'parked' AND queue = '{queue}'"), jobs).await;
}

#[tokio::test]
async fn pauses_and_limits_by_handle_sql_and_transaction_are_noticed_at_once_by_all_instances() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let gauge = Arc::new(Gauge::default());
    let (one, two) =
        (gauged(&database, &gauge).start().await.unwrap(), gauged(&database, &gauge).start().await.unwrap());
    // The first poll comes a second after the start.
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    let began = Instant::now();
    assert!(one.queues().pause("lane").await.unwrap());
    assert!(!one.queues().pause("lane").await.unwrap(), "no change");
    for _ in 0..3 {
        two.enqueue(act("by handle").queue("lane")).await.unwrap();
    }
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'parked' AND queue = 'lane'"), 3);
    assert!(two.queues().resume("lane").await.unwrap());
    until(&database, "mainspring.jobs", 0).await;

    queues::pause(&mut conn, "lane").unwrap();
    one.enqueue(act("by function").queue("lane")).await.unwrap();
    conn.batch_execute("SELECT mainspring.resume_queue('lane')").unwrap();
    until(&database, "mainspring.jobs", 0).await;

    conn.batch_execute("INSERT INTO mainspring.queues (name, paused) VALUES ('hand', true)").unwrap();
    one.enqueue(act("by hand").queue("hand")).await.unwrap();
    parked(&database, "hand", 1).await;
    conn.batch_execute("UPDATE mainspring.queues SET paused = false WHERE name = 'hand'").unwrap();
    until(&database, "mainspring.jobs", 0).await;

    // Two wait behind one that is slow; a wider queue lets them pass beside it.
    for (name, millis) in [("slow", 3_000), ("beside", 0), ("beside", 0)] {
        one.enqueue(lasting(name, millis).queue("wide")).await.unwrap();
    }
    parked(&database, "wide", 2).await;
    conn.batch_execute("BEGIN").unwrap();
    queues::set(&mut conn, "wide", &QueueSettings::concurrency(3)).unwrap();
    parked(&database, "wide", 2).await;
    conn.batch_execute("COMMIT").unwrap();
    parked(&database, "wide", 0).await;
    until(&database, "mainspring.jobs", 1).await;
    assert!(began.elapsed() < Duration::from_secs(10), "a poll may have helped: {:?}", began.elapsed());
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_than_the_limit_run_at_once_while_instances_come_and_go() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    let mut conn = database.connection();
    queues::set(&mut conn, "lane", &QueueSettings::concurrency(3)).unwrap();
    for n in 0..600 {
        lasting(&format!("{n}"), n % 7).queue("lane").insert(&mut conn).unwrap();
    }
    let stays = gauged(&database, &gauge).start().await.unwrap();
    for round in 0..8_u32 {
        let guest = gauged(&database, &gauge).grace_period(Duration::ZERO).start().await.unwrap();
        let handle = if round % 2 == 0 { guest.queues() } else { stays.queues() };
        handle.pause("lane").await.unwrap();
        handle.set("lane", QueueSettings::concurrency(1 + round % 3)).await.unwrap();
        handle.resume("lane").await.unwrap();
        tokio::time::sleep(Duration::from_millis(40)).await;
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
    queues::set(&mut conn, "lane", &QueueSettings::concurrency(4)).unwrap();
    (0..5).for_each(|_| assert!(act("s").queue("lane").insert(&mut conn).unwrap() > 0));
    conn.batch_execute("SELECT * FROM mainspring.admit(ARRAY['lane'])").unwrap();
    let ready = "mainspring.jobs WHERE state = 'ready'";
    assert_eq!(count(&mut conn, ready), 4);
    queues::set(&mut conn, "lane", &QueueSettings::concurrency(3)).unwrap();
    assert_eq!(count(&mut conn, ready), 3);
    queues::pause(&mut conn, "lane").unwrap();
    assert_eq!(count(&mut conn, ready), 0);
    queues::remove(&mut conn, "lane").unwrap();
    conn.batch_execute("SELECT * FROM mainspring.admit(ARRAY['lane'])").unwrap();
    assert_eq!(count(&mut conn, ready), 1, "as a queue that nobody has set");
}

#[tokio::test]
async fn an_interrupted_job_of_a_paused_queue_goes_back_behind_the_gate() {
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

#[tokio::test]
async fn a_rate_holds_over_two_instances_and_the_next_token_wakes_the_queue() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    let mut conn = database.connection();
    let (jobs, period) = (5, Duration::from_millis(500));
    queues::set(&mut conn, "lane", &QueueSettings::concurrency(100).rate(jobs, period)).unwrap();
    let (one, two) =
        (gauged(&database, &gauge).start().await.unwrap(), gauged(&database, &gauge).start().await.unwrap());
    for n in 0..20 {
        let scheduler = if n % 2 == 0 { &one } else { &two };
        scheduler.enqueue(act("s").queue("lane")).await.unwrap();
    }
    until(&database, "mainspring.jobs", 0).await;
    let started: Vec<Instant> = gauge.starts().into_iter().map(|start| start.at).collect();
    // The bucket is full at first: 5 at once, and the other 15 take a tenth of a second each.
    let took = started.last().unwrap().duration_since(started[0]);
    assert!((Duration::from_millis(1_350)..Duration::from_secs(4)).contains(&took), "{took:?}");
    for (first, start) in started.iter().enumerate() {
        for (n, other) in started.iter().enumerate().skip(first) {
            // What passed the gate late may start with what passed early: a few milliseconds of grace.
            let time = other.duration_since(*start) + Duration::from_millis(60);
            let most = f64::from(jobs) * (1.0 + time.as_secs_f64() / period.as_secs_f64());
            assert!((n - first + 1) as f64 <= most + 1.0, "{} in {time:?}, at most {most}", n - first + 1);
        }
    }
    one.stop().await;
    two.stop().await;
}

#[test]
fn a_wrong_setting_is_refused_with_its_field_limit_and_value() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let second = Duration::from_secs(1);
    let long = "x".repeat(129);
    for (queue, settings, told) in [
        ("lane", QueueSettings::concurrency(0), "concurrency must be 1 to 1000000, got 0"),
        ("lane", QueueSettings::concurrency(1_000_001), "concurrency must be 1 to 1000000, got 1000001"),
        ("", QueueSettings::default(), "queue must be 1 to 128 characters, got 0"),
        (&long, QueueSettings::default(), "queue must be 1 to 128 characters, got 129"),
        ("a\0b", QueueSettings::default(), "queue must not contain the character NUL, got one"),
        ("lane", QueueSettings::default().rate(0, second), "rate_limit must be 1 to 1000000, got 0"),
        (
            "lane",
            QueueSettings::default().rate(1, Duration::ZERO),
            "rate_period must be 1 millisecond to 366 days, got 00:00:00",
        ),
    ] {
        match queues::set(&mut conn, queue, &settings) {
            Err(StoreError::Invalid(text)) => assert_eq!(text, told),
            other => panic!("{told}: {other:?}"),
        }
    }
    assert!(matches!(queues::pause(&mut conn, &long), Err(StoreError::Invalid(_))));
    assert!(matches!(queues::pause_task(&mut conn, ""), Err(StoreError::Invalid(_))));
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

#[tokio::test]
async fn a_paused_task_is_claimed_nowhere_and_other_tasks_run_on() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    let (one, two) = (
        gauged(&database, &gauge).handler(behave_too).start().await.unwrap(),
        gauged(&database, &gauge).handler(behave_too).start().await.unwrap(),
    );
    assert!(one.queues().pause_task("act").await.unwrap());
    assert_eq!(two.queues().paused_tasks().await.unwrap(), ["act"]);
    for _ in 0..3 {
        one.enqueue(act("paused")).await.unwrap();
        act("paused").insert(&mut database.connection()).unwrap();
        two.enqueue(other()).await.unwrap();
    }
    until(&database, "mainspring.jobs WHERE task = 'other'", 0).await;
    assert_eq!(
        count(
            &mut database.connection(),
            "mainspring.jobs WHERE task = 'act' AND state = 'ready' AND attempts = 0"
        ),
        6
    );
    let began = Instant::now();
    assert!(two.queues().resume_task("act").await.unwrap());
    until(&database, "mainspring.jobs", 0).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_task_with_a_local_limit_leaves_the_rest_to_other_instances() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    let limited = gauged(&database, &gauge).limit::<Act>(2).start().await.unwrap();
    for n in 0..40 {
        let job = lasting("s", 40);
        if n % 2 == 0 {
            limited.enqueue(job).await.unwrap();
        } else {
            job.flags(["any"]).insert(&mut database.connection()).unwrap();
        }
        let leased = "mainspring.jobs WHERE state = 'running'";
        assert!(count(&mut database.connection(), leased) <= 2, "none is held in the tray");
    }
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(gauge.peak(), 2);
    limited.stop().await;
}
