//! What a job costs, counted and not timed, so that it is the same on every machine: transactions, bytes of the server's
//! log, allocations, and instructions of what needs no server. The counters are those of a whole server and a whole process, so each test
//! has one of its own.

mod here;

use std::time::Duration;

use diesel::PgConnection;
use diesel::sql_types::Double;
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use mainspring::jobs::insert_many;
use mainspring::{Enqueue, JobContext, NewJob, Scheduler, SchedulerBuilder, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::unbounded_channel;

use crate::support::rows::{OTHER_SESSIONS, count};
use crate::support::waiting::{in_time_once, until_on};

const JOBS: usize = 20_000;

#[derive(Serialize, Deserialize)]
struct Letter {
    text: String,
}

impl Task for Letter {
    const NAME: &'static str = "letter";
}

fn letter(bytes: usize) -> Enqueue<Letter> {
    Enqueue::new(Letter { text: "x".repeat(bytes - r#"{"text":""}"#.len()) })
}

/// A migrated server whose counters nothing but the test moves.
pub(crate) fn start_server() -> EmbeddedPostgres {
    let options = EmbeddedOptions::temporary().without_fsync();
    // A page's first change after a checkpoint is logged as a whole page, and a checkpoint comes when it likes.
    let server =
        EmbeddedPostgres::start(options.setting("full_page_writes", "off").setting("autovacuum", "off"))
            .unwrap_or_else(|error| panic!("{error}"));
    mainspring::database::migrate(&mut connect(&server)).unwrap();
    server
}

fn connect(server: &EmbeddedPostgres) -> PgConnection {
    PgConnection::establish(server.url()).unwrap()
}

/// Without heartbeats, polls and history in the time of a test.
fn quiet(url: &str) -> SchedulerBuilder {
    Scheduler::builder(url)
        .history_retention(Duration::ZERO)
        .heartbeat_timeout(Duration::from_secs(3_600))
        .poll_interval(Duration::from_secs(15))
        .without_migrations()
}

#[derive(QueryableByName)]
struct Figure {
    #[diesel(sql_type = Double)]
    figure: f64,
}

fn figure(conn: &mut PgConnection, expression: &str) -> f64 {
    let query = format!("SELECT ({expression})::float8 AS figure");
    sql_query(query).get_result::<Figure>(conn).unwrap().figure
}

fn log_bytes(conn: &mut PgConnection) -> f64 {
    figure(conn, "pg_current_wal_insert_lsn() - '0/0'")
}

/// All that have been committed by connections that are closed: a server counts those of an open one when it is idle.
async fn transactions(server: &EmbeddedPostgres) -> f64 {
    let mut conn = connect(server);
    until_on(&mut conn, Duration::from_millis(5), OTHER_SESSIONS, 0).await;
    figure(
        &mut conn,
        "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()",
    )
}

// The connections are closed with the last handle.
async fn stop(scheduler: Scheduler) {
    scheduler.stop().await;
}

async fn await_empty_table(server: &EmbeddedPostgres) {
    // Seldom, since each of these queries is a transaction that the test counts.
    until_on(&mut connect(server), Duration::from_millis(100), "mainspring.jobs", 0).await;
}

#[tokio::test]
async fn a_job_of_many_costs_few_transactions_and_little_of_the_log() {
    let server = start_server();
    let mut conn = connect(&server);
    let jobs = (0..JOBS).map(|_| NewJob::try_from(letter(200)).unwrap()).collect::<Vec<_>>();
    let start = log_bytes(&mut conn);
    jobs.chunks(1_000).for_each(|jobs| drop(insert_many(&mut conn, jobs).unwrap()));
    let inserted = log_bytes(&mut conn);
    drop(conn);

    let before = transactions(&server).await;
    let builder = quiet(server.url()).handler(|_: Letter, _: JobContext| std::future::ready(()));
    let scheduler = builder.start().await.unwrap();
    await_empty_table(&server).await;
    let end = log_bytes(&mut connect(&server));
    stop(scheduler).await;
    let transactions = transactions(&server).await - before;

    let (all, insert) = ((end - start) / JOBS as f64, (inserted - start) / JOBS as f64);
    eprintln!(
        "a job of {JOBS}: {:.4} transactions; {all:.0} bytes of the log, {insert:.0} of them to insert",
        transactions / JOBS as f64
    );
    assert!(transactions < JOBS as f64 / 20.0, "{transactions} transactions for {JOBS} jobs");
    // 980 when this was written, 490 of them to insert.
    assert!(all < 1_150.0, "{all} bytes a job, {insert} of them to insert");
}

#[tokio::test]
async fn a_job_added_where_a_slot_is_free_costs_two_transactions() {
    const PICK_UPS: usize = 200;
    let server = start_server();
    // One starts a job and one settles it. The way over a claim costs three, which a job that comes before the slot of the
    // last one is free takes too: many do on a busy machine. Some transactions start and stop the scheduler.
    in_time_once(async || transactions_one_by_one(&server, PICK_UPS).await <= 2.75 * PICK_UPS as f64).await;
    assert_eq!(count(&mut connect(&server), "mainspring.jobs"), 0);
}

async fn transactions_one_by_one(server: &EmbeddedPostgres, jobs: usize) -> f64 {
    let (told, mut started) = unbounded_channel();
    let builder =
        quiet(server.url()).handler(move |_: Letter, _: JobContext| std::future::ready(told.send(())));
    let before = transactions(server).await;
    let scheduler = builder.start().await.unwrap();
    for _ in 0..jobs {
        scheduler.enqueue(letter(200)).await.unwrap();
        started.recv().await.unwrap();
    }
    stop(scheduler).await;
    let transactions = transactions(server).await - before;
    eprintln!("{jobs} jobs one by one: {transactions} transactions");
    transactions
}
