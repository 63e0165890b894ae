//! Plans enqueues: while one statement runs, whatever arrives joins the next one. An idle process stores one request
//! in one round trip; a thousand at once take a few statements. Jobs for which slots are free here are started by the
//! statement that stores them. Jobs with keys may have to wait for another transaction that holds the key: then
//! requests without keys go on beside them.

use std::time::{Duration, Instant};

use super::facts::Now;
use crate::error::StoreError;
use crate::job::NewJob;

// A multi-row insert is at its best from a few hundred rows on. More of them only make the first sender wait.
const MAX_ROWS: usize = 2_000;
// A statement that has taken so long waits for a lock.
const SLOW_ENQUEUE: Duration = Duration::from_millis(100);
// How long a request waits before it is tried again because of its key, at least and at most. A try may take 100 ms.
const MIN_KEY_PAUSE: Duration = Duration::from_millis(200);
const MAX_KEY_PAUSE: Duration = Duration::from_secs(2);
// Of a bulk that waits, so many keys are named in its error.
const MAX_NAMED_KEYS: usize = 5;
// Enqueues share two of these with the requests of handles.
const MIN_CONNECTIONS_FOR_TWO_ENQUEUES: u32 = 4;

/// Decides which requests are stored together, and when.
#[derive(Debug)]
pub(super) struct EnqueuePlanner<R> {
    waiting: Vec<Request<R>>,
    /// Requests of which another transaction holds a key.
    held: Vec<HeldRequest<R>>,
    /// When one of them may be tried again: each try takes the time of other requests.
    next_try: Option<Instant>,
    first: Option<Running>,
    beside: Option<Running>,
}

/// Jobs to add, all or none, and where their ids go.
#[derive(Debug)]
struct Request<R> {
    jobs: Vec<NewJob>,
    reply: R,
    /// When it was first tried; `None` before that.
    asked_at: Option<Instant>,
}

/// A request that waits for another transaction to let go of a key.
#[derive(Debug)]
struct HeldRequest<R> {
    jobs: Vec<NewJob>,
    reply: R,
    asked_at: Instant,
    retry_at: Instant,
}

impl<R> Request<R> {
    fn has_keys(&self) -> bool {
        self.jobs.iter().any(|job| job.options.key.is_some())
    }
}

#[derive(Debug)]
struct Running {
    began: Instant,
    keys: Keys,
    /// When each of its requests was first tried.
    asked_at: Vec<Instant>,
    /// How many jobs it will start in this process.
    starting: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    None,
    Some,
}

/// Which of the two statements that may run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EnqueueSlot {
    First,
    /// Beside a statement that waits for a key.
    Beside,
}

/// An enqueue to perform.
#[derive(Debug)]
pub(crate) struct EnqueuePlan<R> {
    pub(crate) slot: EnqueueSlot,
    /// The jobs of each request.
    pub(crate) requests: Vec<Vec<NewJob>>,
    /// Where the ids of each request go.
    pub(crate) replies: Vec<R>,
    /// With `Some`, the jobs are stored as running under this lease.
    pub(crate) start_as: Option<i64>,
}

impl<R> EnqueuePlan<R> {
    pub(super) fn jobs(&self) -> usize {
        self.requests.iter().map(Vec::len).sum()
    }
}

impl<R> EnqueuePlanner<R> {
    pub(super) fn new() -> Self {
        Self { waiting: Vec::new(), held: Vec::new(), next_try: None, first: None, beside: None }
    }

    pub(super) fn push(&mut self, jobs: Vec<NewJob>, reply: R) {
        self.waiting.push(Request { jobs, reply, asked_at: None });
    }

