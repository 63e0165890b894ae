//! Stores a batch of enqueue requests over a connection, so that each request succeeds or fails by itself.

use std::time::{Duration, Instant};

use crate::store::Session;

use crate::engine::{Enqueued, NotStored};
use crate::error::StoreError;
use crate::event::Event;
use crate::job::NewJob;
use crate::shared::Shared;
use crate::store::claim::ClaimedJob;
use crate::store::enqueue::{Added, enqueue_promptly};
use crate::store::gate::Gate;
use crate::store::settle::reclaim_lease;
use crate::store::start::{Starter, start};
use crate::telemetry::Happened;

// A refusal takes milliseconds. What fails for want of time would take as long again in parts.
const ISOLATION_TIMEOUT: Duration = Duration::from_secs(1);

/// Stores the requests. With a starter, the jobs are stored as running and handed to the workers by this thread, as after
/// a claim.
pub(super) fn store_requests(
    conn: &mut Session<'_>,
    gate: &Gate,
    shared: &Shared,
    starter: Option<Starter>,
    requests: Vec<Vec<NewJob>>,
) -> Result<Enqueued, StoreError> {
    let sizes: Vec<usize> = requests.iter().map(Vec::len).collect();
    let jobs: Vec<NewJob> = requests.into_iter().flatten().collect();
    if let Some(starter) = starter {
        let started = start_or_refuse(conn, starter, &jobs)?;
        if !started.is_empty() && !gate.pass() {
            return Err(release_late(conn, shared, starter.lease));
        }
        if !started.is_empty() {
            let ids: Vec<i64> = started.iter().map(|job| job.id).collect();
            publish_enqueued(shared, &jobs, ids.iter().copied());
            shared.offer(shared.open(started, starter.worker_id, starter.lease));
            return Ok(Enqueued::Started(split(ids, &sizes)));
        }
    }
    let deadline = Instant::now() + ISOLATION_TIMEOUT;
    let results = enqueue_or_isolate(conn, &jobs, &sizes, deadline);
    let mut rest = jobs.as_slice();
    for (size, result) in sizes.iter().zip(&results) {
        let (own, others) = rest.split_at(*size);
        rest = others;
        if let Ok(added) = result {
            publish_enqueued(shared, own, added.iter().map(|job| job.id));
        }
    }
    Ok(Enqueued::Waiting(results))
}

/// Gives back the jobs of a lease that the engine has given up: its reclaim may have come before the jobs were leased. Returns
/// the error of the work, which nobody receives.
pub(super) fn release_late(conn: &mut Session<'_>, shared: &Shared, lease: i64) -> StoreError {
    match reclaim_lease(conn, &shared.fence.ids(), lease, shared.config.history()) {
        Ok(_) => StoreError::no_row(),
        // The reconciliation that follows a lost claim finds the jobs.
        Err(error) => error,
    }
}

/// Returns `true` if the connection may be lost.
pub(super) fn leaves_doubt(enqueued: &Enqueued) -> bool {
    let is_doubtful =
        |result: &Result<_, _>| matches!(result, Err(NotStored::Refused(StoreError::Database(_))));
    matches!(enqueued, Enqueued::Waiting(results) if results.iter().any(is_doubtful))
}

// If the server refused the statement and the connection still works, nothing was started: then each job is stored the usual
// way, which reports what is wrong with which one. After a lost connection, or a reply that cannot be read, all of them may run.
fn start_or_refuse(
    conn: &mut Session<'_>,
    starter: Starter,
    jobs: &[NewJob],
) -> Result<Vec<ClaimedJob>, StoreError> {
    match start(conn, starter, jobs) {
        Err(error) if conn.outlives(&error) => Ok(Vec::new()),
        started => started,
    }
}

// Stores all requests in one statement. If the server refuses it, or another transaction holds a key, each half is tried by
// itself, so that only the bad request fails, at the price of a few more statements. A reply that cannot be read is no refusal:
// the jobs may be stored.
fn enqueue_or_isolate(
    conn: &mut Session<'_>,
    jobs: &[NewJob],
    sizes: &[usize],
    deadline: Instant,
) -> Vec<Result<Vec<Added>, NotStored>> {
    let in_time = sizes.len() > 1 && Instant::now() < deadline;
    match enqueue_promptly(conn, jobs) {
        Ok(Some(added)) => split(added, sizes).into_iter().map(Ok).collect(),
        Ok(None) if !in_time => {
            let requests = split(jobs.to_vec(), sizes).into_iter();
            requests.map(|jobs| Err(NotStored::KeyHeld(jobs))).collect()
        }
        Err(error) if !in_time || !error.is_refusal() => {
            sizes.iter().map(|_| Err(NotStored::Refused(error.clone()))).collect()
        }
        Ok(None) | Err(_) => {
            let (left, right) = sizes.split_at(sizes.len() / 2);
            let (left_jobs, right_jobs) = jobs.split_at(left.iter().sum());
            let mut results = enqueue_or_isolate(conn, left_jobs, left, deadline);
            results.extend(enqueue_or_isolate(conn, right_jobs, right, deadline));
            results
        }
    }
}

fn split<T>(values: Vec<T>, sizes: &[usize]) -> Vec<Vec<T>> {
    let mut values = values.into_iter();
    sizes.iter().map(|size| values.by_ref().take(*size).collect()).collect()
}

fn publish_enqueued(shared: &Shared, jobs: &[NewJob], ids: impl Iterator<Item = i64>) {
    for (job, id) in jobs.iter().zip(ids) {
        let place = shared.telemetry.place(job.task(), job.options().queue.as_deref());
        shared.telemetry.count(place, Happened::Enqueued);
        shared.events.publish(|| Event::JobEnqueued { id, task: job.task().to_owned() });
    }
}
