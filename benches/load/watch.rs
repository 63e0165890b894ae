//! Looks at a stream of jobs each ten seconds for minutes: while a session holds an old snapshot (`pinned`), and under the
//! mixed load of an application (`soak`).

use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::Cron;
use mainspring::database::connect;
use serde::Serialize;

use super::arguments::{Arguments, Mode};
use super::figures::{megabytes, print_line, rate};
use super::flow::{ALL_KINDS, Book, FEW_KINDS, Kind, Stream, Tick, Told, read, with_steps, with_ticks};
use super::process;
use super::rest::connections;
use super::stage::{Outcome, number, scheduler};
use super::statements::{Means, Statements};

const PERIOD: Duration = Duration::from_secs(10);
// How often a period is looked into for what passes.
const LOOKS: u32 = 10;
const A_DAY: Duration = Duration::from_secs(86_400);

#[derive(Serialize)]
struct Pinned {
    second: u64,
    pinned: bool,
    per_second: u64,
    /// From the enqueue on another connection to the start: commit, notification and claim.
    claim_p50_ms: f64,
    claim_p99_ms: f64,
    promotion_p50_ms: f64,
    admission_p50_ms: f64,
    /// From the second that a fire was due to the start of its job.
    cron_p50_ms: f64,
    #[serde(flatten)]
    statements: Means,
    heartbeat_age_ms: i64,
    dead_tuples: i64,
    table_mb: f64,
}

/// The first period is without the snapshot, for comparison.
pub(crate) async fn pinned(url: &str, arguments: &Arguments) -> Outcome<()> {
    let conn = &mut connect(url)?;
    let book = Book::default();
    let builder = with_ticks(with_steps(scheduler(url), &book), &book);
    let scheduler = builder.cron(Cron::new("* * * * * *", Tick {})).start().await?;
    let stream = Stream::start(url, FEW_KINDS, arguments.rate);
    let began = Instant::now();
    let mut counted = Statements::now(conn);
    let mut snapshot: Option<PgConnection> = None;
    while began.elapsed() < arguments.length() {
        let (told, per_second) = period(&book).await;
        let before = std::mem::replace(&mut counted, Statements::now(conn));
        let ms = |kind, percent| told.percentile(kind, percent);
        let figures = Pinned {
            second: began.elapsed().as_secs(),
            pinned: snapshot.is_some(),
            per_second,
            claim_p50_ms: ms(Kind::Plain, 50),
            claim_p99_ms: ms(Kind::Plain, 99),
            promotion_p50_ms: ms(Kind::Later, 50),
            admission_p50_ms: ms(Kind::Queued, 50),
            cron_p50_ms: ms(Kind::Cron, 50),
            statements: Means::between(&before, &counted),
            heartbeat_age_ms: number(conn, HEARTBEAT_AGE)?,
            dead_tuples: number(conn, DEAD_TUPLES)?,
            table_mb: megabytes(number(conn, JOBS_SIZE)?),
        };
        print_line(Mode::Pinned, figures)?;
        if snapshot.is_none() {
            snapshot = Some(take_snapshot(url)?);
        }
        conn.batch_execute(LOSE_A_WORKER)?;
    }
    stream.stop().await?;
    scheduler.stop().await;
    Ok(())
}

// What a worker that was killed leaves behind: the next heartbeat of another finds it late, and rescues its job.
const LOSE_A_WORKER: &str = "WITH lost AS (INSERT INTO mainspring.workers (name, tasks, heartbeat_at, timeout) \
    VALUES ('load lost', '{load.step}', now() - interval '1 hour', interval '1 second') RETURNING id) \
    INSERT INTO mainspring.jobs (task, run_at, state, attempts, lease, worker_id, locked_at, payload) \
    SELECT 'load.step', now(), 'running', 1, 1, id, now(), \
        jsonb_build_object('kind', 'plain', 'due', now()) FROM lost";

