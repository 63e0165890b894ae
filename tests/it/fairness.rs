//! Fairness among queues, age and flags: in which order ready jobs start, and what those cost that do not.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::StoreError;
use mainspring::queues::{self, QueueSettings};

use crate::support::database::TestDatabase;
use crate::support::gauge::Gauge;
use crate::support::jobs::{act, lasting};
use crate::support::logs;
use crate::support::rows::count;
use crate::support::schedulers::gauged;
use crate::support::waiting::{in_time_once, until, until_true};

fn insert_many(conn: &mut PgConnection, select: &str) {
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, payload, queue, run_at, priority, state, flags) {select}; ANALYZE mainspring.jobs"
    ))
    .unwrap();
}

async fn until_started(database: &TestDatabase, gauge: &Gauge, jobs: usize) {
    until_true(database, &format!("{jobs} starts"), || gauge.starts().len() >= jobs).await;
}

#[tokio::test]
async fn a_tenants_many_jobs_delay_another_tenants_first_by_at_most_one_round() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for tenant in ["big", "late", "later"] {
        queues::set(&mut conn, tenant, &QueueSettings::concurrency(1_000)).unwrap();
    }
    insert_many(
        &mut conn,
        "SELECT 'act', '{\"act\": \"big\", \"millis\": 1}', 'big', now() - interval '1 hour', 0, 'parked', NULL FROM generate_series(1, 100000)",
    );
    let gauge = Arc::new(Gauge::default());
    let scheduler = gauged(&database, &gauge).concurrency(2).start().await.unwrap();
    let mut seen = Vec::new();
    for tenant in ["late", "later"] {
        // The big tenant has hundreds of ready jobs by now.
        let before = gauge.acts().len();
        until_started(&database, &gauge, before + 100).await;
        assert!(count(&mut conn, "mainspring.jobs WHERE queue = 'big' AND state = 'ready'") > 300);
        let twenty = (0..20).map(|_| mainspring::NewJob::try_from(lasting(tenant, 1).queue(tenant)).unwrap());
        mainspring::jobs::insert_many(&mut conn, &twenty.collect::<Vec<_>>()).unwrap();
        let enqueued_behind = gauge.acts().len();
        until(&database, &format!("mainspring.jobs WHERE queue = '{tenant}'"), 0).await;
        let names = gauge.acts()[enqueued_behind..].to_vec();
        let places: Vec<usize> =
            names.iter().enumerate().filter(|(_, name)| *name == tenant).map(|(place, _)| place).collect();
        seen.push((places[0], places[19] - places[0]));
    }
    scheduler.stop().await;
    for (first, rest) in seen {
        // What was claimed ahead is a few dozen, more on a busy machine; without turns it would be a thousand ready jobs. Then
        // its twenty take turns with the big tenant's, which also had the first ones of a batch that was under way.
        assert!(first < 400, "{first} jobs of the big tenant came before the first of the other");
        assert!(rest < 400, "{rest} jobs came between the first and the last of twenty");
    }
}

/// Runs some four hundred of many jobs that take so long, and returns how many were of small queues, of the large one and outside.
async fn shares(millis: u64) -> (usize, usize, usize) {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    queues::set(&mut conn, "large", &QueueSettings::concurrency(500)).unwrap();
    let mut waiting = |name: &str, queue: &str, age: &str, jobs: u32, state: &str| {
        insert_many(
            &mut conn,
            &format!(
                "SELECT 'act', '{{\"act\": \"{name}\", \"millis\": {millis}}}', {queue}, now() - n * interval '{age}', 0, '{state}', NULL FROM generate_series(1, {jobs}) AS n"
            ),
        );
    };
    waiting("small", "'small ' || n % 20", "1 second", 2_000, "parked");
    waiting("large", "'large'", "1 second", 2_000, "parked");
    waiting("outside", "NULL", "10 milliseconds", 2_000, "ready");
    let gauge = Arc::new(Gauge::default());
    let scheduler = gauged(&database, &gauge).concurrency(2).start().await.unwrap();
    until_started(&database, &gauge, 430).await;
    scheduler.stop().await;
    let names = gauge.acts();
    let share = |name: &str| names.iter().skip(30).filter(|other| *other == name).count();
    let shares = (share("small"), share("large"), share("outside"));
    eprintln!("of {} jobs: small {}, large {}, outside {}", names.len() - 30, shares.0, shares.1, shares.2);
    shares
}

