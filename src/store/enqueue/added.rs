//! What is known of a job that was stored.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::store::claim::Position;

/// A job that was stored: its row, and where it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Added {
    pub(crate) id: i64,
    pub(crate) priority: i16,
    pub(crate) run_at: DateTime<Utc>,
    /// Whether it is not due yet. `due_in` is then the time until it is, by the database's clock.
    pub(crate) scheduled: bool,
    pub(crate) due_in: Duration,
    pub(crate) waits_for: WaitsFor,
    pub(crate) flagged: bool,
}

/// What a job waits for once it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    /// Other jobs, or signals.
    Others,
    Claim,
    /// The admission by this queue.
    Queue(String),
    /// The admission by the queue that its task has published.
    QueueOfTask,
}

impl Added {
    /// Its place among the jobs that wait as it does.
    pub(crate) fn position(&self) -> Position {
        Position { priority: self.priority, turn_at: self.run_at }
    }
}
