//! One attempt, from a leased job to a resolved lease: begin, run, judge, report. The one place where panics of
//! handlers are caught. Does not know where the lease came from or goes to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Addr;
use futures_util::future::{Either, select};
use log::Level;

use super::Core;
use super::job_context::JobContext;
use super::lease::{Lease, LeasedJob};
use super::panics::{CatchPanic, caught};
use super::worker::WorkerActor;
use crate::backoff;
use crate::job_error::{JobError, JobResult, Verdict};
use crate::lifecycle::Outcome;
use crate::registry::JobFuture;

/// Runs the job to its end and answers its lease with the outcome.
pub(crate) async fn execute(leased: LeasedJob, core: &Arc<Core>, worker: &Addr<WorkerActor>) -> Lease {
    let LeasedJob { mut job, lease } = leased;
    let payload = std::mem::take(&mut job.payload);
    let context = JobContext::new(job, Arc::clone(core));
    let started = Instant::now();
    log::log!(
        core.config.job_log_level,
        "job {} `{}` started, attempt {} of {}",
        context.id(),
        context.task(),
        context.attempt(),
        context.max_attempts()
    );
    let ended = match begin(&payload, &context, core, worker) {
        Ok(work) => run(work, core).await,
        Err(error) => Some(Err(error)),
    };
    let outcome = judge(ended, context.attempt());
    report(&context, &outcome, started.elapsed(), core.config.job_log_level);
    lease.resolve(outcome)
}

fn begin(
    payload: &str,
    context: &JobContext,
    core: &Core,
    worker: &Addr<WorkerActor>,
) -> Result<JobFuture, JobError> {
    let handler = core.registry.get(context.task());
    let handler = handler.ok_or_else(|| format!("no handler for task `{}`", context.task()))?;
    caught(|| handler.begin(payload, context.clone(), worker)).unwrap_or_else(|panic| Err(panic.into()))
}

// `None` when it was interrupted. A job that is done at its first poll never waits for an interruption.
async fn run(work: JobFuture, core: &Core) -> Option<JobResult> {
    let mut interruptions = core.interruptions.subscribe();
    let interrupted = std::pin::pin!(interruptions.changed());
    match select(CatchPanic(work), interrupted).await {
        Either::Left((ended, _)) => Some(ended.unwrap_or_else(|panic| Err(panic.into()))),
        Either::Right((_, unfinished)) => {
            // What the handler's values do when they are dropped is the handler's code as well.
            if let Err(panic) = caught(|| drop(unfinished)) {
                log::warn!("a handler that was interrupted {panic}");
            }
            None
        }
    }
}

fn judge(ended: Option<JobResult>, attempt: i16) -> Outcome {
    let error = match ended {
        None => return Outcome::Interrupted,
        Some(Ok(())) => return Outcome::Succeeded,
        Some(Err(JobError(error))) => error,
    };
    match error {
        Verdict::Failed(error) => {
            Outcome::Failed { error, delay: backoff::exponential(attempt, fastrand::f64()) }
        }
        Verdict::RetryIn(delay, error) => Outcome::Failed { error, delay },
        Verdict::Snooze(delay) => Outcome::Snoozed { delay },
        Verdict::Cancel(reason) => Outcome::Cancelled { reason },
        Verdict::Discard(reason) => Outcome::Discarded { reason },
    }
}

fn report(job: &JobContext, outcome: &Outcome, took: Duration, level: Level) {
    let (id, task, attempt, most) = (job.id(), job.task(), job.attempt(), job.max_attempts());
    let ms = took.as_secs_f64() * 1000.0;
    match outcome {
        Outcome::Succeeded => {
            log::log!(level, "job {id} `{task}` succeeded in {ms:.1} ms, attempt {attempt} of {most}");
        }
        Outcome::Failed { error, .. } if attempt >= most => {
            log::error!(
                "job {id} `{task}` failed in {ms:.1} ms and is dead, attempt {attempt} of {most}: {error}"
            );
        }
        Outcome::Failed { error, delay } => log::warn!(
            "job {id} `{task}` failed in {ms:.1} ms, attempt {attempt} of {most}, next in {:.1} s: {error}",
            delay.as_secs_f64()
        ),
        Outcome::Discarded { reason } => {
            log::error!(
                "job {id} `{task}` was discarded after {ms:.1} ms, attempt {attempt} of {most}: {reason}"
            );
        }
        Outcome::Cancelled { reason } => {
            log::info!("job {id} `{task}` was cancelled after {ms:.1} ms: {reason}")
        }
        Outcome::Snoozed { delay } => {
            log::info!("job {id} `{task}` snoozed after {ms:.1} ms for {:.1} s", delay.as_secs_f64());
        }
        Outcome::Interrupted => {
            log::warn!("job {id} `{task}` was interrupted after {ms:.1} ms and goes back")
        }
        Outcome::Untouched => {}
    }
}
