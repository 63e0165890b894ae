//! How fast Mainspring stores jobs in bulk, by how many a call, one call after another.

use std::time::{Duration, Instant};

use mainspring::{Enqueue, NewJob, Scheduler, Task};
use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::figures::{batches, rate};

#[derive(Serialize, Deserialize)]
struct Noop {}

impl Task for Noop {
    const NAME: &'static str = "load.noop";
}

#[derive(Serialize)]
pub(crate) struct Bulk {
    jobs: usize,
    size: usize,
    per_second: u64,
}

pub(crate) async fn bulk(url: &str, jobs: usize, size: usize) -> Outcome<Bulk> {
    let scheduler = Scheduler::builder(url).history_retention(Duration::ZERO).start().await?;
    let began = Instant::now();
    for batch in batches(jobs, size) {
        let batch = (0..batch).map(|_| NewJob::try_from(Enqueue::new(Noop {}))).collect::<Result<_, _>>()?;
        scheduler.enqueue_many(batch).await?;
    }
    let per_second = rate(jobs, began.elapsed());
    scheduler.stop().await;
    Ok(Bulk { jobs, size, per_second })
}
