//! What is counted of jobs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::histogram::Histogram;

/// What jobs did in a span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Whether these are the jobs of a task or of a queue.
    pub kind: Kind,
    /// The task or the queue. [`Stats::OTHERS`] for all that are not counted by name.
    pub name: String,
    /// How often what happened.
    #[serde(flatten)]
    pub counts: Counts,
    /// From the time at which a job was due to the start of its attempt.
    pub wait: Histogram,
    /// From start to end of an attempt.
    pub run: Histogram,
}

/// What the jobs of a task did in a minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Minute {
    /// When the minute began.
    pub begins_at: DateTime<Utc>,
    /// The task. [`Stats::OTHERS`] for all that are not counted by name.
    pub task: String,
    /// How often what happened.
    #[serde(flatten)]
    pub counts: Counts,
    /// From the time at which a job was due to the start of its attempt.
    pub wait: Histogram,
    /// From start to end of an attempt.
    pub run: Histogram,
}

/// Of what jobs are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The jobs of a task.
    Task,
    /// The jobs of a queue, or of all queues that begin with a prefix.
    Queue,
}

/// How often what happened to jobs.
///
/// `succeeded` to `interrupted` count attempts whose outcome is stored, as [`RunSummary`](crate::RunSummary) does. A job that
/// was cancelled while it waited has no attempt, and is not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// Jobs that were added through a scheduler. Those that were added by SQL, on connections of the application, or by cron
    /// are not counted.
    pub enqueued: u64,
    /// Attempts that have started.
    pub started: u64,
    /// Attempts after which the job is done.
    pub succeeded: u64,
    /// Attempts that failed, and that another one follows.
    pub failed: u64,
    /// Jobs that have died: in an attempt, or with their worker.
    pub dead: u64,
    /// Jobs that were cancelled while they ran, or that cancelled themselves.
    pub cancelled: u64,
    /// Attempts in which the job snoozed itself.
    pub snoozed: u64,
    /// Attempts that were stopped from outside.
    pub interrupted: u64,
    /// Attempts whose lease was lost before the outcome could be stored.
    pub lost: u64,
    /// Jobs that were taken from lost workers.
    pub rescued: u64,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Queue => "queue",
        }
    }
}

impl Counts {
    /// Adds other counts.
    pub fn merge(&mut self, other: &Self) {
        self.enqueued = self.enqueued.saturating_add(other.enqueued);
        self.started = self.started.saturating_add(other.started);
        self.succeeded = self.succeeded.saturating_add(other.succeeded);
        self.failed = self.failed.saturating_add(other.failed);
        self.dead = self.dead.saturating_add(other.dead);
        self.cancelled = self.cancelled.saturating_add(other.cancelled);
        self.snoozed = self.snoozed.saturating_add(other.snoozed);
        self.interrupted = self.interrupted.saturating_add(other.interrupted);
        self.lost = self.lost.saturating_add(other.lost);
        self.rescued = self.rescued.saturating_add(other.rescued);
    }
}

impl Stats {
    /// The name of all tasks, or of all queues, that are not counted by name.
    pub const OTHERS: &'static str = "";

    pub(super) fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.wait.merge(&other.wait);
        self.run.merge(&other.run);
    }

    /// What was counted after an earlier state of the same numbers.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let (now, then) = (&self.counts, &before.counts);
        let counts = Counts {
            enqueued: now.enqueued.saturating_sub(then.enqueued),
            started: now.started.saturating_sub(then.started),
            succeeded: now.succeeded.saturating_sub(then.succeeded),
            failed: now.failed.saturating_sub(then.failed),
            dead: now.dead.saturating_sub(then.dead),
            cancelled: now.cancelled.saturating_sub(then.cancelled),
            snoozed: now.snoozed.saturating_sub(then.snoozed),
            interrupted: now.interrupted.saturating_sub(then.interrupted),
            lost: now.lost.saturating_sub(then.lost),
            rescued: now.rescued.saturating_sub(then.rescued),
        };
        Self {
            kind: self.kind,
            name: self.name.clone(),
            counts,
            wait: self.wait.since(&before.wait),
            run: self.run.since(&before.run),
        }
    }
}
