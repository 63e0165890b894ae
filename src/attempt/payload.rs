//! Fetches the payloads that are too large for a claim: some ahead, within a bound of bytes, and each other one when a slot
//! is free for its job. A process therefore holds a few megabytes of payloads besides those of running jobs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::store::Session;

use crate::engine::outage::{Failure, PAUSE_AFTER_ERROR};
use crate::error::StoreError;
use crate::leases::{Lease, LeasedJob};
use crate::lock::lock;
use crate::phase::Phase;
use crate::shared::Shared;
use crate::store::Durability;
use crate::store::claim::{ClaimedJob, Fetched, fetch_payload, fetch_payloads};
use crate::text::one_line;

// The payloads of 4,000 jobs of 4 KiB.
const MAX_BYTES_AHEAD: usize = 16 * 1024 * 1024;
// The first job starts after one portion. A portion is in memory twice: as the server sent it, and parsed.
const PORTION: usize = 1024 * 1024;
// Jobs that wait longer than 250 ms are released, so few are fetched ahead over a slow connection.
const LONGEST: Duration = Duration::from_millis(100);

/// Claimed jobs that are not offered yet. The one who waits for the claim takes them out if their payloads never come.
#[derive(Clone)]
pub(crate) struct Withheld(Arc<Mutex<Option<Vec<LeasedJob>>>>);

impl Withheld {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    /// Holds the jobs, unless it is closed: their leases are dropped then.
    pub(crate) fn put(&self, jobs: Vec<LeasedJob>) {
        if let Some(withheld) = &mut *lock(&self.0) {
            *withheld = jobs;
        }
    }

    /// Takes all jobs, for good.
    pub(crate) fn close(&self) -> Vec<LeasedJob> {
        lock(&self.0).take().unwrap_or_default()
    }

    /// Takes the jobs before the first that lacks its payload. Returns the ids of all that do as well.
    fn take_complete(&self) -> (Vec<LeasedJob>, Vec<i64>) {
        let mut withheld = lock(&self.0);
        let Some(jobs) = &mut *withheld else { return Default::default() };
        let lacks_payload = |leased: &LeasedJob| leased.job.payload.is_none();
        let first = jobs.iter().position(lacks_payload).unwrap_or(jobs.len());
        let rest = jobs.split_off(first);
        let lacking =
            rest.iter().filter(|leased| lacks_payload(leased)).map(|leased| leased.job.id).collect();
        (std::mem::replace(jobs, rest), lacking)
    }

    /// Enters payloads that have come. Returns how many bytes.
    fn enter(&self, fetched: Vec<(i64, Fetched)>) -> usize {
        let mut fetched: HashMap<i64, Fetched> = fetched.into_iter().collect();
        let mut bytes = 0_usize;
        let mut withheld = lock(&self.0);
        let Some(jobs) = &mut *withheld else { return bytes };
        jobs.retain_mut(|leased| match fetched.remove(&leased.job.id) {
            Some(Fetched::Payload(payload)) => {
                bytes = bytes.saturating_add(payload.len());
                leased.job.payload = Some(payload);
                true
            }
            // Another worker has the job. Its lease is dropped, and the settle reports it as lost.
            Some(Fetched::Lost) => false,
            // It counts as all that was to come, so that the next portion does not begin with it.
            Some(Fetched::Left | Fetched::Unreadable(_)) => {
                bytes = usize::MAX;
                true
            }
            None => true,
        });
        bytes
    }
}

