//! What the store should hold, in memory: the rules of docs/LIFECYCLE.md once more, in the plainest words that there are.
//! Knows no database. Moments that only the database's clock knows are `None`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::job::KeyMode;
use crate::lifecycle::JobState::{self, Dead, Held, Parked, Ready, Running, Scheduled, Waiting};
use crate::lifecycle::{Outcome, SUSPECTED_AFTER};
use crate::store::jobs::{ActResult, Reschedule};

/// One row as the model has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) state: JobState,
    pub(super) task: String,
    pub(super) payload: Value,
    pub(super) queue: Option<String>,
    pub(super) priority: i16,
    pub(super) run_at: Option<DateTime<Utc>>,
    /// Whether it is due in a far future.
    pub(super) late: bool,
    pub(super) attempts: i16,
    pub(super) max_attempts: i16,
    pub(super) deaths: i16,
    pub(super) key: Option<String>,
    pub(super) superseded: bool,
    pub(super) cancelled: bool,
    pub(super) revision: i64,
    pub(super) holder: Option<(i32, i64)>,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) rows: BTreeMap<i64, Row>,
    /// The queues that let nothing through.
    pub(super) paused: BTreeSet<String>,
    pub(super) succeeded: i64,
    pub(super) cancelled: i64,
    finished: BTreeSet<i64>,
}

impl Row {
    fn wait(&mut self) {
        self.holder = None;
        self.cancelled = false;
        self.state = match (self.late, &self.queue) {
            (true, _) => Scheduled,
            (false, Some(_)) => Parked,
            (false, None) => Ready,
        };
    }

    fn is_batch_with(&self, other: &Self) -> bool {
        self.task == other.task && self.payload.is_array() && other.payload.is_array()
    }

    fn take_the_place_of(&mut self, old: &Self, mode: KeyMode) {
        let keeps_turn = old.state == Ready
            && !self.late
            && old.queue.is_some()
            && (&old.task, &old.queue, old.priority) == (&self.task, &self.queue, self.priority);
        let grows = self.is_batch_with(old);
        if old.attempts == 0 && mode == KeyMode::PreserveRunAt || old.attempts > 0 && grows {
            (self.run_at, self.late) = (old.run_at, old.late);
        } else if !old.late && !self.late {
            self.run_at = old.run_at.zip(self.run_at).map(|(old, new)| old.min(new));
        }
        if grows {
            (self.attempts, self.deaths) = (old.attempts, old.deaths);
            self.max_attempts = self.max_attempts.max(old.attempts + 1);
        }
        if let (true, Value::Array(old), Value::Array(added)) = (grows, &old.payload, &mut self.payload) {
            added.splice(0..0, old.iter().cloned());
        }
        self.revision = old.revision + 1;
        self.wait();
        if keeps_turn {
            self.state = Ready;
        }
    }

    fn die(&mut self) {
        self.holder = None;
        self.cancelled = false;
        self.state = Dead;
    }

    fn due_after_delay(&mut self, delayed: bool) {
        (self.run_at, self.late) = (None, delayed);
        self.wait();
    }
}

impl Model {
    pub(super) fn living(&self, key: &str) -> Option<i64> {
        let held = |(_, row): &(&i64, &Row)| row.key.as_deref() == Some(key) && row.state != Dead;
        self.rows.iter().find(held).map(|(id, _)| *id)
    }

    /// `answered` is the id that the store returned: the new job's, or that of the job it found.
    pub(super) fn enqueue(&mut self, mut new: Row, mode: KeyMode, answered: i64) {
        let holder = new.key.as_deref().and_then(|key| self.living(key));
        let Some(id) = holder else { return self.insert(new, answered) };
        let Some(old) = self.rows.get_mut(&id) else { return };
        let running = old.state == Running;
        match mode {
            KeyMode::UnsafeDedupe => {
                old.revision += i64::from(!running);
                assert_eq!(answered, id);
            }
            KeyMode::Replace | KeyMode::PreserveRunAt if running => {
                // Of a batch, what fails is still to be tried again: the new job has other entries.
                (old.key, old.superseded) = (None, !old.is_batch_with(&new));
                self.insert(new, answered);
            }
            KeyMode::Replace | KeyMode::PreserveRunAt => {
                new.take_the_place_of(old, mode);
                *old = new;
                assert_eq!(answered, id);
            }
        }
    }

    fn insert(&mut self, mut new: Row, answered: i64) {
        new.wait();
        assert!(self.rows.insert(answered, new).is_none(), "job {answered} was there before");
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<i64> {
        let id = self.living(key)?;
        let row = self.rows.get_mut(&id)?;
        if row.state == Running {
            (row.key, row.superseded) = (None, true);
            return None;
        }
        self.rows.remove(&id);
        Some(id)
    }

    pub(super) fn settle(&mut self, id: i64, outcome: &Outcome) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        // Only a job that did not run keeps its deaths.
        let ran = !matches!(outcome, Outcome::Untouched | Outcome::Postponed { .. });
        row.deaths = if ran { 0 } else { row.deaths };
        match outcome {
            Outcome::Succeeded | Outcome::Completed => self.end(id, true),
            Outcome::Cancelled { .. } => self.end(id, false),
            // What is to end does not go back.
            _ if row.cancelled => self.end(id, false),
            Outcome::Discarded { .. } => row.die(),
            Outcome::Held { .. } => {
                row.attempts -= 1;
                if row.superseded { row.die() } else { (row.state, row.holder) = (Held, None) }
            }
            Outcome::Failed { .. } if row.superseded || row.attempts >= row.max_attempts => row.die(),
            Outcome::Failed { delay, .. } => row.due_after_delay(!delay.is_zero()),
            Outcome::Snoozed { .. }
            | Outcome::Untouched
            | Outcome::Postponed { .. }
            | Outcome::Interrupted => {
                row.attempts -= 1;
                match outcome {
                    _ if row.superseded => row.die(),
                    Outcome::Snoozed { delay, .. } | Outcome::Postponed { delay } => {
                        row.due_after_delay(!delay.is_zero())
                    }
                    // It keeps the slot of its queue, unless that is paused.
                    _ if row.queue.as_ref().is_some_and(|queue| self.paused.contains(queue)) => row.wait(),
                    _ => (row.state, row.holder) = (Ready, None),
                }
            }
        }
    }

