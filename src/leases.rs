//! Leases that cannot be lost inside this process. A lease is a value that is handed on. If it is dropped before it was
//! settled, by a panic, a closed mailbox or a failed statement, it falls back into the lease table and is settled from
//! there.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::events::EndedAttempt;
use crate::lifecycle::{BETWEEN_SUSPECTS, Outcome, SUSPECTED_AFTER};
use crate::lock::lock;
use crate::store::claim::{ClaimedJob, Position};
use crate::store::settle::Settlement;
use crate::telemetry::{Place, Telemetry};

mod counted;

/// The open leases of this process, and those that were dropped.
#[derive(Debug, Default)]
pub(crate) struct LeaseTable {
    open: Mutex<OpenLeases>,
    dropped: Mutex<Vec<LeaseData>>,
    /// How many leases are open of each task that has a limit here.
    counted: HashMap<String, AtomicUsize>,
    telemetry: Arc<Telemetry>,
}

/// How often an outcome was sent to the server, without a reply that it stored nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Never,
    Once,
    /// The reply to an earlier one was lost, so it may be stored already.
    Again,
}

#[derive(Debug, Default)]
struct OpenLeases {
    /// The job and the token of each. One job may have two, if it was taken from here and claimed here again.
    keys: HashSet<(i64, i64)>,
    suspect: Option<(i64, i64)>,
}

impl OpenLeases {
    /// Adds a lease, and returns the outcome that it has until an attempt ends.
    fn add(&mut self, key: (i64, i64), deaths: i16) -> Outcome {
        self.keys.insert(key);
        match self.suspect {
            Some(_) if deaths >= SUSPECTED_AFTER => return Outcome::Postponed { delay: BETWEEN_SUSPECTS },
            None if deaths >= SUSPECTED_AFTER => self.suspect = Some(key),
            Some(_) | None => {}
        }
        Outcome::Untouched
    }

    fn remove(&mut self, key: (i64, i64)) {
        self.keys.remove(&key);
        self.suspect = self.suspect.filter(|suspect| *suspect != key);
    }
}

/// What settling a leased job needs to know.
#[derive(Debug)]
struct LeaseData {
    settlement: Settlement,
    position: Position,
    flags: Vec<String>,
    queue: Option<String>,
    /// The task, if its leases are counted.
    counted: Option<String>,
    /// The task, if the job holds a slot of its limit over all processes.
    task_slot: Option<String>,
    /// The id for which the job was claimed.
    worker_id: i32,
    claimed_at: Instant,
    place: Place,
    /// How long the attempt took, once it has ended.
    took: Duration,
    ended: Option<Box<EndedAttempt>>,
    sent: Sent,
}

/// The right to settle one job.
#[derive(Debug)]
pub(crate) struct Lease {
    held: Option<LeaseData>,
    book: Arc<LeaseTable>,
}

/// A claimed job on its way to a worker.
#[derive(Debug)]
pub(crate) struct LeasedJob {
    pub(crate) job: ClaimedJob,
    pub(crate) lease: Lease,
}

impl LeaseTable {
    /// Creates a table that counts the leases of these tasks.
    pub(crate) fn counting<'a>(tasks: impl Iterator<Item = &'a String>, telemetry: Arc<Telemetry>) -> Self {
        let counted = tasks.map(|task| (task.clone(), AtomicUsize::new(0))).collect();
        Self { counted, telemetry, ..Self::default() }
    }

    /// Returns how many leases of the task are open, or 0 if they are not counted.
    pub(crate) fn count_of(&self, task: &str) -> usize {
        self.counted.get(task).map_or(0, |count| count.load(Ordering::SeqCst))
    }

    pub(crate) fn open(
        self: &Arc<Self>,
        job: ClaimedJob,
        worker_id: i32,
        lease: i64,
        now: Instant,
    ) -> LeasedJob {
        let outcome = lock(&self.open).add((job.id, lease), job.deaths);
        let counted = self.counted.get_key_value(&job.task).map(|(task, count)| {
            count.fetch_add(1, Ordering::SeqCst);
            task.clone()
        });
        let held = LeaseData {
            settlement: Settlement::new(job.id, lease, outcome),
            position: job.position(),
            flags: job.flags.clone(),
            queue: job.queue.clone(),
            counted,
            task_slot: None,
            worker_id,
            claimed_at: now,
            place: self.telemetry.place(&job.task, job.queue.as_deref()),
            took: Duration::ZERO,
            ended: None,
            sent: Sent::Never,
        };
        LeasedJob { job, lease: Lease { held: Some(held), book: Arc::clone(self) } }
    }

    /// Returns how many leases this process holds.
    pub(crate) fn count(&self) -> usize {
        lock(&self.open).keys.len()
    }

    pub(crate) fn is_open(&self, key: (i64, i64)) -> bool {
        lock(&self.open).keys.contains(&key)
    }

    /// Returns the job and the token of each open lease.
    pub(crate) fn all_open(&self) -> HashSet<(i64, i64)> {
        lock(&self.open).keys.clone()
    }

    /// Takes the leases that were dropped.
    pub(crate) fn collect_dropped(self: &Arc<Self>) -> Vec<Lease> {
        let dropped = std::mem::take(&mut *lock(&self.dropped));
        dropped.into_iter().map(|held| Lease { held: Some(held), book: Arc::clone(self) }).collect()
    }
}

