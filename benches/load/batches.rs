//! How the rates depend on how much is done at once: jobs that are added by the jobs of a call, and jobs that run by the
//! concurrency.

use mainspring::Enqueue;
use mainspring::database::connect;
use serde::Serialize;

use super::arguments::Mode;
use super::figures::{median, print_line};
use super::stage::{Noop, Outcome, counting, empty_table, scheduler, timed_drain};
use super::throughput::add_in_bulk;

const BULKS: [usize; 6] = [1, 10, 100, 1_000, 5_000, 20_000];
const CONCURRENCIES: [usize; 6] = [1, 2, 5, 10, 50, 200];
const ROUNDS: usize = 3;
// So that calls with few jobs end in seconds.
const MOST_CALLS: usize = 2_000;
const FILL: usize = 5_000;

#[derive(Serialize)]
struct Batch {
    /// `enqueue`, `enqueue with keys` or `drain`.
    what: &'static str,
    /// Jobs a call, or the concurrency.
    size: usize,
    jobs: usize,
    /// The median of three rounds.
    per_second: u64,
}

/// One line a size.
pub(crate) async fn batches(url: &str, jobs: usize) -> Outcome<()> {
    // The server is cold.
    add(url, jobs.min(MOST_CALLS), 1, without_key).await?;
    adding(url, jobs, "enqueue", without_key).await?;
    adding(url, jobs, "enqueue with keys", with_key).await?;
    for size in CONCURRENCIES {
        let mut rates = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            add(url, jobs, FILL, without_key).await?;
            rates.push(drain(url, jobs, size).await?);
        }
        print_line(Mode::Batches, Batch { what: "drain", size, jobs, per_second: median(rates) })?;
    }
    Ok(())
}

type Job = fn(usize) -> Enqueue<Noop>;

fn without_key(_: usize) -> Enqueue<Noop> {
    Enqueue::new(Noop {})
}

// Each of its own.
fn with_key(number: usize) -> Enqueue<Noop> {
    Enqueue::new(Noop {}).key(format!("load key {number}"))
}

async fn adding(url: &str, jobs: usize, what: &'static str, job: Job) -> Outcome<()> {
    for size in BULKS {
        let jobs = jobs.min(size * MOST_CALLS);
        let mut rates = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            rates.push(add(url, jobs, size, job).await?);
        }
        print_line(Mode::Batches, Batch { what, size, jobs, per_second: median(rates) })?;
    }
    Ok(())
}

async fn add(url: &str, jobs: usize, bulk: usize, job: Job) -> Outcome<u64> {
    empty_table(&mut connect(url)?)?;
    let scheduler = scheduler(url).start().await?;
    let per_second = add_in_bulk(&scheduler, jobs, bulk, job).await?;
    scheduler.stop().await;
    Ok(per_second)
}

/// From the call of `start` to the last job's end.
async fn drain(url: &str, jobs: usize, concurrency: usize) -> Outcome<u64> {
    let (builder, finished) = counting(scheduler(url).concurrency(concurrency), jobs);
    timed_drain(builder, &finished, jobs).await
}
