//! What became of one job or worker that a person acted on. The words are the SQL functions'; what an act does is
//! decided there.

use diesel::result::Error as DieselError;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;

/// What became of one job or worker that a person acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActResult {
    /// Done: the job ended as if it had succeeded.
    Completed,
    /// Done: the job is dead, with the reason.
    Failed,
    /// Done: the job waits as requested.
    Rescheduled,
    /// Done: the job was dead and waits again.
    Retried,
    /// Done: the job waited, and is gone.
    Cancelled,
    /// Done: the job runs, and its worker was notified to end it.
    Cancelling,
    /// Done: the job is gone, without a line in the history.
    Deleted,
    /// Done: the worker's row is gone, and its jobs wait again; or the job waits for no other job any more.
    Released,
    /// Not done: the job runs.
    Running,
    /// Not done: the job is dead already.
    Dead,
    /// Not done: the job is not dead, it waits.
    Waiting,
    /// Not done: the job waits neither for other jobs nor for a person.
    NotWaiting,
    /// Not done: the job is dead, and a living job has its key.
    KeyTaken,
    /// Not done: as many attempts as the job may have are counted.
    NoAttemptLeft,
    /// Not done: the database does not let the row be changed. A job that waited is dead, with the reason as its last error,
    /// if its data is the reason.
    Refused,
    /// Not done: the job has succeeded or was cancelled, as the history says.
    Finished,
    /// Not done: there is no such id, or the history does not keep it.
    Unknown,
}

impl ActResult {
    /// Returns whether the act was done.
    #[must_use]
    pub fn was_done(self) -> bool {
        match self {
            Self::Completed
            | Self::Failed
            | Self::Rescheduled
            | Self::Retried
            | Self::Cancelled
            | Self::Cancelling
            | Self::Deleted
            | Self::Released => true,
            Self::Running
            | Self::Dead
            | Self::Waiting
            | Self::NotWaiting
            | Self::KeyTaken
            | Self::NoAttemptLeft
            | Self::Refused
            | Self::Finished
            | Self::Unknown => false,
        }
    }

    /// Returns the result in words, for people.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed: it is dead",
            Self::Rescheduled => "rescheduled",
            Self::Retried => "retried",
            Self::Cancelled => "cancelled",
            Self::Cancelling => "cancelling: it runs, and its worker was told",
            Self::Deleted => "deleted",
            Self::Released => "released",
            Self::Running => "unchanged: it runs",
            Self::Dead => "unchanged: it is dead",
            Self::Waiting => "unchanged: it is not dead",
            Self::NotWaiting => "unchanged: it is not held, and does not wait for other jobs",
            Self::KeyTaken => "unchanged: a living job has its key",
            Self::NoAttemptLeft => "unchanged: no attempt is left, give fewer attempts or more max_attempts",
            Self::Refused => "unchanged: the database refuses it, see its last error or the server's log",
            Self::Finished => "unchanged: it has finished",
            Self::Unknown => "unknown: there is none of this id",
        }
    }

    /// The word that SQL uses.
    #[cfg(feature = "dashboard")]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Rescheduled => "rescheduled",
            Self::Retried => "retried",
            Self::Cancelled => "cancelled",
            Self::Cancelling => "cancelling",
            Self::Deleted => "deleted",
            Self::Released => "released",
            Self::Running => "running",
            Self::Dead => "dead",
            Self::Waiting => "waiting",
            Self::NotWaiting => "not_waiting",
            Self::KeyTaken => "key_taken",
            Self::NoAttemptLeft => "no_attempt_left",
            Self::Refused => "refused",
            Self::Finished => "finished",
            Self::Unknown => "unknown",
        }
    }

    /// The result of this word, if it is one.
    #[cfg(feature = "dashboard")]
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::read(word.to_owned()).ok()
    }

    /// Reads the word that SQL uses.
    pub(super) fn read(word: String) -> Result<Self, StoreError> {
        let known = serde_json::from_value(word.into());
        known.map_err(|error| StoreError::from_diesel(DieselError::DeserializationError(Box::new(error))))
    }
}
