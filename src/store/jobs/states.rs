//! The states of jobs, finished ones included, and which of them a filter admits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::lifecycle::JobState;

/// Where a job stands, finished or not. [`JobState`] has the states of those that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobStatus {
    /// Waits for other jobs, or for signals.
    Waiting,
    /// Not due yet.
    Scheduled,
    /// Due, and waits for its queue to admit it.
    Parked,
    /// Due and free to be claimed.
    Ready,
    /// A worker runs it.
    Running,
    /// Waits until a person releases it: its payload does not fit the task, or its handler has asked for it.
    Held,
    /// Over: it is out of attempts, or was discarded. It can be retried.
    Dead,
    /// Over: it has succeeded.
    Succeeded,
    /// Over: it was cancelled.
    Cancelled,
}

impl JobStatus {
    /// Every state, in the order in which a job meets them.
    pub const ALL: [Self; 9] = [
        Self::Waiting,
        Self::Scheduled,
        Self::Parked,
        Self::Ready,
        Self::Running,
        Self::Held,
        Self::Dead,
        Self::Succeeded,
        Self::Cancelled,
    ];

    /// The state's name in SQL and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Scheduled => "scheduled",
            Self::Parked => "parked",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Held => "held",
            Self::Dead => "dead",
            Self::Succeeded => "succeeded",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns `true` if the job has ended: it has succeeded, was cancelled or is dead.
    #[must_use]
    pub fn is_over(self) -> bool {
        match self {
            Self::Dead | Self::Succeeded | Self::Cancelled => true,
            Self::Waiting | Self::Scheduled | Self::Parked | Self::Ready | Self::Running | Self::Held => {
                false
            }
        }
    }

    /// Whether such a job has a row among the jobs. The others have a line in the history.
    pub(super) fn has_row(self) -> bool {
        !matches!(self, Self::Succeeded | Self::Cancelled)
    }
}

impl From<JobState> for JobStatus {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Waiting => Self::Waiting,
            JobState::Scheduled => Self::Scheduled,
            JobState::Parked => Self::Parked,
            JobState::Ready => Self::Ready,
            JobState::Running => Self::Running,
            JobState::Held => Self::Held,
            JobState::Dead => Self::Dead,
        }
    }
}

/// Which states a [`JobFilter`](super::JobFilter) admits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StateFilter {
    /// All jobs that are stored: those that have not succeeded and were not cancelled.
    #[default]
    Stored,
    /// All jobs, also those of the history.
    All,
    /// Jobs in this state. Finished ones are found as long as the history keeps them.
    Is(JobStatus),
}

impl From<JobStatus> for StateFilter {
    fn from(status: JobStatus) -> Self {
        Self::Is(status)
    }
}

impl From<JobState> for StateFilter {
    fn from(state: JobState) -> Self {
        Self::Is(state.into())
    }
}

impl fmt::Display for StateFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stored => "stored",
            Self::All => "all",
            Self::Is(status) => status.as_str(),
        })
    }
}

/// Reads what [`Display`](fmt::Display) writes. An empty text is [`StateFilter::Stored`].
impl FromStr for StateFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let states = JobStatus::ALL.map(Self::Is);
        let mut filters = [Self::Stored, Self::All].into_iter().chain(states);
        if text.is_empty() {
            return Ok(Self::Stored);
        }
        filters.find(|filter| filter.to_string() == text).ok_or_else(|| {
            let names = JobStatus::ALL.map(JobStatus::as_str).join("`, `");
            format!("state must be `stored`, `all`, `{names}`")
        })
    }
}

impl<'de> Deserialize<'de> for StateFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
