//! What an import has moved, and what it has left where it was, and why.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::store::json_moment;

/// What an import has moved and left, or would move and leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The jobs that were moved, by task and state.
    pub moved: Vec<MovedJobs>,
    /// How many crontab lines were moved.
    pub lines: i64,
    /// How many jobs were left, by reason.
    pub left: Vec<LeftCount>,
    /// The jobs that were left, by id; at most 1,000 of them.
    pub left_jobs: Vec<LeftJob>,
    /// The crontab lines that were left; at most 1,000 of them.
    pub left_lines: Vec<LeftLine>,
}

impl Report {
    /// Returns how many jobs were moved.
    #[must_use]
    pub fn moved_jobs(&self) -> i64 {
        self.moved.iter().map(|moved| moved.count).sum()
    }

    /// Returns how many jobs were left where they were.
    #[must_use]
    pub fn left_in_place(&self) -> i64 {
        self.left.iter().map(|left| left.count).sum()
    }
}

/// Jobs of one task and state that were moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MovedJobs {
    /// The task.
    pub task: String,
    /// The state that the jobs have now.
    pub state: String,
    /// How many they are.
    pub count: i64,
}

/// Why a job was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeftReason {
    /// A worker has locked it, so it may be running.
    Locked,
    /// A worker has locked its queue. Its job here could run beside the one there.
    QueueLocked,
    /// A living job of Mainspring has its key.
    KeyTaken,
    /// It breaks a limit of Mainspring.
    Invalid,
    /// Another transaction held it, or has added it since. The next import can move it.
    Busy,
}

/// How many jobs were left for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftCount {
    /// The reason.
    pub reason: LeftReason,
    /// How many jobs.
    pub count: i64,
}

/// A job that was left. It has no payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftJob {
    /// Its id there.
    pub id: i64,
    /// Its task; `None` if its row there names none.
    pub task: Option<String>,
    /// Its queue.
    pub queue: Option<String>,
    /// Its key.
    pub key: Option<String>,
    /// Why it was left.
    pub reason: LeftReason,
    /// The same in words, with the limit and what came, or the job that has its key.
    pub detail: String,
    /// The worker that has locked it, or its queue.
    pub locked_by: Option<String>,
    /// Since when.
    #[serde(deserialize_with = "json_moment::optional")]
    pub locked_at: Option<DateTime<Utc>>,
}

/// A crontab line that was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftLine {
    /// Its identifier.
    pub identifier: String,
    /// Why it was left.
    pub detail: String,
}
