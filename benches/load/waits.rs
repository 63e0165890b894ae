//! What it costs that jobs wait for jobs: one job behind very many, beside the same jobs alone, and each job of a chain behind the one
//! before it, beside jobs that are enqueued one by one.

use std::sync::Arc;
use std::time::Instant;

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::database::connect;
use mainspring::{Enqueue, JobContext, Task, Workflow};
use serde::{Deserialize, Serialize};

use super::arguments::Mode;
use super::figures::{Latency, median, print_line, rounded};
use super::flat::settle_down;
use super::latency::{Echo, WARM_UP, latency, start_echo};
use super::stage::{Countdown, Outcome, await_empty_table, counting, empty_table, scheduler};
use super::throughput::fill;
use super::watch::take_snapshot;

const ROUNDS: usize = 3;
/// The jobs of a chain, and those that are enqueued one by one.
const LINKS: usize = 1_000;

/// The job that waits for all others.
#[derive(Serialize, Deserialize)]
struct Last {}

impl Task for Last {
    const NAME: &'static str = "load.last";
}

#[derive(QueryableByName)]
struct Parent {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(Serialize)]
struct FanIn {
    what: &'static str,
    jobs: usize,
    /// Whether a session holds an old snapshot, so that nothing dead is cleared away.
    pinned: bool,
    /// From the call of `start` until the last row of the jobs is gone; the median of three rounds, as the next.
    alone_ms: u64,
    /// From the call of `start` until the job that waits for all of them starts.
    fan_in_ms: u64,
    ratio: f64,
}

#[derive(Serialize)]
struct Chain {
    what: &'static str,
    /// From just before a job is enqueued to the first line of its handler.
    pick_up: Latency,
    /// From the first line of a handler that does nothing to the first line of the next job's.
    chain: Latency,
    /// Of the two p50.
    ratio: f64,
}

pub(crate) async fn waits(url: &str, jobs: usize) -> Outcome<()> {
    for pinned in [false, true] {
        let (mut alone, mut fan_in) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            alone.push(drained(url, jobs, pinned).await?);
            fan_in.push(fanned_in(url, jobs, pinned).await?);
        }
        let (alone_ms, fan_in_ms) = (median(alone), median(fan_in));
        let ratio = rounded(fan_in_ms as f64 / alone_ms as f64);
        print_line(Mode::Waits, FanIn { what: "fan-in", jobs, pinned, alone_ms, fan_in_ms, ratio })?;
    }
    let mut conn = connect(url)?;
    empty_table(&mut conn)?;
    // Else the links of the chain stand beside what is left of the fan-ins.
    settle_down(&mut conn)?;
    let (pick_up, chain) = (latency(url, LINKS).await?, chain(url).await?);
    let ratio = rounded(chain.p50_ms() / pick_up.p50_ms());
    Ok(print_line(Mode::Waits, Chain { what: "chain", pick_up, chain, ratio })?)
}

async fn drained(url: &str, jobs: usize, pinned: bool) -> Outcome<u64> {
    let mut conn = connect(url)?;
    empty_table(&mut conn)?;
    fill(url, jobs).await?;
    settle_down(&mut conn)?;
    let _held = pinned.then(|| take_snapshot(url)).transpose()?;
    let (builder, finished) = counting(scheduler(url), jobs);
    let began = Instant::now();
    let scheduler = builder.start().await?;
    finished.reached().await;
    await_empty_table(&mut conn).await?;
    let took = whole_milliseconds(began);
    scheduler.stop().await;
    Ok(took)
}

async fn fanned_in(url: &str, jobs: usize, pinned: bool) -> Outcome<u64> {
    let mut conn = connect(url)?;
    empty_table(&mut conn)?;
    fill(url, jobs).await?;
    let parents = sql_query("SELECT id FROM mainspring.jobs").load::<Parent>(&mut conn)?;
    Enqueue::new(Last {}).after_all(parents.into_iter().map(|parent| parent.id)).insert(&mut conn)?;
    settle_down(&mut conn)?;
    let _held = pinned.then(|| take_snapshot(url)).transpose()?;
    let (builder, _) = counting(scheduler(url), jobs);
    let started = Arc::new(Countdown::new(1));
    let last = Arc::clone(&started);
    let builder = builder.handler(move |_: Last, _: JobContext| {
        last.one_less();
        std::future::ready(())
    });
    let began = Instant::now();
    let scheduler = builder.start().await?;
    started.reached().await;
    let took = whole_milliseconds(began);
    scheduler.stop().await;
    Ok(took)
}

/// Each job of a chain starts when the one before it has ended, which it does at once.
async fn chain(url: &str) -> Outcome<Latency> {
    let (scheduler, mut starts) = start_echo(url).await?;
    let mut links = Workflow::new("load chain");
    for link in 0..WARM_UP + LINKS {
        links = links.job(link.to_string(), Enqueue::new(Echo {}));
        if link > 0 {
            links = links.after(link.to_string(), (link - 1).to_string());
        }
    }
    scheduler.workflows().start(links).await?;
    let mut times = Vec::with_capacity(WARM_UP + LINKS);
    for _ in 0..WARM_UP + LINKS {
        times.push(starts.recv().await.ok_or("the scheduler stopped")?);
    }
    scheduler.stop().await;
    Ok(Latency::of(times.windows(2).skip(WARM_UP).map(|pair| pair[1] - pair[0]).collect()))
}

fn whole_milliseconds(began: Instant) -> u64 {
    began.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
}
