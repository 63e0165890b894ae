//! One attempt, from a leased job to a resolved lease: fetch, begin, run, judge, report. The one place where panics of
//! handlers are caught. Does not know where the lease came from or goes to.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::context::JobContext;
use super::fenced::Fenced;
use super::give_back::give_back;
use super::handler::StartedAttempt;
use super::log_line::log_attempt;
use super::panics::caught;
use super::payload::{Payload, payload_of};
use super::poll::Polled;
use super::registry::TaskRegistry;
use super::report::{Reported, report_end};
use super::span::{record_end, span_of};
use super::start::start;
use crate::backoff::Backoff;
use crate::event::Event;
use crate::events::EndedAttempt;
use crate::job_error::{FailureKind, JobError, JobResult};
use crate::leases::{Lease, LeasedJob};
use crate::lifecycle::Outcome;
use crate::running::WorkerBoard;
use crate::shared::Shared;
use crate::signals::Signal;
use crate::text::{one_line, storable};

/// Runs the job to its end. Returns its lease with the outcome, or unchanged if the payload cannot be fetched.
pub(crate) async fn execute(
    leased: LeasedJob,
    shared: &Arc<Shared>,
    handlers: &TaskRegistry,
    board: &WorkerBoard,
    worker: &Rc<dyn Any>,
) -> Lease {
    let LeasedJob { mut job, lease } = leased;
    let (payload, unread) = match payload_of(&mut job, &lease, shared).await {
        Payload::Fetched(payload) => (payload, None),
        Payload::Later => return lease,
        Payload::Refused(problem) => (String::new(), Some(JobError::from(problem))),
        Payload::Unreadable(problem) => (String::new(), Some(JobError::discard(problem))),
    };
    // The fence may have shut since the claim, and the job may be another worker's by now.
    if !shared.fence.allows(lease.worker_id()) {
        return lease;
    }
    let job = JobContext::new(job, payload, &lease, Arc::clone(shared));
    let now = shared.config.clock.now() + shared.vitals.clock_difference();
    lease.count_start((now - job.run_at()).to_std().unwrap_or_default());
    let span = span_of(&job, now);
    let attempt = attempt(&job, unread, shared, handlers, board, worker);
    let (outcome, took, ended) = span.clone().around(attempt).await;
    record_end(&span, &outcome);
    let value = if outcome == Outcome::Succeeded { job.take_result() } else { None };
    lease.resolve(outcome).with_value(value).with_ended(took, ended)
}

// One attempt inside of its span.
async fn attempt(
    job: &JobContext,
    unread: Option<JobError>,
    shared: &Shared,
    handlers: &TaskRegistry,
    board: &WorkerBoard,
    worker: &Rc<dyn Any>,
) -> (Outcome, Duration, Option<EndedAttempt>) {
    let started = Instant::now();
    let _entered = board.enter(job.shown(), started);
    log_attempt!(at shared.config.job_log_level, job;
        "job {} `{}` started, attempt {} of {}",
        job.id(),
        one_line(job.task()),
        job.attempt(),
        job.max_attempts()
    );
    shared.events.publish(|| Event::JobStarted(job.facts()));
    let started_attempt = {
        let _executing = (board.execute(job.id()), job.enter());
        start(job, unread, handlers, worker)
    };
    let (ended, backoff) = match started_attempt {
        Ok(StartedAttempt { work, options }) => {
            let work = Polled::new(work, board, job);
            let work = Fenced { work, fence: &shared.fence, worker_id: job.worker_id() };
            (run(work, job, board, shared, options.timeout).await, options.backoff)
        }
        Err((error, backoff)) => (AttemptEnd::Returned(Err(error)), backoff),
    };
    let outcome = judge(ended, job, backoff).map_texts(storable);
    if job.has_steps() && !job.is_completed() {
        shared.ended_steps.note(job.id());
    }
    let took = started.elapsed();
    let reported = report_end(job, &outcome, took, shared.config.job_log_level);
    let ended = (reported == Reported::Later || shared.events.has_subscribers()).then(|| EndedAttempt {
        job: job.facts(),
        max_attempts: job.max_attempts(),
        took,
    });
    (outcome, took, ended)
}

/// How an attempt ended.
enum AttemptEnd {
    Returned(JobResult),
    Interrupted,
    TimedOut(Duration),
    /// The grace period of its cancellation was over.
    Cancelled,
}