    fn end(&mut self, id: i64, succeeded: bool) {
        self.rows.remove(&id);
        self.finished.insert(id);
        if succeeded { self.succeeded += 1 } else { self.cancelled += 1 }
    }

    /// Whether the loss of the worker would leave a job to wait for two seconds, which this model does not know.
    pub(super) fn makes_suspects(&self, worker: i32) -> bool {
        let has_job = |row: &Row| row.holder.is_some_and(|holder| holder.0 == worker);
        self.rows.values().any(|row| has_job(row) && row.deaths + 1 >= SUSPECTED_AFTER)
    }

    /// Its worker is gone: another gave it back.
    pub(super) fn rescue(&mut self, worker: i32) -> i64 {
        let mut jobs = 0;
        for row in self.rows.values_mut().filter(|row| row.holder.is_some_and(|holder| holder.0 == worker)) {
            jobs += 1;
            (row.attempts, row.deaths) = (row.attempts - 1, row.deaths + 1);
            let is_over = row.superseded || row.cancelled || row.deaths >= 10;
            if is_over { row.die() } else { row.wait() }
        }
        jobs
    }

    fn absent(&self, id: i64) -> ActResult {
        if self.finished.contains(&id) { ActResult::Finished } else { ActResult::Unknown }
    }

    pub(super) fn complete(&mut self, id: i64) -> ActResult {
        match self.rows.get(&id).map(|row| row.state) {
            None => return self.absent(id),
            Some(Running) => return ActResult::Running,
            Some(Waiting | Scheduled | Parked | Ready | Held | Dead) => self.end(id, true),
        }
        ActResult::Completed
    }

    pub(super) fn fail(&mut self, id: i64) -> ActResult {
        match self.rows.get_mut(&id) {
            None => self.absent(id),
            Some(row) if row.state == Running => ActResult::Running,
            Some(row) if row.state == Dead => ActResult::Dead,
            Some(row) => {
                row.die();
                ActResult::Failed
            }
        }
    }

    pub(super) fn delete(&mut self, id: i64) -> ActResult {
        match self.rows.get(&id).map(|row| row.state) {
            None => return self.absent(id),
            Some(Running) => return ActResult::Running,
            Some(Waiting | Scheduled | Parked | Ready | Held | Dead) => self.rows.remove(&id),
        };
        ActResult::Deleted
    }

    pub(super) fn cancel(&mut self, id: i64) -> ActResult {
        match self.rows.get_mut(&id) {
            None => self.absent(id),
            Some(row) if row.state == Dead => ActResult::Dead,
            Some(row) if row.state == Running => {
                row.cancelled = true;
                ActResult::Cancelling
            }
            Some(_) => {
                self.end(id, false);
                ActResult::Cancelled
            }
        }
    }

    /// No job of this model waits for others.
    pub(super) fn release(&mut self, id: i64) -> ActResult {
        match self.rows.get_mut(&id) {
            None => self.absent(id),
            Some(row) if row.state == Held => {
                row.wait();
                ActResult::Released
            }
            Some(_) => ActResult::NotWaiting,
        }
    }

    pub(super) fn retry(&mut self, id: i64) -> ActResult {
        match self.rows.get(&id) {
            None => self.absent(id),
            Some(row) if row.state == Running => ActResult::Running,
            Some(row) if row.state != Dead => ActResult::Waiting,
            Some(_) => {
                let now = Reschedule { attempts: Some(0), ..Reschedule::default() };
                match self.reschedule(id, &now, Some(false)) {
                    ActResult::Rescheduled => ActResult::Retried,
                    refused => refused,
                }
            }
        }
    }

    /// `late` is true if a new time is far off; a new time that `changes` does not name is the database's now.
    pub(super) fn reschedule(&mut self, id: i64, changes: &Reschedule, late: Option<bool>) -> ActResult {
        let Some(row) = self.rows.get(&id) else { return self.absent(id) };
        let attempts = changes.attempts.unwrap_or(row.attempts);
        let max_attempts = changes.max_attempts.unwrap_or(row.max_attempts);
        let key_holder = row.key.as_deref().and_then(|key| self.living(key));
        if row.state == Running {
            return ActResult::Running;
        }
        if attempts >= max_attempts {
            return ActResult::NoAttemptLeft;
        }
        if key_holder.is_some_and(|holder| holder != id) {
            return ActResult::KeyTaken;
        }
        let Some(row) = self.rows.get_mut(&id) else { return self.absent(id) };
        (row.attempts, row.max_attempts, row.superseded) = (attempts, max_attempts, false);
        row.deaths = 0;
        row.priority = changes.priority.unwrap_or(row.priority);
        if let Some(late) = late {
            (row.run_at, row.late) = (changes.run_at, late);
        }
        row.wait();
        ActResult::Rescheduled
    }
}