    /// Plans the next statement. Its jobs wait to be claimed, unless [`Self::start`] is called.
    pub(super) fn next(&mut self, now: Now, connections: u32) -> Option<EnqueuePlan<R>> {
        let Some(first) = &self.first else {
            let batch = match self.take_held(now.instant) {
                Some(held) => vec![held],
                None => take_batch(&mut self.waiting),
            };
            return self.plan(batch, EnqueueSlot::First, now);
        };
        let waits_for_key = first.keys == Keys::Some && now.instant >= first.began + SLOW_ENQUEUE;
        if self.beside.is_some() || !waits_for_key || connections < MIN_CONNECTIONS_FOR_TWO_ENQUEUES {
            return None;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let (with_keys, mut without): (Vec<_>, Vec<_>) = waiting.into_iter().partition(Request::has_keys);
        let batch = take_batch(&mut without);
        self.waiting = with_keys;
        self.waiting.append(&mut without);
        self.plan(batch, EnqueueSlot::Beside, now)
    }

    fn plan(&mut self, batch: Vec<Request<R>>, slot: EnqueueSlot, now: Now) -> Option<EnqueuePlan<R>> {
        if batch.is_empty() {
            return None;
        }
        let keys = if batch.iter().any(Request::has_keys) { Keys::Some } else { Keys::None };
        let asked_at = batch.iter().map(|request| request.asked_at.unwrap_or(now.instant)).collect();
        *self.slot(slot) = Some(Running { began: now.instant, keys, asked_at, starting: 0 });
        let (requests, replies) = batch.into_iter().map(|request| (request.jobs, request.reply)).unzip();
        Some(EnqueuePlan { slot, requests, replies, start_as: None })
    }

    /// Has the statement start its jobs in this process.
    pub(super) fn start(&mut self, plan: &mut EnqueuePlan<R>, lease: i64) {
        let starting = plan.jobs();
        plan.start_as = Some(lease);
        if let Some(running) = self.slot(plan.slot) {
            running.starting = starting;
        }
    }

    /// Returns when each request of the statement was first tried.
    pub(super) fn finished(&mut self, slot: EnqueueSlot) -> Vec<Instant> {
        self.slot(slot).take().map(|running| running.asked_at).unwrap_or_default()
    }

    /// Keeps a request of which another transaction holds a key, and tries it again by itself, ever more rarely.
    pub(super) fn hold(&mut self, jobs: Vec<NewJob>, reply: R, asked_at: Instant, now: Instant) {
        let pause = (now.duration_since(asked_at) / 4).clamp(MIN_KEY_PAUSE, MAX_KEY_PAUSE);
        self.held.push(HeldRequest { jobs, reply, asked_at, retry_at: now + pause });
        self.next_try = Some(now + MIN_KEY_PAUSE);
    }

    fn take_held(&mut self, now: Instant) -> Option<Request<R>> {
        let is_due = |held: &HeldRequest<R>| held.retry_at <= now;
        let next = self.held.iter().position(is_due).filter(|_| self.next_try.is_none_or(|at| at <= now))?;
        let HeldRequest { jobs, reply, asked_at, .. } = self.held.remove(next);
        Some(Request { jobs, reply, asked_at: Some(asked_at) })
    }

    /// Takes the held requests that were first tried so long ago, with the error of each.
    pub(super) fn give_up(&mut self, timeout: Duration, now: Instant) -> Vec<(R, StoreError)> {
        let is_over = |held: &mut HeldRequest<R>| now.duration_since(held.asked_at) >= timeout;
        let over = self.held.extract_if(.., is_over);
        over.map(|held| (held.reply, key_held(&held.jobs, now.duration_since(held.asked_at)))).collect()
    }

    fn slot(&mut self, slot: EnqueueSlot) -> &mut Option<Running> {
        match slot {
            EnqueueSlot::First => &mut self.first,
            EnqueueSlot::Beside => &mut self.beside,
        }
    }

    /// How many jobs the running statements will start in this process.
    pub(super) fn starting(&self) -> usize {
        self.first.iter().chain(&self.beside).map(|running| running.starting).sum()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.first.is_none() && self.beside.is_none() && self.waiting.is_empty()
    }

    /// When a statement with keys counts as slow, so that another one may go on beside it, or a held request is tried again.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let slow = self
            .first
            .as_ref()
            .filter(|first| first.keys == Keys::Some)
            .map(|first| first.began + SLOW_ENQUEUE);
        let held = self
            .held
            .iter()
            .map(|held| held.retry_at)
            .min()
            .max(self.next_try.filter(|_| !self.held.is_empty()));
        slow.into_iter().chain(held).min()
    }
}

fn key_held(jobs: &[NewJob], waited: Duration) -> StoreError {
    let mut keys: Vec<&str> = jobs.iter().filter_map(|job| job.options.key.as_deref()).collect();
    keys.truncate(MAX_NAMED_KEYS);
    StoreError::KeyHeld { keys: keys.join(", "), waited }
}

// Whole requests, at least one, up to the bound.
fn take_batch<R>(waiting: &mut Vec<Request<R>>) -> Vec<Request<R>> {
    let mut rows = 0;
    let fits = waiting.iter().take_while(|request| {
        rows += request.jobs.len();
        rows <= MAX_ROWS
    });
    let count = fits.count().max(1);
    waiting.drain(..count.min(waiting.len())).collect()
}
