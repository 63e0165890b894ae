//! Whether a claim, and an enqueue with a key, cost the same whatever else is in the table. Each case adds its ballast to the same few jobs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::database::connect;
use mainspring::{Enqueue, JobContext, JobResult, SchedulerBuilder};
use serde::Serialize;

use super::arguments::{Arguments, Mode};
use super::ballast::{Case, add_ready, cases, forget_history};
use super::figures::{median, percentile, print_line, rounded};
use super::stage::{Noop, Outcome, counting, scheduler, timed_drain};

const PICK_UPS: usize = 100;
// Nothing is claimed ahead of jobs this long, so that each one is a claim of its own.
const LONG_JOB: Duration = Duration::from_millis(60);
const DRAINS: usize = 3;
const KEYED_ENQUEUES: usize = 200;
const A_WEEK: Duration = Duration::from_secs(7 * 86_400);

#[derive(Serialize)]
struct Flatness {
    case: &'static str,
    rows: usize,
    jobs: usize,
    /// From the end of a job in the only slot to the start of the next one: settle and claim.
    pick_up_ms: f64,
    pick_up_p90_ms: f64,
    pick_up_ratio: f64,
    /// The median of three drains.
    per_second: u64,
    /// Above one where it is slower than with an empty table.
    throughput_ratio: f64,
    /// The median time to add one job under a key that is free.
    keyed_enqueue_ms: f64,
    keyed_enqueue_ratio: f64,
    /// Of jobs that are each alone in a queue, where nothing else is ready.
    free_queues_per_second: Option<u64>,
}

struct Figures {
    /// Sorted.
    pick_ups: Vec<Duration>,
    per_second: u64,
    /// Sorted.
    keyed_enqueues: Vec<Duration>,
    free_queues_per_second: Option<u64>,
}

/// One line a case.
pub(crate) async fn flat(url: &str, jobs: usize, arguments: &Arguments) -> Outcome<()> {
    let cases = cases(arguments);
    if let Some(first) = cases.first() {
        eprintln!("{}, not measured: the server is cold", first.name);
        measure(url, first, jobs).await?;
    }
    let mut empty = None;
    for case in cases {
        eprintln!("{}: {} rows", case.name, case.rows);
        let Figures { pick_ups, per_second, keyed_enqueues, free_queues_per_second } =
            measure(url, &case, jobs).await?;
        let (pick_up_ms, keyed_enqueue_ms) = (percentile(&pick_ups, 50), percentile(&keyed_enqueues, 50));
        let (first_ms, first_per_second, first_enqueue_ms) =
            *empty.get_or_insert((pick_up_ms, per_second, keyed_enqueue_ms));
        let figures = Flatness {
            case: case.name,
            rows: case.rows,
            jobs,
            pick_up_ms,
            pick_up_p90_ms: percentile(&pick_ups, 90),
            pick_up_ratio: rounded(pick_up_ms / first_ms),
            per_second,
            throughput_ratio: rounded(first_per_second as f64 / per_second as f64),
            keyed_enqueue_ms,
            keyed_enqueue_ratio: rounded(keyed_enqueue_ms / first_enqueue_ms),
            free_queues_per_second,
        };
        print_line(Mode::Flat, figures)?;
    }
    forget_history(&mut connect(url)?)
}

async fn measure(url: &str, case: &Case, jobs: usize) -> Outcome<Figures> {
    let conn = &mut connect(url)?;
    case.fill(conn)?;
    // Enough for the pick-ups and for the drain after them; ready ballast runs before these.
    add_ready(conn, PICK_UPS + 100)?;
    settle_down(conn)?;
    let pick_ups = pick_ups(builder(url, case)).await?;
    let mut rates = Vec::with_capacity(DRAINS);
    for _ in 0..DRAINS {
        add_ready(conn, jobs)?;
        settle_down(conn)?;
        rates.push(drain(builder(url, case), jobs).await?);
    }
    let keyed_enqueues = keyed_enqueues(url).await?;
    let mut free_queues_per_second = None;
    if case.free_queues > 0 {
        case.fill(conn)?;
        settle_down(conn)?;
        free_queues_per_second = Some(drain(builder(url, case), case.free_queues).await?);
    }
    Ok(Figures { pick_ups, per_second: median(rates), keyed_enqueues, free_queues_per_second })
}

fn builder(url: &str, case: &Case) -> SchedulerBuilder {
    if case.history { scheduler(url).history_retention(A_WEEK) } else { scheduler(url) }
}

pub(crate) fn settle_down(conn: &mut PgConnection) -> Outcome<()> {
    conn.batch_execute("VACUUM ANALYZE mainspring.jobs, mainspring.queues")?;
    // Not every server permits it; without it, writing out the ballast is part of the figure.
    conn.batch_execute("CHECKPOINT").unwrap_or_else(|error| eprintln!("no checkpoint: {error}"));
    Ok(())
}

/// How long the only slot stays empty after each of many jobs, sorted.
async fn pick_ups(builder: SchedulerBuilder) -> Outcome<Vec<Duration>> {
    let spans: Arc<Mutex<Vec<(Instant, Instant)>>> = Arc::default();
    let book = Arc::clone(&spans);
    let builder = builder.concurrency(1).handler(move |_: Noop, _: JobContext| {
        let book = Arc::clone(&book);
        async move {
            let began = Instant::now();
            tokio::time::sleep(LONG_JOB).await;
            book.lock().map_err(|_| "a job panicked")?.push((began, Instant::now()));
            JobResult::Ok(())
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

/// What single jobs with keys of their own take to add, one after the other, sorted.
async fn keyed_enqueues(url: &str) -> Outcome<Vec<Duration>> {
    let scheduler = scheduler(url).start().await?;
    let mut times = Vec::with_capacity(KEYED_ENQUEUES);
    for number in 0..KEYED_ENQUEUES {
        let began = Instant::now();
        scheduler.enqueue(Enqueue::new(Noop {}).key(format!("load key {number}"))).await?;
        times.push(began.elapsed());
    }
    scheduler.stop().await;
    // The first ones find unprepared statements.
    times.drain(..5);
    times.sort();
    Ok(times)
}

/// The jobs a second of the first so many, from the call of `start`.
async fn drain(builder: SchedulerBuilder, jobs: usize) -> Outcome<u64> {
    let (builder, finished) = counting(builder, jobs);
    timed_drain(builder, &finished, jobs).await
}
