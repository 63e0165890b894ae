//! The crate graphile_worker, Graphile Worker rewritten in Rust, as the bench `load` measures Mainspring.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::RunQueryDsl;
use diesel::sql_query;
use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, Worker, WorkerContext, WorkerOptions,
    WorkerUtils,
};
use mainspring::database::connect;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use crate::Outcome;
use crate::figures::{BULK, Latency, Throughput, batches, rate};

// Not the schema of its model, so that both can be measured on one server.
const SCHEMA: &str = "graphile_worker_rs";
const WARM_UP: usize = 20;

// Its best for jobs that do nothing: the settings of its own benchmark of the local queue, but with two such queues, and with
// the poll interval left as it is; both made it faster.
fn batched(url: &str) -> WorkerOptions {
    WorkerOptions::default()
        .database_url(url)
        .schema(SCHEMA)
        .concurrency(500)
        .complete_job_batch_delay(Duration::from_millis(5))
        .local_queue(LocalQueueConfig::default().with_size(5_000).with_queue_count(2))
}

// Its best for the pick-up of one job: no queue in between, and few who race for the job.
fn prompt(url: &str) -> WorkerOptions {
    WorkerOptions::default().database_url(url).schema(SCHEMA).concurrency(2)
}

#[derive(Clone, Serialize, Deserialize)]
struct Noop {}

#[derive(Debug, Clone)]
struct Countdown(Arc<(AtomicUsize, Notify)>);

impl TaskHandler for Noop {
    const IDENTIFIER: &'static str = "noop";

    async fn run(self, ctx: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(Countdown(finished)) = ctx.get_ext::<Countdown>()
            && finished.0.fetch_sub(1, Ordering::Relaxed) == 1
        {
            finished.1.notify_one();
        }
        Ok::<(), String>(())
    }
}

/// Fills the table, then starts a worker on it: the clock runs from its start until the last row is gone.
pub(crate) async fn throughput(url: &str, jobs: usize) -> Outcome<Throughput> {
    let insert_per_second = fill(url, jobs).await?;
    let finished = Countdown(Arc::new((AtomicUsize::new(jobs), Notify::new())));
    let options = batched(url).add_extension(finished.clone()).define_job::<Noop>();
    let began = Instant::now();
    let worker = Arc::new(options.init().await?);
    let running = run(&worker);
    finished.0.1.notified().await;
    await_empty_table(url).await?;
    let per_second = rate(jobs, began.elapsed());
    worker.request_shutdown();
    running.await??;
    Ok(Throughput { jobs, insert_per_second, per_second })
}

fn run(worker: &Arc<Worker>) -> tokio::task::JoinHandle<Outcome<()>> {
    let worker = Arc::clone(worker);
    tokio::spawn(async move { Ok(worker.run().await?) })
}

async fn fill(url: &str, jobs: usize) -> Outcome<u64> {
    let utils = utils(url).await?;
    let spec = JobSpec::default();
    let began = Instant::now();
    for batch in batches(jobs, BULK) {
        let batch: Vec<_> = (0..batch).map(|_| (Noop {}, &spec)).collect();
        utils.add_jobs(&batch).await?;
    }
    Ok(rate(jobs, began.elapsed()))
}

async fn utils(url: &str) -> Outcome<WorkerUtils> {
    Ok(prompt(url).define_job::<Noop>().define_job::<Echo>().init().await?.create_utils())
}

// The handlers are done; their last outcomes are on the way, and nothing tells when they are stored.
async fn await_empty_table(url: &str) -> Outcome<()> {
    let conn = &mut connect(url)?;
    let left = format!("SELECT 1 FROM {SCHEMA}._private_jobs LIMIT 1");
    while sql_query(&left).execute(conn)? > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct Echo {}

#[derive(Debug, Clone)]
struct Starts(mpsc::UnboundedSender<Instant>);

impl TaskHandler for Echo {
    const IDENTIFIER: &'static str = "echo";

    async fn run(self, ctx: WorkerContext) -> impl IntoTaskHandlerResult {
        let started = Instant::now();
        let starts = ctx.get_ext::<Starts>().ok_or("nobody waits")?;
        starts.0.send(started).map_err(|error| error.to_string())
    }
}

/// One job after another, from just before it is added to the first line of its handler.
pub(crate) async fn latency(url: &str, jobs: usize) -> Outcome<Latency> {
    let (starts, mut receiver) = mpsc::unbounded_channel();
    let worker = Arc::new(prompt(url).add_extension(Starts(starts)).define_job::<Echo>().init().await?);
    let utils = worker.create_utils();
    let running = run(&worker);
    let mut samples = Vec::with_capacity(WARM_UP + jobs);
    for _ in 0..WARM_UP + jobs {
        let sent = Instant::now();
        utils.add_job(Echo {}, JobSpec::default()).await?;
        samples.push(receiver.recv().await.ok_or("the worker stopped")? - sent);
    }
    worker.request_shutdown();
    running.await??;
    Ok(Latency::of(samples.split_off(WARM_UP)))
}
