//! The published tasks of a running scheduler's database, from async code: the verbs of [`tasks`](mod@crate::tasks) on its
//! connections.

use std::fmt;

use super::handle::Scheduler;
use super::verbs::Verbs;
use crate::error::SchedulerError;
use crate::store::tasks::{self, PublishedTask};

/// Reads what workers have published of their tasks. Returned by [`Scheduler::tasks`]. The functions of
/// [`tasks`](mod@crate::tasks) do the same on a connection of the caller.
///
/// Every method fails with [`SchedulerError::Stopped`] when the scheduler is stopped, and with
/// [`SchedulerError::Store`] as the function of the same name does.
///
/// ```no_run
/// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
/// for task in scheduler.tasks().list().await?.iter().filter(|task| task.workers == 0) {
///     println!("no worker knows {}, and {} jobs wait", task.name, task.ready);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tasks {
    verbs: Verbs,
}

impl Scheduler {
    /// Returns the handle to the tasks that workers have published.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        Tasks { verbs: Verbs::new(&self.0.shared) }
    }
}

#[expect(clippy::missing_errors_doc, reason = "the type documents the errors of all methods")]
impl Tasks {
    /// Returns the tasks by name; see [`tasks::list`].
    pub async fn list(&self) -> Result<Vec<PublishedTask>, SchedulerError> {
        self.verbs.run(|conn| tasks::list(conn)).await
    }

    /// Returns those of the tasks that no living worker knows; see [`tasks::unknown`].
    pub async fn unknown(&self, tasks: impl Into<Vec<String>>) -> Result<Vec<String>, SchedulerError> {
        let tasks = tasks.into();
        self.verbs.run(move |conn| tasks::unknown(conn, &tasks)).await
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tasks")
    }
}
