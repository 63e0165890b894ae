//! How much load the scheduler bears, as one JSON object a line on standard output; all else goes to standard error.
//! Knows nothing of the scheduler but what an application does. Every run empties `mainspring.jobs` first, and refuses
//! where jobs of anyone else wait.
//!
//! `cargo bench --bench load -- throughput|latency|latency-remote|enqueue|all [--jobs N] [--url URL]`

mod arguments;
mod figures;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use futures_util::future::try_join_all;
use mainspring::embedded::{EmbeddedOptions, database_url};
use mainspring::{Enqueue, JobContext, NewJob, Scheduler, SchedulerBuilder, Task, connect};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use self::arguments::{Arguments, Mode, USAGE};
use self::figures::{Enqueueing, Latency, Throughput, print_line, rate};

// Within a tenth of the best rate, and still a batch that an application would send.
const BULK: usize = 5_000;
const SENDERS: usize = 64;
// Connections, statements and caches are warm after the first few.
const WARM_UP: usize = 20;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}; {USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome<()> {
    // One thread sends and waits, as one of an application's does; the scheduler has threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Some(url) = &arguments.url {
        eprintln!("running on the server that --url names");
        return runtime.block_on(run_modes(arguments, url));
    }
    let options =
        EmbeddedOptions::temporary().setting("shared_buffers", "256MB").setting("max_wal_size", "2GB");
    let database = database_url(options)?;
    eprintln!("running on {}", database.engine());
    runtime.block_on(run_modes(arguments, database.url()))
}

async fn run_modes(arguments: &Arguments, url: &str) -> Outcome<()> {
    eprintln!("with {}", durability(&mut connect(url)?)?);
    for &mode in &arguments.modes {
        let jobs = arguments.jobs.unwrap_or(mode.default_jobs());
        eprintln!("{}: {jobs} jobs", mode.name());
        empty_table(&mut connect(url)?)?;
        match mode {
            Mode::Throughput => print_line(mode, jobs, throughput(url, jobs).await?)?,
            Mode::Latency => print_line(mode, jobs, latency(url, jobs).await?)?,
            Mode::LatencyRemote => print_line(mode, jobs, latency_remote(url, jobs).await?)?,
            Mode::Enqueue => print_line(mode, jobs, enqueue(url, jobs).await?)?,
        }
    }
    Ok(())
}

/// Fills the table, then starts one process on it: the clock runs from the call of `start` until the last row is gone.
async fn throughput(url: &str, jobs: usize) -> Outcome<Throughput> {
    let insert_per_second = fill(url, jobs).await?;
    let finished = Arc::new(Countdown::new(jobs));
    let counter = Arc::clone(&finished);
    let builder = scheduler(url).handler(move |_: Noop, _: JobContext| {
        counter.one_less();
        std::future::ready(Ok(()))
    });
    let mut conn = connect(url)?;
    let began = Instant::now();
    let scheduler = builder.start().await?;
    finished.reached.notified().await;
    await_empty_table(&mut conn).await?;
    let per_second = rate(jobs, began.elapsed());
    scheduler.stop().await;
    Ok(Throughput { insert_per_second, per_second })
}

async fn fill(url: &str, jobs: usize) -> Outcome<u64> {
    let scheduler = scheduler(url).start().await?;
    let began = Instant::now();
    let mut left = jobs;
    while left > 0 {
        let size = left.min(BULK);
        let batch = (0..size).map(|_| NewJob::try_from(Enqueue::new(Noop {}))).collect::<Result<_, _>>()?;
        scheduler.enqueue_many(batch).await?;
        left -= size;
    }
    let took = began.elapsed();
    scheduler.stop().await;
    Ok(rate(jobs, took))
}

/// One job after another, from just before it is enqueued in this process to the first line of its handler.
async fn latency(url: &str, jobs: usize) -> Outcome<Latency> {
    let (scheduler, mut starts) = start_echo(url).await?;
    let mut samples = Vec::with_capacity(WARM_UP + jobs);
    for _ in 0..WARM_UP + jobs {
        let sent = Instant::now();
        scheduler.enqueue(Enqueue::new(Echo {})).await?;
        samples.push(starts.recv().await.ok_or("the scheduler stopped")? - sent);
    }
    scheduler.stop().await;
    Ok(Latency::of(samples.split_off(WARM_UP)))
}

