//! Leases hold in every order of faults, against real servers: no job executes beside itself, and no limit is broken. The
//! protocol is in docs/notes/leases.md.

mod helper;
mod holders;
mod identities;
mod partitions;
mod pauses;
mod replies;
mod rescues;
mod rows;
mod servers;
mod watched;

use std::time::Duration;

use mainspring::{Enqueue, Scheduler, SchedulerBuilder};

use self::watched::{Record, WatchedJob, watch};
use crate::support::schedulers::SLOW_POLL;
use crate::support::waiting::{Watched, until, until_true};

/// The shortest time-out that may be set.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// A worker whose jobs write down when they are polled.
fn worker(url: &str, record: &Record) -> SchedulerBuilder {
    let builder = Scheduler::builder(url).handler(watch).app_data(record.clone()).worker_threads(1);
    builder.heartbeat_timeout(TIMEOUT).poll_interval(SLOW_POLL).grace_period(Duration::from_secs(1))
}

/// Two jobs of a queue that runs one at a time.
async fn enqueue_two(scheduler: &Scheduler) {
    for _ in 0..2 {
        scheduler.enqueue(Enqueue::new(WatchedJob {}).queue("alone")).await.unwrap();
    }
}

/// Returns when that many executions have begun.
async fn until_runs(database: &impl Watched, record: &Record, runs: usize) {
    let what = format!("{runs} executions");
    until_true(database, &what, || record.executions().iter().filter(|run| run.polls >= 3).count() >= runs)
        .await;
}

/// Returns when both workers beat.
async fn until_both_beat(database: &impl Watched) {
    let beat = "mainspring.workers WHERE heartbeat_at > now() - timeout / 3";
    until(database, beat, 2).await;
}

/// Lets every job succeed, and stops the workers. The law holds for all that was written down.
async fn end(database: &impl Watched, record: &Record, workers: impl IntoIterator<Item = Scheduler>) {
    record.end();
    until(database, "mainspring.jobs", 0).await;
    for worker in workers {
        worker.stop().await;
    }
    record.assert_one_at_a_time();
}
