//! The next job of a queue starts when the one before is done, which may be before its handler returns.

use std::sync::Arc;

use mainspring::{Enqueue, JobContext, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

use crate::support::database::TestDatabase;
use crate::support::schedulers::SLOW_POLL;
use crate::support::statements::before_any_poll;
use crate::support::waiting::{reports, until};

#[derive(Debug, Serialize, Deserialize)]
struct Lingers {
    number: i32,
}

impl Task for Lingers {
    const NAME: &'static str = "lingers";
    const QUEUE: Option<&'static str> = Some("q");
}

async fn commit_and_linger(task: Lingers, job: JobContext) -> JobResult {
    job.transaction(|_| Ok(())).await?;
    let _ = job.data::<UnboundedSender<i32>>().send(task.number);
    job.data::<Arc<Semaphore>>().acquire().await?.forget();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_admits_the_next_job_of_its_queue_before_any_poll() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let (sender, mut committed) = reports::<i32>(&database.url());
        let gate = Arc::new(Semaphore::new(0));
        let builder = Scheduler::builder(database.url()).handler(commit_and_linger).poll_interval(SLOW_POLL);
        let scheduler = builder.app_data(sender).app_data(Arc::clone(&gate)).start().await.unwrap();
        for number in 1..=3 {
            scheduler.enqueue(Enqueue::new(Lingers { number })).await.unwrap();
        }
        // A job reports its commit after it, and the next one may be faster.
        let mut numbers = [committed.next().await, committed.next().await, committed.next().await];
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3]);
        gate.add_permits(3);
        until(&database, "mainspring.jobs", 0).await;
        scheduler.stop().await;
    })
    .await;
}