// A job that is done at its first poll reads no signal.
async fn run(
    mut work: Fenced<'_, Polled<'_>>,
    job: &JobContext,
    board: &WorkerBoard,
    shared: &Shared,
    timeout: Option<Duration>,
) -> AttemptEnd {
    let mut receiver = shared.signals.subscribe(job.attempt_key());
    let mut limit =
        timeout.map(|timeout| (Instant::now().checked_add(timeout), AttemptEnd::TimedOut(timeout)));
    limit.iter().filter_map(|(at, _)| *at).for_each(|at| job.times_out(at));
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut work => match ended {
                Some(ended) => return AttemptEnd::Returned(ended),
                None => break AttemptEnd::Interrupted,
            },
            signal = receiver.recv() => match signal {
                Signal::Interrupt => break AttemptEnd::Interrupted,
                Signal::Cancel(_) => {
                    let grace = Instant::now() + shared.config.cancel_grace_period;
                    // An earlier time-out stays.
                    if limit.as_ref().and_then(|(at, _)| *at).is_none_or(|at| grace < at) {
                        limit = Some((Some(grace), AttemptEnd::Cancelled));
                    }
                }
            },
            () = until(limit.as_ref().and_then(|(at, _)| *at)) => {
                break limit.map_or(AttemptEnd::Interrupted, |(_, ended)| ended);
            }
        }
    };
    // Dropping the handler's values runs the handler's code.
    let _executing = (board.execute(job.id()), job.enter());
    if let Err(panic) = caught(|| drop(work)) {
        let (id, task) = (job.id(), one_line(job.task()));
        log_attempt!(Warn, job; "job {id} `{task}` {} while it was stopped", one_line(panic));
    }
    ended
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => actix_rt::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn judge(ended: AttemptEnd, job: &JobContext, backoff: Backoff) -> Outcome {
    if job.is_completed() {
        if !matches!(ended, AttemptEnd::Returned(Ok(()))) {
            let (id, task) = (job.id(), one_line(job.task()));
            log_attempt!(Warn, job;
                "job {id} `{task}` ended otherwise after the transaction that completed it: it is done"
            );
        }
        return Outcome::Completed;
    }
    let delay = || {
        let rule = |backoff: Backoff| backoff.delay(job.attempt(), fastrand::f64());
        caught(|| rule(backoff)).unwrap_or_else(|_| rule(Backoff::DEFAULT))
    };
    let error = match ended {
        AttemptEnd::Returned(Ok(())) => return Outcome::Succeeded,
        AttemptEnd::Interrupted => return Outcome::Interrupted,
        AttemptEnd::TimedOut(timeout) => FailureKind::Failed(format!("timed out after {timeout:?}")),
        AttemptEnd::Cancelled => FailureKind::Cancel(String::new()),
        AttemptEnd::Returned(Err(JobError(error))) => error,
    };
    match (job.cancellation(), error) {
        // However it ended, a cancelled job has no other attempt.
        (Some(reason), _) => Outcome::Cancelled { reason },
        (None, FailureKind::Failed(error)) => Outcome::Failed { error, delay: delay(), payload: None },
        (None, FailureKind::OutOfReach(error)) => {
            Outcome::Snoozed { delay: give_back(job, &error), payload: None }
        }
        (None, FailureKind::PartlyOutOfReach { payload, error }) => {
            Outcome::Snoozed { delay: give_back(job, &error), payload: Some(payload) }
        }
        (None, FailureKind::RetryIn(delay, error)) => Outcome::Failed { error, delay, payload: None },
        (None, FailureKind::PartlyFailed { payload, error, delay: asked }) => {
            Outcome::Failed { error, delay: asked.unwrap_or_else(delay), payload: Some(payload) }
        }
        (None, FailureKind::Snooze(delay)) => Outcome::Snoozed { delay, payload: None },
        (None, FailureKind::Cancel(reason)) => Outcome::Cancelled { reason },
        (None, FailureKind::Discard(reason)) => Outcome::Discarded { reason },
        (None, FailureKind::Hold(reason)) => Outcome::Held { reason, payload: None },
        (None, FailureKind::PartlyHeld { payload, reason }) => {
            Outcome::Held { reason, payload: Some(payload) }
        }
    }
}
