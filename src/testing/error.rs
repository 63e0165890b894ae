//! What can go wrong in a test beside what it tests.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::error::{SchedulerError, StoreError};

/// Why the test kit could not do what the test asked.
#[derive(Error)]
#[non_exhaustive]
pub enum TestError {
    /// There is no server for tests. The text names what to do.
    #[error("no server for tests: {0}")]
    Server(String),
    /// The database refused, or could not be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The scheduler could not be started, or failed.
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
    /// No job of the task was ready.
    #[error("no job of `{task}` is ready: {found}")]
    #[non_exhaustive]
    NothingToRun {
        /// The task.
        task: &'static str,
        /// Which jobs there are instead.
        found: String,
    },
    /// Jobs became ready again and again.
    #[error(
        "{attempts} attempts have run, and more is due: do jobs add each other, or fail without a delay? Does a schedule \
         fire for ever? `drain_at_most` runs as many as it is told, and `advance` ends at its time"
    )]
    #[non_exhaustive]
    Endless {
        /// How many attempts have run.
        attempts: u64,
    },
    /// A job did not reach the state that was waited for.
    #[error("job {id} was not `{expected}` within {waited:?}: {found}")]
    #[non_exhaustive]
    NotReached {
        /// The job.
        id: i64,
        /// The state that was waited for.
        expected: &'static str,
        /// How long the wait took.
        waited: Duration,
        /// Where the job stands.
        found: String,
    },
    /// A line of the crontab is wrong.
    #[error("{0}")]
    Crontab(String),
}

/// As `Display`: this is what `unwrap` prints.
impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
