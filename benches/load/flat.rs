//! Whether a claim costs the same whatever else is in the table. Each case adds its ballast to the same few jobs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::{JobContext, connect};
use serde::Serialize;

use crate::arguments::{Arguments, Mode};
use crate::figures::{percentile, print_line, rate, rounded};
use crate::stage::{Noop, Outcome, counting, empty_table, scheduler};

const PICK_UPS: usize = 50;
// Nothing is claimed ahead of jobs this long, so that each one is a claim of its own.
const LONG_JOB: Duration = Duration::from_millis(60);

#[derive(Serialize)]
struct Flatness {
    case: String,
    rows: usize,
    jobs: usize,
    /// From the end of a job in the only slot to the start of the next one: settle and claim.
    pick_up_ms: f64,
    pick_up_p90_ms: f64,
    pick_up_ratio: f64,
    per_second: u64,
    /// Above one where it is slower than with an empty table.
    throughput_ratio: f64,
}

/// What is in the table besides the jobs that run.
struct Case {
    name: &'static str,
    rows: usize,
    /// With `{}` for the number of rows.
    fill: &'static str,
}

const READY: &str = "INSERT INTO mainspring.jobs (task, run_at, state) \
    SELECT 'load.noop', now(), 'ready' FROM generate_series(1, {})";
const SCHEDULED: &str = "INSERT INTO mainspring.jobs (task, run_at, state) \
    SELECT 'load.noop', now() + interval '1 hour' + n * interval '1 ms', 'scheduled' FROM generate_series(1, {}) AS n";
const UNKNOWN: &str = "INSERT INTO mainspring.jobs (task, run_at, state) \
    SELECT 'load.nobody', now() - interval '1 day', 'ready' FROM generate_series(1, {})";
// A ready job of a task that nobody runs takes the one slot of each queue.
const PARKED: &str = "INSERT INTO mainspring.jobs (task, queue, run_at, state) \
    SELECT 'load.nobody', 'load full ' || n, now(), 'ready' FROM generate_series(1, 2) AS n; \
    INSERT INTO mainspring.jobs (task, queue, run_at, state) \
    SELECT 'load.noop', 'load full ' || 1 + n % 2, now() - interval '1 day', 'parked' FROM generate_series(1, {}) AS n";
const IDLE_QUEUES: &str =
    "INSERT INTO mainspring.queues (name) SELECT 'load ' || n FROM generate_series(1, {}) AS n";

fn cases(rows: usize) -> [Case; 7] {
    let tenth = rows.div_ceil(10);
    [
        Case { name: "empty", rows: 0, fill: "SELECT 1" },
        Case { name: "ready", rows: rows.div_ceil(100), fill: READY },
        Case { name: "ready", rows, fill: READY },
        Case { name: "scheduled", rows, fill: SCHEDULED },
        Case { name: "unknown task", rows, fill: UNKNOWN },
        Case { name: "parked in two full queues", rows: tenth, fill: PARKED },
        Case { name: "idle queues", rows: tenth, fill: IDLE_QUEUES },
    ]
}

/// One line a case.
pub(crate) async fn flat(url: &str, jobs: usize, arguments: &Arguments) -> Outcome<()> {
    let mut empty = None;
    for case in cases(arguments.rows) {
        eprintln!("{}: {} rows", case.name, case.rows);
        let conn = &mut connect(url)?;
        fill(conn, &case, jobs)?;
        let pick_ups = pick_ups(url).await?;
        let per_second = drain(url, jobs).await?;
        let pick_up_ms = percentile(&pick_ups, 50);
        let (first_ms, first_per_second) = *empty.get_or_insert((pick_up_ms, per_second));
        print_line(
            Mode::Flat,
            Flatness {
                case: case.name.into(),
                rows: case.rows,
                jobs,
                pick_up_ms,
                pick_up_p90_ms: percentile(&pick_ups, 90),
                pick_up_ratio: rounded(pick_up_ms / first_ms),
                per_second,
                throughput_ratio: rounded(first_per_second as f64 / per_second as f64),
            },
        )?;
    }
    Ok(())
}

fn fill(conn: &mut PgConnection, case: &Case, jobs: usize) -> Outcome<()> {
    empty_table(conn)?;
    conn.batch_execute(&case.fill.replace("{}", &case.rows.to_string()))?;
    // Enough for the pick-ups and for the drain after them; ready ballast runs before these.
    conn.batch_execute(&READY.replace("{}", &(jobs + PICK_UPS + 100).to_string()))?;
    conn.batch_execute("VACUUM ANALYZE mainspring.jobs, mainspring.queues")?;
    // Not ours to ask of every server; without it, writing out the ballast is part of the figure.
    conn.batch_execute("CHECKPOINT").unwrap_or_else(|error| eprintln!("no checkpoint: {error}"));
    Ok(())
}

/// How long the only slot stays empty after each of many jobs, sorted.
async fn pick_ups(url: &str) -> Outcome<Vec<Duration>> {
    let spans: Arc<Mutex<Vec<(Instant, Instant)>>> = Arc::default();
    let book = Arc::clone(&spans);
    let builder = scheduler(url).concurrency(1).handler(move |_: Noop, _: JobContext| {
        let book = Arc::clone(&book);
        async move {
            let began = Instant::now();
            tokio::time::sleep(LONG_JOB).await;
            book.lock().map_err(|_| "a job panicked")?.push((began, Instant::now()));
            Ok(())
        }
    });
    let scheduler = builder.start().await?;
    tokio::time::sleep(LONG_JOB * PICK_UPS as u32 + LONG_JOB * PICK_UPS as u32 / 10).await;
    scheduler.stop().await;
    let spans = spans.lock().map_err(|_| "a job panicked")?;
    // The first ones find cold caches and unprepared statements.
    let gaps = spans.windows(2).skip(5).map(|pair| pair[1].0 - pair[0].1);
    let mut gaps: Vec<Duration> = gaps.collect();
    gaps.sort();
    Ok(gaps)
}

/// The jobs a second of the first so many, from the call of `start`.
async fn drain(url: &str, jobs: usize) -> Outcome<u64> {
    let (builder, finished) = counting(scheduler(url), jobs);
    let began = Instant::now();
    let scheduler = builder.start().await?;
    finished.reached().await;
    let per_second = rate(jobs, began.elapsed());
    scheduler.stop().await;
    Ok(per_second)
}