/// As [`latency`], but enqueued by SQL on a connection the scheduler knows nothing of, so that it learns by notification.
async fn latency_remote(url: &str, jobs: usize) -> Outcome<Latency> {
    let (scheduler, mut starts) = start_echo(url).await?;
    let mut conn = connect(url)?;
    let sampling = tokio::task::spawn_blocking(move || -> Outcome<Vec<Duration>> {
        let mut samples = Vec::with_capacity(WARM_UP + jobs);
        for _ in 0..WARM_UP + jobs {
            let sent = Instant::now();
            sql_query("SELECT mainspring.add_job($1)").bind::<Text, _>(Echo::NAME).execute(&mut conn)?;
            samples.push(starts.blocking_recv().ok_or("the scheduler stopped")? - sent);
        }
        Ok(samples.split_off(WARM_UP))
    });
    let samples = sampling.await??;
    scheduler.stop().await;
    Ok(Latency::of(samples))
}

/// Concurrent senders of single messages, each of which waits for its answer before it sends the next.
async fn enqueue(url: &str, jobs: usize) -> Outcome<Enqueueing> {
    let scheduler = scheduler(url).start().await?;
    let queue = scheduler.queue()?;
    let began = Instant::now();
    try_join_all((0..SENDERS).map(|sender| {
        let queue = queue.clone();
        async move {
            for _ in (sender..jobs).step_by(SENDERS) {
                queue.send(Enqueue::new(Noop {})).await??;
            }
            Outcome::Ok(())
        }
    }))
    .await?;
    let per_second = rate(jobs, began.elapsed());
    scheduler.stop().await;
    let stored = count_jobs(&mut connect(url)?)?;
    if usize::try_from(stored) != Ok(jobs) {
        return Err(format!("{jobs} jobs were acknowledged and {stored} are stored").into());
    }
    Ok(Enqueueing { senders: SENDERS, per_second })
}

#[derive(Serialize, Deserialize)]
struct Noop {}

impl Task for Noop {
    const NAME: &'static str = "load.noop";
}

#[derive(Serialize, Deserialize)]
struct Echo {}

impl Task for Echo {
    const NAME: &'static str = "load.echo";
}

fn scheduler(url: &str) -> SchedulerBuilder {
    Scheduler::builder(url).history_retention(Duration::ZERO)
}

/// A scheduler whose handler tells when it started.
async fn start_echo(url: &str) -> Outcome<(Scheduler, mpsc::UnboundedReceiver<Instant>)> {
    let (starts, receiver) = mpsc::unbounded_channel();
    let builder = scheduler(url).handler(move |_: Echo, _: JobContext| {
        let told = starts.send(Instant::now()).map_err(Into::into);
        std::future::ready(told)
    });
    Ok((builder.start().await?, receiver))
}

/// Tells when something has happened so many times.
struct Countdown {
    left: AtomicUsize,
    reached: Notify,
}

impl Countdown {
    fn new(count: usize) -> Self {
        Self { left: AtomicUsize::new(count), reached: Notify::new() }
    }

    fn one_less(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            // Kept for a waiter that comes later.
            self.reached.notify_one();
        }
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Settings {
    #[diesel(sql_type = Text)]
    text: String,
}

fn count_jobs(conn: &mut PgConnection) -> Outcome<i64> {
    Ok(sql_query("SELECT count(*) AS count FROM mainspring.jobs").get_result::<Count>(conn)?.count)
}

// A figure without it says nothing.
fn durability(conn: &mut PgConnection) -> Outcome<String> {
    let settings = "SELECT format('fsync %s, synchronous_commit %s', \
                    current_setting('fsync'), current_setting('synchronous_commit')) AS text";
    Ok(sql_query(settings).get_result::<Settings>(conn)?.text)
}

// The handlers are done; their last outcomes are on the way, and no message tells when they are stored.
async fn await_empty_table(conn: &mut PgConnection) -> Outcome<()> {
    while count_jobs(conn)? > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

fn empty_table(conn: &mut PgConnection) -> Outcome<()> {
    mainspring::migrate(conn)?;
    let strangers = "SELECT count(*) AS count FROM mainspring.jobs WHERE task NOT LIKE 'load.%'";
    let strangers = sql_query(strangers).get_result::<Count>(conn)?.count;
    if strangers > 0 {
        return Err(format!(
            "mainspring.jobs holds {strangers} jobs of an application: name another database"
        )
        .into());
    }
    sql_query("TRUNCATE mainspring.jobs").execute(conn)?;
    Ok(())
}