impl Lease {
    /// Returns `true` if the job may start now. One that may not goes back when its lease is dropped.
    pub(crate) fn may_start(&self) -> bool {
        self.settlement().outcome == Outcome::Untouched
    }

    /// Sets how the job ended. The default is `untouched`.
    pub(crate) fn resolve(mut self, outcome: Outcome) -> Self {
        if let Some(held) = &mut self.held {
            held.settlement.outcome = outcome;
        }
        self
    }

    /// Sets what the handler has returned, as JSON.
    pub(crate) fn with_value(mut self, value: Option<Arc<[u8]>>) -> Self {
        if let Some(held) = &mut self.held {
            held.settlement.value = value;
        }
        self
    }

    /// Sets how long the attempt took, and what is published once the outcome is stored.
    pub(crate) fn with_ended(mut self, took: Duration, ended: Option<EndedAttempt>) -> Self {
        if let Some(held) = &mut self.held {
            held.took = took;
            held.ended = ended.map(Box::new);
        }
        self
    }

    pub(crate) fn take_ended(&mut self) -> Option<EndedAttempt> {
        self.held.as_mut().and_then(|held| held.ended.take()).map(|ended| *ended)
    }

    /// Notes that the outcome is sent to the server.
    pub(crate) fn send(&mut self) {
        if let Some(held) = &mut self.held {
            held.sent = match held.sent {
                Sent::Never => Sent::Once,
                Sent::Once | Sent::Again => Sent::Again,
            };
        }
    }

    /// Notes that the server has replied to the last one that it stored nothing.
    pub(crate) fn refused(&mut self) {
        if let Some(held) = self.held.as_mut().filter(|held| held.sent == Sent::Once) {
            held.sent = Sent::Never;
        }
    }

    pub(crate) fn sent(&self) -> Sent {
        self.held().sent
    }

    pub(crate) fn settlement(&self) -> &Settlement {
        &self.held().settlement
    }

    /// The job and the token.
    pub(crate) fn key(&self) -> (i64, i64) {
        let Settlement { id, lease, .. } = self.settlement();
        (*id, *lease)
    }

    pub(crate) fn position(&self) -> Position {
        self.held().position
    }

    pub(crate) fn flags(&self) -> &[String] {
        &self.held().flags
    }

    pub(crate) fn queue(&self) -> Option<&str> {
        self.held().queue.as_deref()
    }

    /// Returns `true` if its end lets another job of a limited task start.
    pub(crate) fn is_counted(&self) -> bool {
        self.held().counted.is_some()
    }

    /// Notes that the job holds a slot of its task's limit over all processes.
    pub(crate) fn hold_task_slot(&mut self, task: &str) {
        if let Some(held) = &mut self.held {
            held.task_slot = Some(task.to_owned());
        }
    }

    /// The task whose limit the end of this job frees a slot of.
    pub(crate) fn task_slot(&self) -> Option<&str> {
        self.held().task_slot.as_deref()
    }

    /// The id of the worker for which the job was claimed.
    pub(crate) fn worker_id(&self) -> i32 {
        self.held().worker_id
    }

    pub(crate) fn claimed_at(&self) -> Instant {
        self.held().claimed_at
    }

    /// Closes the lease: its outcome is stored, or the lease is lost.
    pub(crate) fn close(mut self) {
        if let Some(LeaseData { settlement, counted, .. }) = self.held.take() {
            if let Some(count) = counted.and_then(|task| self.book.counted.get(&task)) {
                count.fetch_sub(1, Ordering::SeqCst);
            }
            lock(&self.book.open).remove((settlement.id, settlement.lease));
        }
    }

    fn held(&self) -> &LeaseData {
        self.held.as_ref().expect("only `close` and `drop` empty a lease, and both consume it")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            lock(&self.book.dropped).push(held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_runs_one_suspect_at_a_time() {
        let mut open = OpenLeases::default();
        let added = |open: &mut OpenLeases, id, deaths| open.add((id, 7), deaths);
        assert_eq!(added(&mut open, 1, SUSPECTED_AFTER - 1), Outcome::Untouched);
        assert_eq!(added(&mut open, 2, SUSPECTED_AFTER), Outcome::Untouched);
        let postponed = Outcome::Postponed { delay: BETWEEN_SUSPECTS };
        assert_eq!(added(&mut open, 3, SUSPECTED_AFTER), postponed);
        assert_eq!(added(&mut open, 4, 0), Outcome::Untouched);
        for (gone, expected) in [(1, &postponed), (3, &postponed), (2, &Outcome::Untouched)] {
            open.remove((gone, 7));
            assert_eq!(added(&mut open, 3, SUSPECTED_AFTER + 1), *expected, "{gone} has ended");
        }
    }
}
