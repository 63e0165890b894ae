//! The inputs of the engine, and what its planners pass to each other: plain values.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::backlog::EnqueueBounds;
use crate::config::Config;
use crate::error::StoreError;
use crate::events::EndedAttempt;
use crate::leases::Sent;
use crate::lifecycle::{Left, Outcome};
use crate::store::claim::{Ended, Position};

/// The present, as the caller of the engine sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) utc: DateTime<Utc>,
    pub(crate) notifications: Notifications,
}

/// Whether notifications of other processes are received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notifications {
    Received,
    /// Polls alone find the jobs of other processes.
    Missing,
}

/// What holds for the life of a scheduler.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How many jobs run at once in this process.
    pub(crate) concurrency: usize,
    /// How many connections claims, outcomes and enqueues share.
    pub(crate) connections: u32,
    /// The tasks that this process can run, in alphabetical order.
    pub(crate) tasks: Arc<[String]>,
    /// The versions of those tasks whose version is not 0.
    pub(crate) versions: BTreeMap<String, i32>,
    /// How many jobs of a task run at once in this process.
    pub(crate) task_limits: BTreeMap<String, usize>,
    /// How long a job waits to count as one priority better.
    pub(crate) age_every: Option<Duration>,
    /// How long an enqueue waits for a key that another transaction holds.
    pub(crate) key_timeout: Duration,
    pub(crate) enqueue_bounds: EnqueueBounds,
    pub(crate) poll_interval: Duration,
}

impl Settings {
    pub(crate) fn new(config: &Config, tasks: Arc<[String]>, versions: BTreeMap<String, i32>) -> Self {
        Self {
            concurrency: config.concurrency,
            connections: config.pool_size,
            tasks,
            versions,
            task_limits: config.task_limits.clone(),
            age_every: config.age_every,
            key_timeout: config.key_timeout,
            enqueue_bounds: EnqueueBounds::new(config),
            poll_interval: config.poll_interval(),
        }
    }

    /// Returns the version of the task in this process.
    pub(super) fn version_of(&self, task: &str) -> i32 {
        self.versions.get(task).copied().unwrap_or_default()
    }
}

/// Which slots can start jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slots {
    /// All but so many free ones, whose threads are blocked.
    AllBut(usize),
    /// The threads of all slots are blocked.
    None,
}

/// How much of the concurrency is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capacity {
    pub(super) concurrency: usize,
    /// How many jobs run or are about to.
    pub(super) active: usize,
    /// How many more jobs may be claimed. Only a test bounds it.
    pub(super) claims_left: usize,
}

impl Capacity {
    /// How many more jobs could start at once.
    pub(super) fn free_slots(self) -> usize {
        self.concurrency.saturating_sub(self.active)
    }
}

/// What may have happened to jobs outside of the engine.
#[derive(Debug)]
pub(crate) enum Wake {
    /// Jobs without a queue are ready from this position on.
    Ready(Position),
    /// Jobs of a queue are parked from this position on, or anywhere.
    Parked(String, Option<Position>),
    /// A job of a queue has ended, and its lease is still open.
    SlotFreed(String),
    /// A job of a task that has a limit over all processes has ended in another one.
    TaskSlotFreed(String),
    /// Jobs with flags may be ready.
    Flagged,
    /// Jobs are scheduled that will be due before the next poll.
    DueSoon,
    /// Jobs have ended for which others may wait, or signals were sent.
    ParentsEnded,
    /// Anything may have happened.
    Everything,
}

/// What a planner found out that concerns another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Jobs are ready from this position on, or anywhere.
    Ready(Option<Position>),
    /// Jobs with flags are ready.
    Flagged,
    /// Jobs of a queue are parked from this position on, or anywhere.
    Parked(String, Option<Position>),
    /// A queue may have room for a parked job.
    SlotFreed(String),
    /// A job will be due after this time.
    DueIn(Duration),
    /// Jobs have ended for which others may wait, or signals were sent.
    ParentsEnded,
    /// Such jobs have ended in this process.
    ParentsEndedHere(Ended),
    /// A task with a limit may run one more job in this process.
    LimitFreed,
    /// A task with a limit over all processes may run one more job.
    TaskSlotFreed(String),
}

/// What a lookup found out about the pause of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PauseChange {
    None,
    Paused,
    Resumed,
}

/// What the caller is to log, publish or send. `R` is where a reply goes.
#[derive(Debug)]
pub(crate) enum Notice<R> {
    /// The ids of the jobs of one request.
    Reply(R, Result<Vec<i64>, StoreError>),
    /// An attempt has ended and its outcome is stored.
    AttemptEnded {
        ended: EndedAttempt,
        outcome: Outcome,
        left: Left,
    },
    /// An attempt has ended after its lease was lost: nothing was stored, unless by an earlier statement.
    LeaseLost {
        id: i64,
        outcome: Outcome,
        sent: Sent,
    },
    /// Everything was paused or resumed.
    AllPaused(PauseChange),
    ClaimsFail(StoreError),
    ClaimsRecovered,
    AdmissionsFail(StoreError),
    /// Endings cannot be carried over to the jobs that wait for them.
    ReleasesFail(StoreError),
    SettlesFail {
        jobs: usize,
        error: StoreError,
    },
    SettlesRecovered,
    /// Another transaction holds the rows of jobs that have ended.
    RowsHeld {
        jobs: usize,
        example: i64,
    },
    HeldRowsFreed,
    /// One row is in trouble, and affects no other.
    Row(RowNotice),
    /// The server had lost the outcomes of this many jobs.
    OutcomesLost {
        jobs: usize,
    },
    /// Something failed that is not worth more than a debug line.
    Retried(&'static str, StoreError),
}

/// What the caller is to log about single rows.
#[derive(Debug)]
pub(crate) enum RowNotice {
    /// The database refuses the outcome of one job, which is tried again by itself.
    OutcomeStuck {
        id: i64,
        outcome: &'static str,
        problem: String,
    },
    OutcomeUnstuck {
        id: i64,
        outcome: &'static str,
    },
    /// The database refuses the data of a row, and the job is dead.
    SetApart {
        id: i64,
        problem: String,
    },
    /// Jobs end without their lines in the history, such as this one.
    LinesLost {
        example: i64,
        problem: String,
    },
    LinesRecovered,
    /// Rows of jobs that were to be taken back are as they were.
    NotTakenBack {
        jobs: usize,
        example: i64,
        problem: String,
    },
}
