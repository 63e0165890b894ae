//! The workers of a running scheduler's database, from async code: the verbs of [`workers`](crate::workers) on its
//! connections.

use std::fmt;

use super::handle::Scheduler;
use super::verbs::Verbs;
use crate::engine::Wake;
use crate::error::SchedulerError;
use crate::running::WorkerThread;
use crate::store::workers::{self, WorkerAct, WorkerStatus};

/// Reads workers, and takes the jobs of those that are gone. Returned by [`Scheduler::workers`]. The functions of
/// [`workers`](crate::workers) do the same on a connection of the caller, as part of the caller's transaction.
///
/// Every method fails with [`SchedulerError::Stopped`] when the scheduler is stopped, and with
/// [`SchedulerError::Store`] as the function of the same name does.
///
/// ```no_run
/// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
/// for worker in scheduler.workers().list().await? {
///     println!("{} runs {} jobs", worker.name, worker.running);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Workers {
    verbs: Verbs,
}

impl Scheduler {
    /// Returns the handle to workers: it lists them, and takes the jobs of those that are gone.
    #[must_use]
    pub fn workers(&self) -> Workers {
        Workers { verbs: Verbs::new(&self.0.shared) }
    }
}

#[expect(clippy::missing_errors_doc, reason = "the type documents the errors of all methods")]
impl Workers {
    /// Returns the workers by name; see [`workers::list`].
    pub async fn list(&self) -> Result<Vec<WorkerStatus>, SchedulerError> {
        self.verbs.run(|conn| workers::list(conn)).await
    }

    /// Takes everything from workers that are gone; see [`workers::release`].
    pub async fn release(&self, ids: impl Into<Vec<i32>>) -> Result<Vec<WorkerAct>, SchedulerError> {
        let ids = ids.into();
        self.verbs.run_and_wake(Wake::Everything, move |conn| workers::release(conn, &ids)).await
    }

    /// Releases all workers whose time-out is over; see [`workers::release_lost`].
    pub async fn release_lost(&self) -> Result<Vec<WorkerAct>, SchedulerError> {
        self.verbs.run_and_wake(Wake::Everything, |conn| workers::release_lost(conn)).await
    }
}

impl Workers {
    /// Returns the threads on which this process runs jobs, and what blocks them. Reads no database. While all of them are
    /// blocked, the process claims nothing.
    #[must_use]
    pub fn threads(&self) -> Vec<WorkerThread> {
        let workers = self.verbs.shared().addresses.workers();
        workers.iter().enumerate().map(|(index, worker)| worker.board.status(index)).collect()
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workers")
    }
}
