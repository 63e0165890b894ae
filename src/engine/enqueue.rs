//! Plans enqueues: while one statement runs, whatever arrives joins the next one. An idle process stores one request
//! in one round trip; a thousand at once take a few statements. Jobs for which slots are free here are started by the
//! statement that stores them. Jobs with keys may have to wait for another transaction that holds the key: then
//! requests without keys go on beside them.

use std::time::{Duration, Instant};

use super::backlog::{Asked, EnqueueBounds, Load};
use super::facts::Now;
use super::request::{HeldRequest, Pending, Request, key_held, take_batch};
use crate::error::{StoreError, Stored};
use crate::job::NewJob;

// A statement that has taken so long waits for a lock.
const SLOW_ENQUEUE: Duration = Duration::from_millis(100);
// How long a request waits before it is tried again because of its key, at least and at most. A try may take 100 ms.
const MIN_KEY_PAUSE: Duration = Duration::from_millis(200);
const MAX_KEY_PAUSE: Duration = Duration::from_secs(2);
// Callers that were told of their jobs in one moment often send the next ones in one moment too. The next statement waits for as
// many of them, so that the first to come back does not get a statement alone that keeps all others waiting.
const FEWEST_RETURNING: usize = 8;
const RETURN_PAUSE: Duration = Duration::from_micros(500);
// Enqueues share two of these with the requests of handles.
const MIN_CONNECTIONS_FOR_TWO_ENQUEUES: u32 = 4;

/// Decides which requests are stored together, and when.
#[derive(Debug)]
pub(super) struct EnqueuePlanner<R> {
    bounds: EnqueueBounds,
    waiting: Vec<Request<R>>,
    /// Requests of which another transaction holds a key.
    held: Vec<HeldRequest<R>>,
    /// When one of them may be tried again: each try takes the time of other requests.
    next_try: Option<Instant>,
    first: Option<Running<R>>,
    beside: Option<Running<R>>,
    /// All jobs that are not known to be stored or refused.
    load: Load,
    /// No request is overdue before this.
    next_deadline: Option<Instant>,
    returning: Option<Returning>,
}

/// The callers of the last statement, and until when the next one waits for them.
#[derive(Debug, Clone, Copy)]
struct Returning {
    callers: usize,
    until: Instant,
}

#[derive(Debug)]
struct Running<R> {
    began: Instant,
    keys: Keys,
    requests: Vec<Pending<R>>,
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
pub(crate) struct EnqueuePlan {
    pub(crate) slot: EnqueueSlot,
    /// The jobs of each request.
    pub(crate) requests: Vec<Vec<NewJob>>,
    /// With `Some`, the jobs are stored as running under this lease.
    pub(crate) start_as: Option<i64>,
    /// How long the statement may take.
    pub(crate) timeout: Duration,
}

impl EnqueuePlan {
    pub(super) fn jobs(&self) -> usize {
        self.requests.iter().map(Vec::len).sum()
    }
}

impl<R> EnqueuePlanner<R> {
    pub(super) fn new(bounds: EnqueueBounds) -> Self {
        Self {
            bounds,
            waiting: Vec::new(),
            held: Vec::new(),
            next_try: None,
            first: None,
            beside: None,
            load: Load::default(),
            next_deadline: None,
            returning: None,
        }
    }

    /// Accepts a request, unless too much waits already.
    pub(super) fn push(&mut self, jobs: Vec<NewJob>, reply: R, now: Instant) -> Result<(), (R, StoreError)> {
        let load = Load::of(&jobs);
        if let Err(error) = self.bounds.check(self.load, load) {
            return Err((reply, error));
        }
        let asked = Asked::new(load, now, self.bounds);
        self.load += load;
        self.watch(asked.deadline);
        self.waiting.push(Request { jobs, reply, asked });
        Ok(())
    }

    fn watch(&mut self, deadline: Instant) {
        self.next_deadline = Some(self.next_deadline.map_or(deadline, |at| at.min(deadline)));
    }

    /// Takes the requests whose time is over, with the error of each. A statement that may store them runs on.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<(R, StoreError)> {
        if self.next_deadline.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let mut over = Vec::new();
        for request in self.waiting.extract_if(.., |request| request.asked.is_over(now)) {
            self.load -= request.asked.load;
            over.push((request.reply, request.asked.timed_out(Stored::No, now)));
        }
        let running = self.first.iter_mut().chain(&mut self.beside).flat_map(|running| &mut running.requests);
        for pending in running.filter(|pending| pending.asked.is_over(now)) {
            let reply = pending.reply.take();
            over.extend(reply.map(|reply| (reply, pending.asked.timed_out(Stored::Unknown, now))));
        }
        let waiting = self.waiting.iter().map(|request| request.asked.deadline);
        let running = self.first.iter().chain(&self.beside).flat_map(|running| &running.requests);
        let running = running.filter(|pending| pending.reply.is_some()).map(|pending| pending.asked.deadline);
        self.next_deadline = waiting.chain(running).min();
        over
    }