#[tokio::test]
async fn small_queues_a_large_one_and_jobs_outside_share_busy_workers() {
    // While the next job of a small queue is not ready yet, others take its turn. The slower the database is, the longer that
    // lasts: the next trial has longer jobs.
    let millis = Cell::new(10);
    in_time_once(async || {
        // Twenty small ones, the large one and those outside have a turn each in a round.
        let (small, large, outside) = shares(millis.replace(millis.get() * 4)).await;
        small > large && large >= 5 && outside >= 5
    })
    .await;
}

#[test]
fn turns_of_queues_with_equal_priority_go_round_whatever_their_limits() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for (queue, jobs) in [("a", 50), ("b", 3), ("c", 2)] {
        queues::set(&mut conn, queue, &QueueSettings::concurrency(20)).unwrap();
        insert_many(
            &mut conn,
            &format!(
                "SELECT 'act', '{{}}', '{queue}', now() - interval '1 hour', 0, 'parked', NULL FROM generate_series(1, {jobs})"
            ),
        );
        conn.batch_execute(&format!("SELECT * FROM mainspring.admit(ARRAY['{queue}'], ARRAY['act'])"))
            .unwrap();
    }
    #[derive(QueryableByName)]
    struct Order {
        #[diesel(sql_type = Text)]
        queues: String,
    }
    let order: Order = sql_query(
        "SELECT string_agg(queue, '' ORDER BY turn_at, id) AS queues FROM mainspring.jobs WHERE state = 'ready'",
    )
    .get_result(&mut conn)
    .unwrap();
    assert_eq!(order.queues, format!("abcabcab{}", "a".repeat(17)));
}

#[tokio::test]
async fn a_low_priority_job_runs_under_endless_load_only_with_ageing() {
    for (ages, ran) in [(true, true), (false, false)] {
        let database = TestDatabase::new();
        let gauge = Arc::new(Gauge::default());
        let mut conn = database.connection();
        act("old").priority(5).insert(&mut conn).unwrap();
        let insert_load = |conn: &mut PgConnection| {
            insert_many(
                conn,
                "SELECT 'act', '{\"act\": \"load\", \"millis\": 1}', NULL, now(), -5, 'ready', NULL FROM generate_series(1, 500)",
            );
        };
        insert_load(&mut conn);
        let instance = gauged(&database, &gauge).concurrency(2);
        let instance = if ages { instance.ageing(Duration::from_millis(20)) } else { instance };
        let scheduler = instance.start().await.unwrap();
        let waits = "mainspring.jobs WHERE payload->>'act' = 'old'";
        for _ in 0..6 {
            let done = gauge.acts().len();
            insert_load(&mut conn);
            until_started(&database, &gauge, done + 300).await;
        }
        assert!(count(&mut conn, "mainspring.jobs WHERE priority = -5") > 100, "the load never ended");
        assert_eq!(count(&mut conn, waits) == 0, ran, "with ageing: {ages}");
        scheduler.stop().await;
    }
}

#[tokio::test]
async fn jobs_with_forbidden_flags_wait_for_an_instance_that_may_run_them() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    let choosy = gauged(&database, &gauge).forbid_flags(["gpu", "eu"]).start().await.unwrap();
    for (name, flags) in
        [("gpu", vec!["gpu"]), ("both", vec!["cpu", "eu"]), ("cpu", vec!["cpu"]), ("none", vec![])]
    {
        choosy.enqueue(act(name).flags(flags.clone())).await.unwrap();
        choosy.enqueue(act(name).flags(flags).queue("mails")).await.unwrap();
    }
    // A forbidden job that has passed the gate of a queue keeps its slot: others of the queue wait behind it.
    until(&database, "mainspring.jobs WHERE queue IS NULL", 2).await;
    assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE attempts > 0"), 0);
    let allowed = Arc::new(AtomicBool::new(false));
    let asked = allowed.clone();
    let undecided = gauged(&database, &gauge)
        .poll_interval(Duration::from_millis(50))
        .forbid_flags_by(move || {
            let allowed = asked.load(Ordering::SeqCst);
            async move { if allowed { Vec::new() } else { vec!["gpu".to_owned()] } }
        })
        .start()
        .await
        .unwrap();
    until(&database, "mainspring.jobs WHERE queue IS NULL", 1).await;
    allowed.store(true, Ordering::SeqCst);
    until(&database, "mainspring.jobs", 0).await;
    choosy.stop().await;
    undecided.stop().await;
}

