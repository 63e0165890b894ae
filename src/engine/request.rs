//! Requests to enqueue, in each stage of their way: waiting, sent, or held back for a key. Plain values.

use std::time::{Duration, Instant};

use super::backlog::Asked;
use crate::error::StoreError;
use crate::job::NewJob;

// A multi-row insert is at its best from a few hundred rows on. More of them only make the first sender wait.
const MAX_ROWS: usize = 2_000;
// Of a bulk that waits, so many keys are named in its error.
const MAX_NAMED_KEYS: usize = 5;

/// Jobs to add, all or none, and where their ids go.
#[derive(Debug)]
pub(super) struct Request<R> {
    pub(super) jobs: Vec<NewJob>,
    pub(super) reply: R,
    pub(super) asked: Asked,
}

/// A request that waits for another transaction to let go of a key.
#[derive(Debug)]
pub(super) struct HeldRequest<R> {
    pub(super) request: Request<R>,
    pub(super) retry_at: Instant,
}

impl<R> Request<R> {
    pub(super) fn has_keys(&self) -> bool {
        self.jobs.iter().any(|job| job.options.key.is_some())
    }
}

/// A request that a statement stores. Its reply is gone where its caller was told that the time is over.
#[derive(Debug)]
pub(super) struct Pending<R> {
    pub(super) reply: Option<R>,
    pub(super) asked: Asked,
}

/// The error of a request whose key was held for too long.
pub(super) fn key_held(jobs: &[NewJob], waited: Duration) -> StoreError {
    let mut keys: Vec<&str> = jobs.iter().filter_map(|job| job.options.key.as_deref()).collect();
    keys.truncate(MAX_NAMED_KEYS);
    StoreError::KeyHeld { keys: keys.join(", "), waited }
}

/// Takes whole requests, at least one, up to what one statement stores.
pub(super) fn take_batch<R>(waiting: &mut Vec<Request<R>>) -> Vec<Request<R>> {
    let mut rows = 0;
    let fits = waiting.iter().take_while(|request| {
        rows += request.jobs.len();
        rows <= MAX_ROWS
    });
    let count = fits.count().max(1);
    waiting.drain(..count.min(waiting.len())).collect()
}
