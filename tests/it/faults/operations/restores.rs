//! Restores, copies for staging and upgrades by replication, by the very statements of docs/OPERATIONS.md.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use mainspring::{NewJob, NewSchedule, Schema, StoreError, database, jobs, queues, schedules};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::{scheduler, scheduler_on};
use crate::support::waiting::{PATIENCE, until, until_at_least};

/// The blocks of SQL below a heading of OPERATIONS.md.
fn statements(heading: &str) -> Vec<&'static str> {
    let page = include_str!("../../../../docs/OPERATIONS.md");
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect("the heading is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    section.split("```sql\n").skip(1).map(|block| block.split("```").next().unwrap_or_default()).collect()
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(conn: &mut PgConnection, query: &str) -> Vec<String> {
    let rows: Vec<Line> = sql_query(query).load(conn).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

/// What production leaves in a dump: jobs in every state, of workers that will be gone, and schedules.
fn production() -> TestDatabase {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    schedules::create(&mut conn, &NewSchedule::new("each", "act", "* * * * * *")).unwrap();
    conn.batch_execute(
        "INSERT INTO mainspring.workers (name, tasks, lines, timeout) \
             VALUES ('gone', '{act}', '{line}', '1 day'), ('late', '{act}', '{}', '30 seconds'); \
         UPDATE mainspring.workers SET heartbeat_at = now() - interval '1 hour'; \
         INSERT INTO mainspring.jobs (task, payload, state, run_at, attempts, lease, worker_id, locked_at, queue) VALUES \
             ('act', '{\"act\": \"ready\"}', 'ready', now(), 0, NULL, NULL, NULL, NULL), \
             ('act', '{\"act\": \"of gone\"}', 'running', now(), 1, 7, 1, now(), NULL), \
             ('act', '{\"act\": \"of late\"}', 'running', now(), 1, 8, 2, now(), 'q'), \
             ('act', '{\"act\": \"of nobody\"}', 'running', now(), 1, 9, 99, now(), NULL), \
             ('act', '{\"act\": \"behind\"}', 'parked', now(), 0, NULL, NULL, NULL, 'q'); \
         UPDATE mainspring.schedules SET next_fire_at = now() - interval '1 hour', plan_after = NULL",
    )
    .unwrap();
    database
}

/// A program of the server's own version or a later one, where there is one.
fn program_of_the_server(conn: &mut PgConnection, name: &str) -> Option<PathBuf> {
    let version = lines(conn, "SELECT (current_setting('server_version_num')::int / 10000)::text AS line");
    let least: u32 = version[0].parse().unwrap();
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let installed = installed.map(|entry| entry.path().join("bin").join(name)).filter(|path| path.exists());
    installed.chain([PathBuf::from(name)]).find(|path| {
        let Ok(output) = Command::new(path).arg("--version").output() else { return false };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = text.split_whitespace().filter_map(|word| word.split('.').next()?.parse::<u32>().ok());
        number.into_iter().any(|major| major >= least)
    })
}

/// The database, dumped and restored; `None` without `pg_dump` and `psql`.
fn restored(database: &TestDatabase) -> Option<TestDatabase> {
    let mut conn = database.connection();
    let Some((dump, psql)) =
        program_of_the_server(&mut conn, "pg_dump").zip(program_of_the_server(&mut conn, "psql"))
    else {
        eprintln!("without pg_dump and psql, nothing is restored");
        return None;
    };
    let copy = TestDatabase::empty();
    let dumped = Command::new(dump).args(["--schema", "mainspring", &database.url()]).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    let mut restore = Command::new(psql)
        .args(["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", &copy.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut restore.stdin.take().unwrap(), &dumped.stdout).unwrap();
    assert!(restore.wait().unwrap().success());
    Some(copy)
}

#[tokio::test]
async fn a_restored_schema_runs_its_jobs_and_waits_for_no_worker_of_the_dump() {
    let Some(copy) = restored(&production()) else { return };
    let [first] = statements("After a restore")[..] else { panic!("one block") };
    copy.connection().batch_execute(first).unwrap();
    let (builder, mut started) = scheduler(&copy);
    let scheduler = builder.crontab("* * * * * * act ?id=line {act: 'line'}").start().await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut missing = vec!["behind", "line", "of gone", "of late", "of nobody", "ready"];
    while !missing.is_empty() {
        let found = started.next().await.act;
        missing.retain(|act| *act != found);
        assert!(Instant::now() < deadline, "{missing:?} did not start");
    }
    until_at_least(&copy, "mainspring.schedule_fires WHERE schedule = 'each'", 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_copy_for_staging_runs_nothing_of_production() {
    let Some(copy) = restored(&production()) else { return };
    let mut conn = copy.connection();
    let [first] = statements("A copy for staging")[..] else { panic!("one block") };
    conn.batch_execute(first).unwrap();
    let (builder, mut started) = scheduler(&copy);
    let scheduler = builder.heartbeat_timeout(Duration::from_millis(1_500)).start().await.unwrap();
    let id = scheduler.enqueue(act("of staging")).await.unwrap();
    until(&copy, "mainspring.workers WHERE heartbeat_at > started_at + interval '0.5 seconds'", 1).await;
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'ready'"), 1);
    queues::resume_all(&mut conn).unwrap();
    let first = started.next().await;
    assert_eq!((first.id, first.act.as_str()), (id, "of staging"));
    assert_eq!(count(&mut conn, "mainspring.schedule_fires"), 0);
    scheduler.stop().await;
}

#[test]
fn the_publication_for_an_upgrade_lists_every_table_that_is_to_be_copied() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let tables = lines(
        &mut conn,
        "SELECT 'mainspring.' || relname AS line FROM pg_class WHERE relnamespace = 'mainspring'::regnamespace \
         AND relkind IN ('r', 'p') AND NOT relispartition \
         AND relname NOT IN ('__diesel_schema_migrations', 'definitions', 'installed', 'workers') ORDER BY 1",
    );
    let publication = statements("Upgrade by logical replication")[0];
    let named = publication.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    let mut named: Vec<_> = named.filter(|word| word.starts_with("mainspring.")).collect();
    named.sort_unstable();
    assert_eq!(named, tables);
}

#[test]
fn without_the_old_server_ids_begin_above_all_that_are_known() {
    let database = production();
    let mut conn = database.connection();
    conn.batch_execute(
        "SELECT setval(format('%I.%I', schemaname, sequencename), 1, false) FROM pg_sequences \
         WHERE schemaname = 'mainspring'",
    )
    .unwrap();
    schedules::trigger(&mut conn, "each").unwrap_err();
    conn.batch_execute(statements("Upgrade by logical replication")[3]).unwrap();
    assert!(jobs::insert(&mut conn, NewJob::new("act", &serde_json::Value::Null)).unwrap() > 1_000_000);
    schedules::trigger(&mut conn, "each").unwrap();
    schedules::create(&mut conn, &NewSchedule::new("other", "act", "@daily")).unwrap();
}

/// Dropped at the end, because a database with a subscription cannot be dropped.
struct Subscription<'a>(&'a TestDatabase);

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        let mut conn = self.0.connection();
        for change in
            ["ALTER SUBSCRIPTION mainspring_upgrade DISABLE", "DROP SUBSCRIPTION mainspring_upgrade"]
        {
            conn.batch_execute(change).unwrap_or_else(|error| eprintln!("{change}: {error}"));
        }
    }
}

#[tokio::test]
async fn an_upgrade_by_logical_replication_continues_with_greater_ids() {
    let options = EmbeddedOptions::temporary().without_fsync().setting("wal_level", "logical");
    let old = EmbeddedPostgres::start(options).unwrap();
    let mut source = PgConnection::establish(old.url()).unwrap();
    database::migrate(&mut source).unwrap();
    let target = TestDatabase::new();
    let mut copy = target.connection();
    let [publish, subscribe, sequences, _] = statements("Upgrade by logical replication")[..] else {
        panic!("four blocks")
    };
    source.batch_execute(publish).unwrap();
    schedules::create(
        &mut source,
        &NewSchedule::new("yearly", "act", "0 0 1 1 *").payload(json!({"act": "yearly"})),
    )
    .unwrap();
    let (builder, mut started) = scheduler_on(old.url());
    let before = builder.start().await.unwrap();
    before.enqueue(act("first")).await.unwrap();
    let first = started.next().await.id;
    // A subscription is not made inside of the block of statements that a batch is.
    let (days, subscribe) = subscribe.split_once(";\n").unwrap();
    copy.batch_execute(days).unwrap();
    copy.batch_execute(&subscribe.replace("host=old dbname=app", old.url())).unwrap();
    let subscription = Subscription(&target);
    until(&target, "mainspring.schedules", 1).await;
    before.schedules().trigger("yearly").await.unwrap();
    assert_eq!(started.next().await.act, "yearly");
    before.stop().await;
    let last = act("last").insert(&mut source).unwrap();

    until(&target, &format!("mainspring.jobs WHERE id = {last}"), 1).await;
    until_at_least(&target, "mainspring.history", 2).await;
    for statement in
        lines(&mut source, &sequences.trim_end().replacen(", last_value)", ", last_value) AS line", 1))
    {
        copy.batch_execute(&statement).unwrap();
    }
    drop(subscription);
    let (builder, mut started) = scheduler(&target);
    let scheduler = builder.start().await.unwrap();
    assert_eq!(started.next().await.act, "last");
    let next = scheduler.enqueue(act("next")).await.unwrap();
    assert!(next > last && last > first);
    assert_eq!(started.next().await.id, next);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_worker_with_times_out_of_range_stops_no_heartbeat_and_no_line() {
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute(
            "INSERT INTO mainspring.workers (name, tasks, lines, timeout, heartbeat_at) VALUES \
                 ('a', '{}', '{line}', '170000000 years', '294276-12-31 23:59:59+00'), \
                 ('b', '{}', '{line}', '170000000 years', '-infinity'), \
                 ('c', '{}', '{line}', '1 hour', 'infinity')",
        )
        .unwrap();
    let (builder, mut started) = scheduler(&database);
    let builder = builder
        .heartbeat_timeout(Duration::from_millis(1_500))
        .crontab("* * * * * * act ?id=line {act: 'line'}");
    let scheduler = builder.start().await.unwrap();
    assert_eq!(started.next().await.act, "line");
    until(
        &database,
        "mainspring.workers WHERE heartbeat_at > started_at + interval '0.5 seconds' AND name > 'd'",
        1,
    )
    .await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_renamed_schema_is_recognised_and_repaired_by_one_migration() {
    let database = production();
    let mut conn = database.connection();
    conn.batch_execute("DELETE FROM mainspring.workers; ALTER SCHEMA mainspring RENAME TO billing").unwrap();
    let billing = Schema::new("billing").unwrap();
    let error = database::verify(&mut billing.on(&mut conn)).unwrap_err();
    assert!(matches!(error, StoreError::SchemaTooOld { .. }), "{error}");
    database::migrate(&mut billing.on(&mut conn)).unwrap();
    database::verify(&mut billing.on(&mut conn)).unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.schema("billing").start().await.unwrap();
    let mut missing = vec!["behind", "of gone", "of late", "of nobody", "ready"];
    let deadline = Instant::now() + PATIENCE;
    while !missing.is_empty() {
        let found = started.next().await.act;
        missing.retain(|act| *act != found);
        assert!(Instant::now() < deadline, "{missing:?} did not start");
    }
    scheduler.stop().await;
    conn.batch_execute("ALTER SCHEMA billing RENAME TO mainspring").unwrap();
    database::migrate(&mut conn).unwrap();
    schedules::trigger(&mut conn, "each").unwrap();
}