#[tokio::test]
async fn a_function_for_flags_that_panics_holds_up_flagged_jobs_alone() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    logs::keep();
    let (knows, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (known, seen) = (Arc::clone(&knows), Arc::clone(&asked));
    let flags = move || {
        let knows = known.load(Ordering::SeqCst);
        seen.store(true, Ordering::SeqCst);
        async move { if knows { Vec::<String>::new() } else { panic!("no idea of flags") } }
    };
    let scheduler = gauged(&database, &gauge).forbid_flags_by(flags).start().await.unwrap();
    for _ in 0..3 {
        asked.store(false, Ordering::SeqCst);
        scheduler.enqueue(act("flagged").flags(["any"])).await.unwrap();
        scheduler.enqueue(act("plain")).await.unwrap();
        until(&database, "mainspring.jobs WHERE flags IS NULL", 0).await;
        until_true(&database, "the function is called", || asked.load(Ordering::SeqCst)).await;
    }
    assert_eq!(
        count(&mut database.connection(), "mainspring.jobs WHERE state = 'ready' AND attempts = 0"),
        3
    );
    knows.store(true, Ordering::SeqCst);
    scheduler.enqueue(act("flagged").flags(["any"])).await.unwrap();
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(
        logs::with("no idea of flags").iter().filter(|line| line.contains("flags to leave alone")).count(),
        1
    );
    scheduler.stop().await;
}

#[test]
fn flags_are_stored_once_and_in_order_and_what_breaks_a_limit_is_refused() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    act("s").flags(["b", "a", "b"]).insert(&mut conn).unwrap();
    act("s").flags(Vec::<String>::new()).insert(&mut conn).unwrap();
    conn.batch_execute("SELECT mainspring.add_job('act', flags => ARRAY['b', 'a'])").unwrap();
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE flags = ARRAY['a', 'b']"), 2);
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE flags IS NULL"), 1);
    let many: Vec<String> = (0..33).map(|n| n.to_string()).collect();
    for (flags, told) in [
        (many, "flags must be at most 32 labels, got 33"),
        (vec![String::new()], "flags must be labels of 1 to 128 characters, got one of 0"),
        (vec!["x".repeat(129)], "flags must be labels of 1 to 128 characters, got one of 129"),
        (vec!["a\0".into()], "flags must not contain the character NUL, got one"),
    ] {
        match act("s").flags(flags).insert(&mut conn) {
            Err(error @ StoreError::Invalid { .. }) => assert_eq!(error.to_string(), told),
            other => panic!("{told}: {other:?}"),
        }
    }
    let refused =
        conn.batch_execute("SELECT mainspring.add_job('act', flags => ARRAY['a', NULL])").unwrap_err();
    assert!(refused.to_string().contains("flags must be a list of labels"), "{refused}");
    for flags in [
        "'{}'",
        "ARRAY[NULL]::text[]",
        "ARRAY['']",
        "ARRAY[repeat('x', 129)]",
        "array_fill('a'::text, ARRAY[33])",
    ] {
        let row = format!(
            "INSERT INTO mainspring.jobs (task, run_at, state, flags) VALUES ('t', now(), 'ready', {flags})"
        );
        assert!(conn.batch_execute(&row).is_err(), "{flags}");
    }
    assert_eq!(count(&mut conn, "mainspring.jobs"), 3);
}
