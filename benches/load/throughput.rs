//! How fast jobs are stored and run: in bulk, by single messages, and drained by one process or two.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::PgConnection;
use futures_util::future::try_join_all;
use mainspring::database::connect;
use mainspring::{Enqueue, NewJob, Scheduler, SchedulerBuilder, Task};
use serde::Serialize;

use super::arguments::Arguments;
use super::figures::rate;
use super::stage::{Noop, Outcome, await_empty_table, count_jobs, counting, number, scheduler};

// Within a tenth of the best rate, and still a batch that an application would send.
const BULK: usize = 5_000;
const SENDERS: usize = 64;
const A_DAY: Duration = Duration::from_secs(86_400);

#[derive(Serialize)]
pub(crate) struct Throughput {
    jobs: usize,
    history: bool,
    processes: usize,
    insert_per_second: u64,
    per_second: u64,
}

#[derive(Serialize)]
pub(crate) struct Enqueueing {
    jobs: usize,
    senders: usize,
    per_second: u64,
}

/// Fills the table, then starts one process on it, or two: the clock runs from the first call of `start` until the last row
/// is gone.
pub(crate) async fn throughput(url: &str, jobs: usize, arguments: &Arguments) -> Outcome<Throughput> {
    let insert_per_second = fill(url, jobs).await?;
    let (builder, finished) = counting(builder(url, arguments.history), jobs);
    let mut conn = connect(url)?;
    let began = Instant::now();
    let helper = (arguments.processes == 2).then(|| start_helper(url, arguments.history)).transpose()?;
    let scheduler = builder.start().await?;
    match &helper {
        None => finished.reached().await,
        Some(_) => await_no_live_row(&mut conn).await?,
    }
    await_empty_table(&mut conn).await?;
    let per_second = rate(jobs, began.elapsed());
    if let Some(helper) = helper {
        stop_helper(helper)?;
    }
    scheduler.stop().await;
    let (history, processes) = (arguments.history, arguments.processes);
    Ok(Throughput { jobs, history, processes, insert_per_second, per_second })
}

/// What the second process does: it runs jobs until its input ends.
pub(crate) async fn help(url: &str, history: bool) -> Outcome<()> {
    let (builder, _) = counting(builder(url, history), usize::MAX);
    let scheduler = builder.start().await?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    scheduler.stop().await;
    Ok(())
}

fn builder(url: &str, history: bool) -> SchedulerBuilder {
    if history { scheduler(url).history_retention(A_DAY) } else { scheduler(url) }
}

fn start_helper(url: &str, history: bool) -> Outcome<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["helper", "--url", url]).args(history.then_some("--history"));
    Ok(command.stdin(Stdio::piped()).spawn()?)
}

fn stop_helper(mut helper: Child) -> Outcome<()> {
    // `wait` closes its input first.
    if helper.wait()?.success() { Ok(()) } else { Err("the second process failed".into()) }
}

// Counting all rows takes milliseconds of the time that is measured, so only the existence of a ready job is checked.
async fn await_no_live_row(conn: &mut PgConnection) -> Outcome<()> {
    let ready = "SELECT 1 FROM mainspring.jobs WHERE state = 'ready' AND flags IS NULL AND task = 'load.noop' LIMIT 1";
    while number(conn, ready)? > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

pub(crate) async fn fill(url: &str, jobs: usize) -> Outcome<u64> {
    let scheduler = scheduler(url).start().await?;
    let per_second = add_in_bulk(&scheduler, jobs, BULK, |_| Enqueue::new(Noop {})).await?;
    scheduler.stop().await;
    Ok(per_second)
}

/// Adds so many at a time, and returns how many a second.
pub(crate) async fn add_in_bulk(
    scheduler: &Scheduler,
    jobs: usize,
    bulk: usize,
    job: impl Fn(usize) -> Enqueue<Noop>,
) -> Outcome<u64> {
    let began = Instant::now();
    for first in (0..jobs).step_by(bulk) {
        let numbers = first..jobs.min(first + bulk);
        let batch = numbers.map(|number| NewJob::try_from(job(number))).collect::<Result<_, _>>()?;
        scheduler.enqueue_many(batch).await?;
    }
    Ok(rate(jobs, began.elapsed()))
}

/// Concurrent senders of single messages, each of which waits for its reply before it sends the next.
pub(crate) async fn enqueue(url: &str, jobs: usize) -> Outcome<Enqueueing> {
    let scheduler = scheduler(url).start().await?;
    let per_second = send_singly(&scheduler, jobs, || Noop {}).await?;
    scheduler.stop().await;
    let stored = count_jobs(&mut connect(url)?)?;
    if usize::try_from(stored) != Ok(jobs) {
        return Err(format!("{jobs} jobs were acknowledged and {stored} are stored").into());
    }
    Ok(Enqueueing { jobs, senders: SENDERS, per_second })
}

/// Sends from as many senders as there are, and returns how many a second.
pub(crate) async fn send_singly<T: Task + Send + 'static>(
    scheduler: &Scheduler,
    jobs: usize,
    task: impl Fn() -> T,
) -> Outcome<u64> {
    let queue = scheduler.queue_actor()?;
    let began = Instant::now();
    try_join_all((0..SENDERS).map(|sender| {
        let (queue, task) = (queue.clone(), &task);
        async move {
            for _ in (sender..jobs).step_by(SENDERS) {
                queue.send(Enqueue::new(task())).await??;
            }
            Outcome::Ok(())
        }
    }))
    .await?;
    Ok(rate(jobs, began.elapsed()))
}
