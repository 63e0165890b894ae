//! A schema that is locked by a stranger, has lost its records, or changes under a running scheduler.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::database::{migrate, verify};
use mainspring::{Scheduler, SchedulerError, StartPolicy, StoreError};

use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::process;
use crate::support::rows::count;
use crate::support::waiting::{in_time, until, until_at_least};

// Every lock that a stranger can guess.
const STRANGERS_LOCKS: &str = "SELECT pg_advisory_lock(hashtextextended('mainspring', 1836216166)), pg_advisory_lock(1836216166, n), \
     pg_advisory_lock(1836216167, n) FROM generate_series(0, 20) AS n";

fn quick(database: &TestDatabase) -> mainspring::SchedulerBuilder {
    let builder = Scheduler::builder(database.url()).handler(behave).worker_threads(1);
    builder.heartbeat_timeout(Duration::from_millis(1_500)).poll_interval(Duration::from_millis(50))
}

#[tokio::test]
async fn a_strangers_locks_hold_up_no_start_and_no_work() {
    let database = TestDatabase::new();
    let mut stranger = database.connection();
    stranger.batch_execute(STRANGERS_LOCKS).unwrap();
    let start = quick(&database).crontab("* * * * * * act ?id=second {act:'cron'}").start();
    let scheduler = in_time(&database.url(), "the start", start).await.unwrap();
    scheduler.enqueue(act("plain").queue("q")).await.unwrap();
    until(&database, "mainspring.history WHERE queue = 'q'", 1).await;
    until_at_least(&database, "mainspring.schedules WHERE last_fire_at > created_at", 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_stranger_that_holds_the_lock_of_migrations_is_named() {
    let database = TestDatabase::empty();
    let mut stranger = database.connection();
    stranger.batch_execute("CREATE TABLE me AS SELECT pg_backend_pid() AS pid").unwrap();
    stranger.batch_execute(STRANGERS_LOCKS).unwrap();
    let start = || quick(&database).start_policy(StartPolicy::FailAtOnce).start();
    let refused = in_time(&database.url(), "the refusal", start()).await.unwrap_err();
    assert!(matches!(refused, SchedulerError::Store(StoreError::Locked(_))), "{refused}");
    let named = format!("me WHERE $text${refused}$text$ LIKE '%process ' || pid || ' of the role%'");
    assert_eq!(count(&mut stranger, &named), 1, "{refused}");
    drop(stranger);
    start().await.unwrap().stop().await;
}

#[test]
fn tables_without_records_of_migrations_get_them_back() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    // What a dump of definitions alone leaves out.
    conn.batch_execute(
        "DELETE FROM mainspring.__diesel_schema_migrations; DELETE FROM mainspring.definitions",
    )
    .unwrap();
    let lacking = verify(&mut conn).unwrap_err();
    assert!(matches!(lacking, StoreError::SchemaTooOld { .. }), "{lacking}");
    migrate(&mut conn).unwrap();
    verify(&mut conn).unwrap();
    conn.batch_execute("DROP TABLE mainspring.__diesel_schema_migrations").unwrap();
    migrate(&mut conn).unwrap();
    verify(&mut conn).unwrap();
    // The schema of the comparison is gone.
    assert_eq!(count(&mut conn, "pg_namespace WHERE nspname LIKE 'mainspring!_%' ESCAPE '!'"), 0);
}

#[test]
fn tables_of_no_release_are_named_and_left_alone() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "DELETE FROM mainspring.__diesel_schema_migrations; ALTER TABLE mainspring.queues ADD COLUMN strange int",
    )
    .unwrap();
    let refused = migrate(&mut conn).unwrap_err();
    assert!(refused.to_string().contains("the tables of no release"), "{refused}");
    assert_eq!(count(&mut conn, "mainspring.__diesel_schema_migrations"), 0);
}

/// Returns when the scheduler has beaten for longer than its time-out. It compares the schema within each time-out.
async fn until_beaten(database: &TestDatabase) {
    let mut conn = database.connection();
    conn.batch_execute("DROP TABLE IF EXISTS mark; CREATE TABLE mark AS SELECT clock_timestamp() AS at")
        .unwrap();
    until(database, "mainspring.workers, mark WHERE heartbeat_at > at + interval '2 seconds'", 1).await;
}

#[tokio::test]
async fn a_schema_that_becomes_too_new_or_too_old_stops_claims_until_it_fits() {
    let too_new = (
        "ALTER FUNCTION mainspring.compatible_from RENAME TO before; \
         CREATE FUNCTION mainspring.compatible_from() RETURNS text LANGUAGE sql IMMUTABLE RETURN '99990101000001'",
        "DROP FUNCTION mainspring.compatible_from(); \
         ALTER FUNCTION mainspring.before RENAME TO compatible_from",
    );
    let too_old = (
        "CREATE TABLE kept AS SELECT * FROM mainspring.__diesel_schema_migrations; \
         DELETE FROM mainspring.__diesel_schema_migrations",
        "INSERT INTO mainspring.__diesel_schema_migrations SELECT * FROM kept",
    );
    for (change, repair) in [too_new, too_old] {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        let scheduler = quick(&database).start().await.unwrap();
        conn.batch_execute(change).unwrap();
        until_beaten(&database).await;
        conn.batch_execute("SELECT mainspring.add_job('act', '{\"act\": \"a\"}')").unwrap();
        until_beaten(&database).await;
        assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'ready'"), 1, "{change}");
        conn.batch_execute(repair).unwrap();
        until(&database, "mainspring.history", 1).await;
        scheduler.stop().await;
    }
}

#[tokio::test]
async fn a_schema_that_is_dropped_and_made_again_is_worked_on() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let scheduler = quick(&database).start().await.unwrap();
    conn.batch_execute("DROP SCHEMA mainspring CASCADE").unwrap();
    migrate(&mut conn).unwrap();
    conn.batch_execute("SELECT mainspring.add_job('act', '{\"act\": \"a\"}')").unwrap();
    until(&database, "mainspring.history", 1).await;
    scheduler.stop().await;
}

/// Not a test of its own: a process whose log is its own as well.
#[tokio::test]
#[ignore = "the other process of `a_worker_whose_row_is_deleted_goes_on_and_says_so`"]
async fn another_process_loses_its_row() {
    let Some(url) = process::given_url() else { return };
    env_logger::Builder::new().filter_level(log::LevelFilter::Warn).target(env_logger::Target::Stderr).init();
    use diesel::Connection;
    let mut conn = diesel::PgConnection::establish(&url).unwrap();
    let builder = Scheduler::builder(&url).handler(behave).heartbeat_timeout(Duration::from_millis(1_500));
    let scheduler = builder.start().await.unwrap();
    conn.batch_execute("TRUNCATE mainspring.workers").unwrap();
    let registered = "mainspring.workers";
    crate::support::waiting::until_on(&mut conn, Duration::from_millis(20), registered, 1).await;
    scheduler.stop().await;
}

#[test]
fn a_worker_whose_row_is_deleted_goes_on_and_says_so() {
    let database = TestDatabase::new();
    let other = "faults::server::schema::another_process_loses_its_row";
    let written = process::run(&mut process::command(other, &database.url()));
    assert!(written.err.contains("or its row was deleted"), "{}", written.err);
    assert!(!written.err.contains("actor ended"), "{}", written.err);
}
