//! What can go wrong with a scheduler.

use std::fmt;

use thiserror::Error;

use super::store::StoreError;
use crate::stored::Stored;
use crate::text::one_line;

/// Why the scheduler could not carry out a request.
#[derive(Error)]
#[non_exhaustive]
pub enum SchedulerError {
    /// The set-up is wrong; nothing was started. The text names the setting, what was expected and what came.
    #[error("{}", one_line(.0))]
    Config(String),
    /// The scheduler is stopped, and has not accepted the request.
    #[error("the scheduler is stopped")]
    Stopped,
    /// The scheduler was stopped before it replied, or one of its actors failed and is being restarted. The request may or may
    /// not have been carried out.
    #[error(
        "the scheduler stopped, or its queue failed, before it replied: the request may have been carried out"
    )]
    Interrupted,
    /// The store refused, or could not be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// As `Display`: this is what a program prints whose `main` returns the error.
impl fmt::Debug for SchedulerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl SchedulerError {
    /// Returns whether the request was carried out although it failed. For an enqueue, whether the jobs are stored. A key makes
    /// it safe to repeat an enqueue whose result is unknown:
    ///
    /// ```
    /// use mainspring::{Enqueue, Scheduler, SchedulerError, Stored, Task};
    ///
    /// async fn enqueue_once<T: Task + Clone>(scheduler: &Scheduler, task: T, key: &str) -> Result<i64, SchedulerError> {
    ///     let job = || Enqueue::new(task.clone()).key(key);
    ///     match scheduler.enqueue(job()).await {
    ///         Err(error) if error.stored() == Stored::Unknown => scheduler.enqueue(job()).await,
    ///         other => other,
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn stored(&self) -> Stored {
        match self {
            Self::Config(_) | Self::Stopped => Stored::No,
            Self::Interrupted => Stored::Unknown,
            Self::Store(error) => error.stored(),
        }
    }
}