    /// Plans the next statement. Its jobs wait to be claimed, unless [`Self::start`] is called.
    pub(super) fn next(&mut self, now: Now, connections: u32) -> Option<EnqueuePlan> {
        let Some(first) = &self.first else {
            let batch = match self.take_held(now.instant) {
                Some(held) => vec![held],
                None if self.waits_for_callers(now.instant) => return None,
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

    fn waits_for_callers(&self, now: Instant) -> bool {
        let misses = |last: &Returning| self.waiting.len() < last.callers && now < last.until;
        self.returning.as_ref().is_some_and(misses)
    }

    fn plan(&mut self, batch: Vec<Request<R>>, slot: EnqueueSlot, now: Now) -> Option<EnqueuePlan> {
        if batch.is_empty() {
            return None;
        }
        let keys = if batch.iter().any(Request::has_keys) { Keys::Some } else { Keys::None };
        let mut load = Load::default();
        let split = |Request { jobs, reply, mut asked }| {
            asked.tried_at.get_or_insert(now.instant);
            load += asked.load;
            (jobs, Pending { reply: Some(reply), asked })
        };
        let (stored, requests) = batch.into_iter().map(split).unzip();
        *self.slot(slot) = Some(Running { began: now.instant, keys, requests, starting: 0 });
        let timeout = self.bounds.timeout + load.allowance();
        Some(EnqueuePlan { slot, requests: stored, start_as: None, timeout })
    }

    /// Has the statement start its jobs in this process.
    pub(super) fn start(&mut self, plan: &mut EnqueuePlan, lease: i64) {
        let starting = plan.jobs();
        plan.start_as = Some(lease);
        if let Some(running) = self.slot(plan.slot) {
            running.starting = starting;
        }
    }

    /// Ends a statement, and returns its requests.
    pub(super) fn finished(&mut self, slot: EnqueueSlot, now: Instant) -> Vec<Pending<R>> {
        let requests = self.slot(slot).take().map(|running| running.requests).unwrap_or_default();
        let callers = requests.len();
        self.returning =
            (callers >= FEWEST_RETURNING).then(|| Returning { callers, until: now + RETURN_PAUSE });
        requests.iter().for_each(|pending| self.load -= pending.asked.load);
        requests
    }

    /// Keeps a request of which another transaction holds a key, and tries it again by itself, ever more rarely.
    pub(super) fn hold(&mut self, jobs: Vec<NewJob>, request: Pending<R>, now: Instant) {
        let Pending { reply: Some(reply), asked } = request else { return };
        let since = asked.tried_at.unwrap_or(now);
        let pause = (now.duration_since(since) / 4).clamp(MIN_KEY_PAUSE, MAX_KEY_PAUSE);
        self.load += asked.load;
        self.held.push(HeldRequest { request: Request { jobs, reply, asked }, retry_at: now + pause });
        self.next_try = Some(now + MIN_KEY_PAUSE);
    }

    fn take_held(&mut self, now: Instant) -> Option<Request<R>> {
        let is_due = |held: &HeldRequest<R>| held.retry_at <= now;
        let next = self.held.iter().position(is_due).filter(|_| self.next_try.is_none_or(|at| at <= now))?;
        let HeldRequest { mut request, .. } = self.held.remove(next);
        // The wait for a key has a time-out of its own.
        request.asked.deadline = request.asked.deadline.max(now + self.bounds.timeout);
        self.watch(request.asked.deadline);
        Some(request)
    }

    /// Takes the held requests that were first tried so long ago, with the error of each.
    pub(super) fn give_up(&mut self, timeout: Duration, now: Instant) -> Vec<(R, StoreError)> {
        let waited = |asked: &Asked| now.duration_since(asked.tried_at.unwrap_or(now));
        let over = self.held.extract_if(.., |held| waited(&held.request.asked) >= timeout);
        over.map(|HeldRequest { request: Request { jobs, reply, asked }, .. }| {
            self.load -= asked.load;
            (reply, key_held(&jobs, waited(&asked)))
        })
        .collect()
    }

    fn slot(&mut self, slot: EnqueueSlot) -> &mut Option<Running<R>> {
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

    /// When a statement with keys counts as slow, so that another one may go on beside it, a held request is tried again, the time
    /// of a request is over, or callers are waited for no longer.
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
        let returning = self.returning.filter(|_| self.first.is_none() && !self.waiting.is_empty());
        slow.into_iter().chain(held).chain(self.next_deadline).chain(returning.map(|last| last.until)).min()
    }
}

#[cfg(test)]
impl EnqueuePlanner<u32> {
    pub(super) fn replies_of(&self, slot: EnqueueSlot) -> Vec<u32> {
        let running = match slot {
            EnqueueSlot::First => &self.first,
            EnqueueSlot::Beside => &self.beside,
        };
        running.iter().flat_map(|running| &running.requests).filter_map(|pending| pending.reply).collect()
    }
}
