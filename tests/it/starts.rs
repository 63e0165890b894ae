//! When a start fails at once, when it tries again, and what it leaves behind.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use mainspring::{Scheduler, SchedulerError, StartPolicy, StoreError};

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

/// Whoever tries again with it exceeds the patience of every test.
const FOR_LONG: StartPolicy = StartPolicy::WaitFor(Duration::from_secs(24 * 3_600));

#[tokio::test]
async fn what_libpq_refuses_is_a_configuration_error_at_once() {
    for (url, words) in [
        ("hello", "missing \"=\" after \"hello\""),
        ("mysql://root@localhost/app", "its scheme is `mysql`"),
        ("postgres://localhost/app?sslmod=require", "invalid URI query parameter: \"sslmod\""),
        ("postgres://me:hunter2@localhost:abc/app", "invalid integer value \"abc\""),
        ("postgres://localhost/app?sslmode=maybe", "invalid sslmode value: \"maybe\""),
        ("postgres://localhost:1/app?sslmode=require", "`bundled-libpq`"),
        ("service=no_such_service", "no_such_service"),
    ] {
        let refused = Scheduler::builder(url).start_policy(FOR_LONG).start().await.unwrap_err();
        assert!(
            matches!(&refused, SchedulerError::Config(text) if text.contains(words) && !text.contains("hunter2")),
            "{url}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn options_that_the_server_refuses_fail_at_once() {
    let database = TestDatabase::new();
    let sign = if database.url().contains('?') { '&' } else { '?' };
    for (options, words) in [
        ("-c%20no_such%3D1", "unrecognized configuration parameter \"no_such\""),
        ("-c%20statement_timeout%3Dsoon", "invalid value for parameter \"statement_timeout\""),
        ("--%20nonsense", "invalid command-line argument"),
    ] {
        let url = format!("{}{sign}options={options}", database.url());
        let refused = Scheduler::builder(url).start_policy(FOR_LONG).start().await.unwrap_err();
        assert!(
            matches!(&refused, SchedulerError::Store(StoreError::Rejected(text)) if text.contains(words)),
            "{options}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_listen_url_that_libpq_refuses_is_named() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let builder = builder.listen_url("postgres://localhost:abc/app").start_policy(FOR_LONG);
    let refused = builder.start().await.unwrap_err();
    assert!(
        matches!(&refused, SchedulerError::Config(text) if text.starts_with("listen_url: libpq refuses")),
        "{refused:?}"
    );
    assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
}

#[tokio::test]
async fn a_start_waits_for_the_whole_time_of_its_policy() {
    let patience = Duration::from_secs(1);
    let began = Instant::now();
    let builder = Scheduler::builder("postgres://127.0.0.1:1/app");
    let refused = builder.start_policy(StartPolicy::WaitFor(patience)).start().await.unwrap_err();
    assert!(began.elapsed() >= patience, "{:?}: {refused}", began.elapsed());
}

// The registration waits for a lock, and the caller does not wait for it.
#[tokio::test]
async fn a_start_that_nobody_waits_for_leaves_no_row_behind() {
    let database = TestDatabase::new();
    let mut lock = database.connection();
    lock.batch_execute(
        "CREATE TABLE registered (id int); \
         CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO public.registered VALUES (NEW.id); RETURN NULL; \
         END $$; \
         CREATE TRIGGER registered AFTER INSERT ON mainspring.workers FOR EACH ROW EXECUTE FUNCTION write_down(); \
         BEGIN; LOCK TABLE mainspring.workers",
    )
    .unwrap();
    let (builder, _started) = scheduler(&database);
    let start = tokio::spawn(builder.start());
    let waits = "pg_catalog.pg_locks AS l JOIN pg_catalog.pg_database AS d ON d.oid = l.database \
        WHERE d.datname = current_database() AND NOT l.granted";
    until(&database, waits, 1).await;
    start.abort();
    assert!(start.await.unwrap_err().is_cancelled());
    lock.batch_execute("COMMIT").unwrap();
    until(&database, "public.registered", 1).await;
    until(&database, "mainspring.workers", 0).await;
}