/// Offers claimed jobs to the workers in their order, and fetches payloads that they lack, within the bound of bytes. After
/// an error, which is logged, the jobs are offered without their payloads.
pub(crate) fn fetch_and_offer(
    conn: &mut Session<'_>,
    shared: &Shared,
    jobs: &Withheld,
    lease: i64,
) -> Result<(), StoreError> {
    let deadline = Instant::now() + LONGEST;
    let mut room = None;
    let mut done = Ok(());
    loop {
        let (complete, lacking) = jobs.take_complete();
        shared.offer(complete);
        if lacking.is_empty() {
            break;
        }
        let left =
            *room.get_or_insert_with(|| MAX_BYTES_AHEAD.saturating_sub(shared.prefetch.payload_bytes()));
        if left == 0 || Instant::now() >= deadline {
            break;
        }
        match fetch_payloads(conn, &lacking, lease, left.min(PORTION)) {
            Ok(fetched) => {
                succeeded(shared);
                room = Some(left.saturating_sub(jobs.enter(fetched)));
            }
            Err(error) => {
                // A refusal concerns one of the payloads. Each job fetches its own then.
                if !error.is_refusal() {
                    failed(shared, &error);
                }
                done = Err(error);
                break;
            }
        }
    }
    shared.offer(jobs.close());
    done
}

/// What came of the payload of a job that is about to start.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Fetched(String),
    /// It cannot be fetched now: the job is released.
    Later,
    /// The server refuses to return it: the attempt fails.
    Refused(String),
    /// The server can never return it: the job is dead.
    Unreadable(String),
}

/// Returns the payload of a job that is about to start.
pub(super) async fn payload_of(job: &mut ClaimedJob, lease: &Lease, shared: &Arc<Shared>) -> Payload {
    if let Some(payload) = job.payload.take() {
        return Payload::Fetched(payload);
    }
    let attempt = (job.id, lease.settlement().lease);
    tokio::select! {
        payload = fetch(attempt, shared) => payload,
        // A cancelled job starts, as every other, and receives the signal then.
        () = shared.signals.subscribe(attempt).interrupted() => Payload::Later,
    }
}

async fn fetch((id, lease): (i64, i64), shared: &Arc<Shared>) -> Payload {
    let fetched = {
        // The semaphore is never closed.
        let Ok(_turn) = shared.payload_turn.acquire().await else { return Payload::Later };
        shared.store.run(Durability::Relaxed, move |conn| fetch_alone(conn, id, lease)).await
    };
    match fetched {
        Ok(payload) => {
            succeeded(shared);
            payload
        }
        Err(error) => {
            failed(shared, &error);
            // The released job is `ready` at once, and may be the next one that is claimed.
            let retry_at = lock(&shared.payload_outage).retry_at().unwrap_or_else(Instant::now);
            tokio::select! {
                () = actix_rt::time::sleep_until(retry_at.into()) => {}
                () = shared.phase.reached(Phase::Stopping) => {}
            }
            Payload::Later
        }
    }
}

// If the server refuses the statement and the connection still works, only this job is concerned: its memory may not have
// sufficed.
fn fetch_alone(conn: &mut Session<'_>, id: i64, lease: i64) -> Result<Payload, StoreError> {
    match fetch_payload(conn, id, lease) {
        Ok(Fetched::Payload(payload)) => Ok(Payload::Fetched(payload)),
        Ok(Fetched::Lost | Fetched::Left) => Ok(Payload::Later),
        Ok(Fetched::Unreadable(problem)) => {
            Ok(Payload::Unreadable(format!("set apart: the payload cannot be read: {problem}")))
        }
        Err(error @ StoreError::Database(_)) if conn.outlives(&error) => {
            Ok(Payload::Refused(format!("the payload cannot be fetched: {error}")))
        }
        Err(error) => Err(error),
    }
}

/// Logs the first of several failures.
pub(crate) fn failed(shared: &Shared, error: &StoreError) {
    if lock(&shared.payload_outage).failed(Instant::now(), PAUSE_AFTER_ERROR) == Failure::First {
        log::error!("cannot fetch payloads of jobs, which go back and are tried again: {}", one_line(error));
    }
}

fn succeeded(shared: &Shared) {
    if lock(&shared.payload_outage).recovered() {
        log::info!("fetching payloads of jobs again");
    }
}

#[cfg(test)]
mod tests;