pub(crate) fn take_snapshot(url: &str) -> Outcome<PgConnection> {
    let mut conn = connect(url)?;
    conn.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM mainspring.jobs LIMIT 1")?;
    Ok(conn)
}

#[derive(Serialize)]
struct Soak {
    second: u64,
    attempts_per_second: u64,
    pick_up_p50_ms: f64,
    pick_up_p99_ms: f64,
    promotion_p50_ms: f64,
    promotion_p99_ms: f64,
    admission_p50_ms: f64,
    admission_p99_ms: f64,
    resident_mb: f64,
    /// The most of the whole run, as with the connections.
    worst_resident_mb: f64,
    connections: i64,
    worst_connections: i64,
    waiting: i64,
    dead_jobs: i64,
    jobs_mb: f64,
    history_mb: f64,
}

/// With history, retries, keys, queues, priorities, failures and cron.
pub(crate) async fn soak(url: &str, arguments: &Arguments) -> Outcome<()> {
    let conn = &mut connect(url)?;
    let book = Book::default();
    let builder = with_ticks(with_steps(scheduler(url), &book), &book).history_retention(A_DAY);
    let scheduler = builder.cron(Cron::every_minute(Tick {})).start().await?;
    let stream = Stream::start(url, ALL_KINDS, arguments.rate);
    let began = Instant::now();
    let mut worst_connections = 0;
    process::forget_peak();
    while began.elapsed() < arguments.length() {
        let ((told, attempts_per_second), most) = tokio::join!(period(&book), most_connections(conn));
        worst_connections = worst_connections.max(most?);
        let ms = |kind, percent| told.percentile(kind, percent);
        let figures = Soak {
            second: began.elapsed().as_secs(),
            attempts_per_second,
            pick_up_p50_ms: ms(Kind::Plain, 50),
            pick_up_p99_ms: ms(Kind::Plain, 99),
            promotion_p50_ms: ms(Kind::Later, 50),
            promotion_p99_ms: ms(Kind::Later, 99),
            admission_p50_ms: ms(Kind::Queued, 50),
            admission_p99_ms: ms(Kind::Queued, 99),
            resident_mb: megabytes(process::resident()),
            worst_resident_mb: megabytes(process::peak()),
            connections: schedulers_connections(conn)?,
            worst_connections,
            waiting: number(conn, "SELECT count(*) FROM mainspring.jobs WHERE state <> 'dead'")?,
            dead_jobs: number(conn, "SELECT count(*) FROM mainspring.jobs WHERE state = 'dead'")?,
            jobs_mb: megabytes(number(conn, JOBS_SIZE)?),
            history_mb: megabytes(number(conn, HISTORY_SIZE)?),
        };
        print_line(Mode::Soak, figures)?;
    }
    stream.stop().await?;
    scheduler.stop().await;
    Ok(())
}

/// Of those in a period that are there each time one looks.
async fn most_connections(conn: &mut PgConnection) -> Outcome<i64> {
    let mut most = 0;
    for _ in 0..LOOKS {
        most = most.max(schedulers_connections(conn)?);
        tokio::time::sleep(PERIOD / LOOKS).await;
    }
    Ok(most)
}

fn schedulers_connections(conn: &mut PgConnection) -> Outcome<i64> {
    // But for the one that sends.
    Ok(connections(conn)? - 1)
}

async fn period(book: &Book) -> (Told, u64) {
    let began = Instant::now();
    tokio::time::sleep(PERIOD).await;
    let told = read(book);
    let per_second = rate(told.attempts, began.elapsed());
    (told, per_second)
}

const JOBS_SIZE: &str = "SELECT pg_total_relation_size('mainspring.jobs')";
const HISTORY_SIZE: &str =
    "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('mainspring.history') WHERE isleaf";
const DEAD_TUPLES: &str =
    "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = 'mainspring.jobs'::regclass";
const HEARTBEAT_AGE: &str =
    "SELECT extract(epoch FROM clock_timestamp() - max(heartbeat_at)) * 1000 FROM mainspring.workers";
