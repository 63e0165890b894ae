//! The handler of Mainspring's own task: it carries out an operation of the dashboard, batch by batch.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::context::JobContext;
use crate::error::StoreError;
use crate::job::Task;
use crate::job::operation;
use crate::job_error::{JobError, JobResult};
use crate::store::Session;
use crate::store::operations::{Rest, finish, perform_batch};

/// The jobs of a batch. Its rows are locked for some tens of milliseconds.
const BATCH: u32 = 50;
/// How long the pause after a batch is, in times of the batch itself: so an operation has a part of one connection and of the disk.
const PAUSES: f64 = 2.0;
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);

/// Which operation is to be carried out.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operate {
    operation: i64,
}

impl Task for Operate {
    const NAME: &'static str = operation::TASK;
    const QUEUE: Option<&'static str> = Some(operation::QUEUE);
}

/// Carries the operation out, from where it stands to its end, or until it is paused or stopped.
pub(crate) async fn operate(of: Operate, job: JobContext) -> JobResult {
    let id = of.operation;
    loop {
        job.checkpoint()?;
        let began = Instant::now();
        let Some(batch) = lent(&job, move |conn| perform_batch(conn, id, BATCH)).await? else {
            return Ok(());
        };
        job.progress(batch.percent, "")?;
        if batch.rest == Rest::None {
            return job.transaction(move |conn| Ok(finish(conn, id)?)).await;
        }
        // A look without a find has locked nothing.
        let pause = if batch.jobs == 0 {
            SHORTEST_PAUSE
        } else {
            began.elapsed().mul_f64(PAUSES).max(SHORTEST_PAUSE)
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            end = job.end_requested() => return Err(end),
        }
    }
}

async fn lent<T: Send + 'static>(
    job: &JobContext,
    work: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, JobError> {
    Ok(job.shared().store.run_for_handler(work).await??)
}
