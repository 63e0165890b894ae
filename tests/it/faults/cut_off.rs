//! A process that is cut off in the middle of a transaction holds its rows until the server ends the idle transaction. Then
//! another process goes on with them.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Double, Integer, Text};
use diesel::{OptionalExtension, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::{JobContext, JobResult};
use tokio::sync::mpsc::UnboundedSender;

use crate::support::database::TestDatabase;
use crate::support::jobs::{Other, other};
use crate::support::proxy::{Mode, Proxy};
use crate::support::rows::count;
use crate::support::schedulers::scheduler_on;
use crate::support::statements::{HELD, close_gate, open_gate};
use crate::support::waiting::{PATIENCE, in_time_once, reports, until};
use crate::waits::through_proxy;

/// Holds the statements that do this to that table, at their end, while the gate is closed.
fn install_gate(conn: &mut PgConnection, event: &str, table: &str) {
    conn.batch_execute(&format!(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$ BEGIN \
             PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$; \
         CREATE TRIGGER hold AFTER {event} ON mainspring.{table} FOR EACH STATEMENT EXECUTE FUNCTION hold()"
    ))
    .unwrap();
}

/// The session whose statement the gate holds.
fn held_session(conn: &mut PgConnection) -> i32 {
    #[derive(QueryableByName)]
    struct Session {
        #[diesel(sql_type = Integer)]
        pid: i32,
    }
    sql_query(format!("SELECT pid FROM {HELD}")).get_result::<Session>(conn).unwrap().pid
}

/// Loses the reply to the statement that the gate holds, and everything behind it. Neither end is told.
fn cut_off(conn: &mut PgConnection, proxy: &Proxy) {
    proxy.set(Mode::Drop);
    open_gate(conn);
}

/// The held statement was in no transaction, so that its session stays.
struct StoodAlone;

/// Waits until the session is gone. Returns for how long its transaction was idle when it was last seen, if it was seen.
async fn idle_until_gone(conn: &mut PgConnection, pid: i32) -> Result<Option<Duration>, StoodAlone> {
    #[derive(QueryableByName)]
    struct Seen {
        #[diesel(sql_type = Text)]
        state: String,
        #[diesel(sql_type = Double)]
        since: f64,
    }
    let look = "SELECT state, extract(epoch FROM clock_timestamp() - state_change)::double precision AS since \
        FROM pg_stat_activity WHERE pid = $1";
    let mut idle = None;
    while let Some(seen) =
        sql_query(look).bind::<Integer, _>(pid).get_result::<Seen>(conn).optional().unwrap()
    {
        assert!(seen.since < PATIENCE.as_secs_f64(), "{} for {} s", seen.state, seen.since);
        if seen.state == "idle" {
            return Err(StoodAlone);
        }
        if seen.state == "idle in transaction" {
            idle = Some(Duration::from_secs_f64(seen.since));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(idle)
}

/// Whether the server ended the transaction after that time. A machine that is busy with other tests may look too late.
fn is_about(idle: Option<Duration>, wanted: Duration) -> bool {
    println!("idle for {idle:?}, and {wanted:?} are allowed");
    idle.is_some_and(|idle| (wanted - Duration::from_millis(500)..wanted * 2).contains(&idle))
}

/// A worker is cut off while it fires a schedule, whose row it has locked and changed. The server ends its transaction, nothing
/// of which is stored, and another worker fires.
async fn another_worker_fires(options: &str, wanted: Duration) -> bool {
    let database = TestDatabase::new();
    let (proxy, url) = through_proxy(&format!("{}{options}", database.url()));
    let mut conn = database.connection();
    install_gate(&mut conn, "UPDATE", "schedules");
    let (first, _) = scheduler_on(&url);
    let first = first.start().await.unwrap();
    let create = "SELECT mainspring.create_schedule('tick', 'act', '0 0 1 1 *', '{\"act\": \"tick\"}')";
    conn.batch_execute(create).unwrap();
    until(&database, "mainspring.schedules WHERE next_fire_at IS NOT NULL", 1).await;
    // The gate is closed before anybody learns that the schedule is due.
    let make_due = "BEGIN; UPDATE mainspring.schedules SET next_fire_at = mainspring.now(); SELECT pg_advisory_lock(7); \
        SELECT mainspring.tell_schedules_changed(); COMMIT";
    conn.batch_execute(make_due).unwrap();
    until(&database, HELD, 1).await;
    let session = held_session(&mut conn);
    cut_off(&mut conn, &proxy);
    let (second, mut started) = scheduler_on(&database.url());
    let second = second.start().await.unwrap();
    let idle = idle_until_gone(&mut conn, session).await;
    if idle.is_ok() {
        assert_eq!(started.next().await.act, "tick");
    }
    proxy.set(Mode::Pass);
    first.stop().await;
    second.stop().await;
    idle.is_ok_and(|idle| is_about(idle, wanted))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_cut_off_holds_its_rows_for_ten_seconds() {
    in_time_once(async || another_worker_fires("", Duration::from_secs(10)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_url_says_for_how_long_such_a_worker_holds_its_rows() {
    let options = "?options=-c%20idle_in_transaction_session_timeout%3D1s";
    in_time_once(async || another_worker_fires(options, Duration::from_secs(1)).await).await;
}

async fn complete_at_once(_: Other, job: JobContext) -> JobResult {
    job.transaction(|_| Ok(())).await
}

/// A handler's own transaction keeps the application's settings until it completes the job. Behind that, nothing but the commit
/// is left: a worker that is cut off there may not hold the row of the job for hours.
async fn a_completed_job_is_free() -> bool {
    let database = TestDatabase::new();
    let (proxy, url) = through_proxy(&database.url());
    let mut conn = database.connection();
    install_gate(&mut conn, "DELETE", "jobs");
    close_gate(&mut conn);
    let (worker, _) = scheduler_on(&url);
    let worker = worker.handler(complete_at_once).start().await.unwrap();
    other().insert(&mut conn).unwrap();
    until(&database, HELD, 1).await;
    let session = held_session(&mut conn);
    cut_off(&mut conn, &proxy);
    let idle = idle_until_gone(&mut conn, session).await;
    if idle.is_ok() {
        // Nothing of the transaction is stored, and its lock is gone.
        conn.batch_execute("SELECT FROM mainspring.jobs WHERE state = 'running' FOR UPDATE NOWAIT").unwrap();
        assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'running'"), 1);
    }
    proxy.set(Mode::Pass);
    worker.stop().await;
    idle.is_ok_and(|idle| is_about(idle, Duration::from_secs(10)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_job_is_free_ten_seconds_after_its_worker_is_cut_off() {
    in_time_once(a_completed_job_is_free).await;
}

#[tokio::test]
async fn a_transaction_of_a_handler_keeps_the_settings_of_the_application() {
    async fn tell(_: Other, job: JobContext) -> JobResult {
        let told = job.data::<UnboundedSender<String>>().clone();
        job.transaction(move |conn| {
            #[derive(QueryableByName)]
            struct Setting {
                #[diesel(sql_type = Text)]
                value: String,
            }
            let asked = sql_query("SELECT current_setting('idle_in_transaction_session_timeout') AS value");
            let _ = told.send(asked.get_result::<Setting>(&mut **conn)?.value);
            Ok(())
        })
        .await
    }
    for (options, wanted) in [("", "0"), ("?options=-c%20idle_in_transaction_session_timeout%3D7min", "7min")]
    {
        let database = TestDatabase::new();
        let url = format!("{}{options}", database.url());
        let (told, mut settings) = reports::<String>(&url);
        let (builder, _) = scheduler_on(&url);
        // One connection for all handlers: it keeps nothing from the transaction before.
        let scheduler = builder.handler(tell).handler_pool_size(1).app_data(told).start().await.unwrap();
        for _ in 0..3 {
            scheduler.enqueue(other()).await.unwrap();
            assert_eq!(settings.next().await, wanted);
        }
        scheduler.stop().await;
    }
}
