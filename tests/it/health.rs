//! Health: each cause turns `ready` false within ten seconds, and its end turns it true again. A trial may be late on a busy
//! machine, and so is repeated.

mod probes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use mainspring::Scheduler;
use mainspring::health::Reason;
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::proxy::Mode;
use crate::support::schedulers::scheduler;
use crate::support::statements::{CLAIM, HELD, close_gate, install_gate, open_gate};
use crate::support::waiting::{in_time_once, until, until_true};
use crate::waits::through_proxy;

const IN_TIME: Duration = Duration::from_secs(10);

fn codes(scheduler: &Scheduler) -> Vec<&'static str> {
    scheduler.health().reasons.iter().map(Reason::code).collect()
}

/// Returns after the reason shows, with `true` if that was in time. The scheduler lives all the while.
async fn shows(database: &TestDatabase, scheduler: &Scheduler, code: &str) -> bool {
    let began = Instant::now();
    until_true(database, code, || codes(scheduler).contains(&code)).await;
    let in_time = began.elapsed() < IN_TIME;
    assert!(scheduler.health().live().passed(), "{:?}", scheduler.health());
    in_time
}

async fn until_ready(database: &TestDatabase, scheduler: &Scheduler) {
    until_true(database, "ready", || scheduler.health().ready().passed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_shows_until_it_is_back() {
    in_time_once(async || {
        let database = TestDatabase::new();
        let scheduler = scheduler(&database).0.start().await.unwrap();
        until_ready(&database, &scheduler).await;
        database.go_away();
        // A failed wait prints rows, and those of this database cannot be read now.
        let other = TestDatabase::empty();
        let in_time = shows(&other, &scheduler, "database_unreachable").await;
        database.come_back();
        until_ready(&database, &scheduler).await;
        scheduler.stop().await;
        in_time
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_silent_shows_as_a_late_heartbeat_until_it_replies() {
    in_time_once(async || {
        let database = TestDatabase::new();
        let (proxy, url) = through_proxy(&database.url());
        let scheduler = Scheduler::builder(url).start().await.unwrap();
        until_ready(&database, &scheduler).await;
        proxy.set(Mode::Drop);
        let in_time = shows(&database, &scheduler, "heartbeat_late").await;
        proxy.set(Mode::Pass);
        until_ready(&database, &scheduler).await;
        scheduler.stop().await;
        in_time
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_that_waits_for_a_lock_is_late_until_it_passes() {
    in_time_once(async || {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        let scheduler = scheduler(&database).0.start().await.unwrap();
        until_ready(&database, &scheduler).await;
        conn.batch_execute("BEGIN; SELECT FROM mainspring.workers FOR UPDATE").unwrap();
        let in_time = shows(&database, &scheduler, "heartbeat_late").await;
        conn.batch_execute("ROLLBACK").unwrap();
        until_ready(&database, &scheduler).await;
        scheduler.stop().await;
        in_time
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_is_gone_shows_until_one_listens_again() {
    in_time_once(async || {
        let database = TestDatabase::new();
        let (proxy, url) = through_proxy(&database.url());
        let scheduler = Scheduler::builder(database.url()).listen_url(url).start().await.unwrap();
        until_ready(&database, &scheduler).await;
        // Nothing shows on the socket.
        proxy.set(Mode::Drop);
        let in_time = shows(&database, &scheduler, "listener_gone").await;
        proxy.set(Mode::Pass);
        until_ready(&database, &scheduler).await;
        scheduler.stop().await;
        in_time
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_does_not_listen_misses_no_listener() {
    let database = TestDatabase::new();
    let scheduler = scheduler(&database).0.without_listen().start().await.unwrap();
    until_ready(&database, &scheduler).await;
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_fail_show_until_one_succeeds() {
    in_time_once(async || {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        let scheduler = scheduler(&database).0.start().await.unwrap();
        until_ready(&database, &scheduler).await;
        conn.batch_execute("BEGIN; LOCK TABLE mainspring.paused_tasks").unwrap();
        // With a key, it is not started by its enqueue.
        scheduler.enqueue(act("go").key("k")).await.unwrap();
        let in_time = shows(&database, &scheduler, "claims_failing").await;
        conn.batch_execute("ROLLBACK").unwrap();
        until_ready(&database, &scheduler).await;
        until(&database, "mainspring.history", 1).await;
        scheduler.stop().await;
        in_time
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_without_a_reply_shows_until_it_has_one() {
    in_time_once(async || {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        let scheduler = scheduler(&database).0.start().await.unwrap();
        until_ready(&database, &scheduler).await;
        install_gate(&mut conn, CLAIM);
        close_gate(&mut conn);
        scheduler.enqueue(act("go").key("k")).await.unwrap();
        until(&database, HELD, 1).await;
        let in_time = shows(&database, &scheduler, "claims_stalled").await;
        open_gate(&mut conn);
        until_ready(&database, &scheduler).await;
        scheduler.stop().await;
        in_time
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_differs_shows_until_it_is_set_right() {
    in_time_once(async || {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        let mut set = |text: &str| {
            let function = "CREATE OR REPLACE FUNCTION mainspring.now() RETURNS timestamptz \
                LANGUAGE sql STABLE PARALLEL SAFE RETURN statement_timestamp()";
            conn.batch_execute(&format!("{function} {text}")).unwrap();
        };
        let scheduler = scheduler(&database).0.start().await.unwrap();
        until_ready(&database, &scheduler).await;
        let mut in_time = true;
        for (change, sign) in [("+ interval '6 seconds'", 1.0), ("- interval '6 seconds'", -1.0)] {
            set(change);
            let of_that_sign = |reason: &Reason| match reason {
                Reason::ClockDifference { seconds } => seconds * sign > 5.0 && seconds * sign < 60.0,
                _ => false,
            };
            let began = Instant::now();
            until_true(&database, change, || scheduler.health().reasons.iter().any(of_that_sign)).await;
            in_time &= began.elapsed() < IN_TIME;
            set("");
            until_ready(&database, &scheduler).await;
        }
        scheduler.stop().await;
        in_time
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_does_not_fit_shows_until_it_does() {
    let too_new = (
        "ALTER FUNCTION mainspring.compatible_from RENAME TO before; \
         CREATE FUNCTION mainspring.compatible_from() RETURNS text LANGUAGE sql IMMUTABLE RETURN '99990101000001'",
        "DROP FUNCTION mainspring.compatible_from(); ALTER FUNCTION mainspring.before RENAME TO compatible_from",
        "schema_too_new",
    );
    let too_old = (
        "ALTER TABLE mainspring.__diesel_schema_migrations RENAME TO kept",
        "ALTER TABLE mainspring.kept RENAME TO __diesel_schema_migrations",
        "schema_unusable",
    );
    for (change, repair, code) in [too_new, too_old] {
        in_time_once(async || {
            let database = TestDatabase::new();
            let mut conn = database.connection();
            let scheduler = scheduler(&database).0.start().await.unwrap();
            until_ready(&database, &scheduler).await;
            conn.batch_execute(change).unwrap();
            let in_time = shows(&database, &scheduler, code).await;
            conn.batch_execute(repair).unwrap();
            until_ready(&database, &scheduler).await;
            scheduler.stop().await;
            in_time
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_shows_at_once_and_ends_life_only_when_it_is_over() {
    let database = TestDatabase::new();
    let gate = Arc::new(Semaphore::new(0));
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.app_data(Arc::clone(&gate)).start().await.unwrap();
    scheduler.enqueue(act("at gate")).await.unwrap();
    started.next().await;
    until_ready(&database, &scheduler).await;
    let stopping = tokio::spawn({
        let scheduler = scheduler.clone();
        async move { scheduler.stop().await }
    });
    shows(&database, &scheduler, "draining").await;
    gate.add_permits(1);
    stopping.await.unwrap();
    assert_eq!((codes(&scheduler), scheduler.health().live().passed()), (vec!["stopped"], false));
    let next = self::scheduler(&database).0.start().await.unwrap();
    until_ready(&database, &next).await;
    next.stop().await;
}
