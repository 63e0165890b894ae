//! The queues and tasks of a running scheduler's database, from async code: the verbs of [`queues`](crate::queues) on its
//! connections.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::store::Session;

use super::handle::Scheduler;
use super::verbs::Verbs;
use crate::engine::Wake;
use crate::error::{SchedulerError, StoreError};
#[cfg(feature = "dashboard")]
use crate::store::jobs::Job;
use crate::store::queues::{self, QueueFamily, QueueSettings, QueueStatus, TaskLimit, TaskLimitStatus};
use crate::store::status;

/// Limits, pauses and lists queues, and pauses tasks or everything, for all processes. Returned by [`Scheduler::queues`]. The functions
/// of [`queues`](crate::queues) do the same on a connection of the caller, as part of the caller's transaction.
///
/// Every method fails with [`SchedulerError::Stopped`] when the scheduler is stopped, and with
/// [`SchedulerError::Store`] as the function of the same name does.
///
/// ```no_run
/// use std::time::Duration;
/// use mainspring::queues::QueueSettings;
///
/// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
/// let queues = scheduler.queues();
/// queues.set("mails", QueueSettings::concurrency(5).rate(100, Duration::from_secs(60))).await?;
/// queues.pause("reports").await?;
/// queues.pause_task("report.publish").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Queues {
    verbs: Verbs,
}

impl Scheduler {
    /// Returns the handle to queues and tasks: it sets limits, rates and pauses.
    #[must_use]
    pub fn queues(&self) -> Queues {
        Queues { verbs: Verbs::new(&self.0.shared) }
    }
}

#[expect(clippy::missing_errors_doc, reason = "the type documents the errors of all methods")]
impl Queues {
    /// Returns the queues of [`list`](Self::list) behind a name, at most so many.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn page(&self, after: String, most: u32) -> Result<Vec<QueueStatus>, SchedulerError> {
        self.verbs.run(move |conn| queues::page(conn, &after, i64::from(most))).await
    }

    /// Returns jobs of a queue that run, and those that are admitted next, at most so many of each.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn head(&self, queue: String, most: u32) -> Result<[Vec<Job>; 2], SchedulerError> {
        let read = move |conn: &mut Session<'_>| {
            Ok([queues::running_jobs(conn, &queue, most)?, queues::next_jobs(conn, &queue, most)?])
        };
        self.verbs.run(read).await
    }

    /// Replaces the queue's limits; see [`queues::set`].
    pub async fn set(&self, queue: impl Into<String>, settings: QueueSettings) -> Result<(), SchedulerError> {
        self.change(queue.into(), move |conn, queue| queues::set(conn, queue, &settings)).await
    }

    /// Sets the queue's limits unless they were set before; see [`queues::set_if_absent`].
    pub async fn set_if_absent(
        &self,
        queue: impl Into<String>,
        settings: QueueSettings,
    ) -> Result<bool, SchedulerError> {
        self.change(queue.into(), move |conn, queue| queues::set_if_absent(conn, queue, &settings)).await
    }

    /// Sets the limits of a family of queues, such as `tenant:*`; see [`queues::set_family`].
    pub async fn set_family(
        &self,
        family: impl Into<String>,
        settings: QueueSettings,
    ) -> Result<(), SchedulerError> {
        self.change_all(family.into(), move |conn, family| queues::set_family(conn, family, &settings)).await
    }

    /// Sets the limits of a family of queues unless it has some; see [`queues::set_family_if_absent`].
    pub async fn set_family_if_absent(
        &self,
        family: impl Into<String>,
        settings: QueueSettings,
    ) -> Result<bool, SchedulerError> {
        let set =
            move |conn: &mut Session<'_>, family: &str| queues::set_family_if_absent(conn, family, &settings);
        self.change_all(family.into(), set).await
    }

    /// Removes the limits of a family of queues; see [`queues::remove_family`].
    pub async fn remove_family(&self, family: impl Into<String>) -> Result<bool, SchedulerError> {
        self.change_all(family.into(), |conn, family| queues::remove_family(conn, family)).await
    }

    /// Returns the families of queues; see [`queues::families`].
    pub async fn families(&self) -> Result<Vec<QueueFamily>, SchedulerError> {
        self.verbs.run(|conn| queues::families(conn)).await
    }

    /// Returns the limits and counts of one queue; see [`queues::show`].
    pub async fn show(&self, queue: impl Into<String>) -> Result<QueueStatus, SchedulerError> {
        let queue = queue.into();
        self.verbs.run(move |conn| queues::show(conn, &queue)).await
    }

    /// Pauses the queue; see [`queues::pause`].
    pub async fn pause(&self, queue: impl Into<String>) -> Result<bool, SchedulerError> {
        self.change(queue.into(), |conn, queue| queues::pause(conn, queue)).await
    }

    /// Ends the pause of the queue; see [`queues::resume`].
    pub async fn resume(&self, queue: impl Into<String>) -> Result<bool, SchedulerError> {
        self.change(queue.into(), |conn, queue| queues::resume(conn, queue)).await
    }

    /// Removes the queue's settings; see [`queues::remove`].
    pub async fn remove(&self, queue: impl Into<String>) -> Result<bool, SchedulerError> {
        self.change(queue.into(), |conn, queue| queues::remove(conn, queue)).await
    }

    /// Removes the rows of unused queues, and returns how many; see [`queues::remove_unused`].
    pub async fn remove_unused(&self) -> Result<i64, SchedulerError> {
        self.verbs.run(|conn| queues::remove_unused(conn)).await
    }

    /// Returns the queues that are in use or have settings; see [`queues::list`].
    pub async fn list(&self) -> Result<Vec<QueueStatus>, SchedulerError> {
        self.verbs.run(|conn| queues::list(conn)).await
    }

    /// Pauses the task; see [`queues::pause_task`].
    pub async fn pause_task(&self, task: impl Into<String>) -> Result<bool, SchedulerError> {
        self.change_all(task.into(), |conn, task| queues::pause_task(conn, task)).await
    }

    /// Ends the pause of the task; see [`queues::resume_task`].
    pub async fn resume_task(&self, task: impl Into<String>) -> Result<bool, SchedulerError> {
        self.change_all(task.into(), |conn, task| queues::resume_task(conn, task)).await
    }

    /// Sets the limit of the task over all processes; see [`queues::set_task_limit`].
    pub async fn set_task_limit(
        &self,
        task: impl Into<String>,
        limit: TaskLimit,
    ) -> Result<(), SchedulerError> {
        self.change_all(task.into(), move |conn, task| queues::set_task_limit(conn, task, &limit)).await
    }

    /// Sets the limit of the task unless it has one; see [`queues::set_task_limit_if_absent`].
    pub async fn set_task_limit_if_absent(
        &self,
        task: impl Into<String>,
        limit: TaskLimit,
    ) -> Result<bool, SchedulerError> {
        self.change_all(task.into(), move |conn, task| queues::set_task_limit_if_absent(conn, task, &limit))
            .await
    }

    /// Removes the limit of the task; see [`queues::remove_task_limit`].
    pub async fn remove_task_limit(&self, task: impl Into<String>) -> Result<bool, SchedulerError> {
        self.change_all(task.into(), |conn, task| queues::remove_task_limit(conn, task)).await
    }

    /// Returns the limits of tasks; see [`queues::task_limits`].
    pub async fn task_limits(&self) -> Result<Vec<TaskLimitStatus>, SchedulerError> {
        self.verbs.run(|conn| queues::task_limits(conn)).await
    }

    /// Pauses everything, for all processes; see [`queues::pause_all`].
    pub async fn pause_all(&self) -> Result<bool, SchedulerError> {
        self.verbs.run_and_wake(Wake::Everything, |conn| queues::pause_all(conn)).await
    }

    /// Ends the pause of everything; see [`queues::resume_all`].
    pub async fn resume_all(&self) -> Result<bool, SchedulerError> {
        self.verbs.run_and_wake(Wake::Everything, |conn| queues::resume_all(conn)).await
    }

    /// Returns since when everything is paused, if it is; see [`status::paused_since`].
    pub async fn paused_since(&self) -> Result<Option<DateTime<Utc>>, SchedulerError> {
        self.verbs.run(|conn| status::paused_since(conn)).await
    }

    /// Returns the names of the tasks that are paused; see [`queues::paused_tasks`].
    pub async fn paused_tasks(&self) -> Result<Vec<String>, SchedulerError> {
        self.verbs.run(|conn| queues::paused_tasks(conn)).await
    }

    async fn change_all<T: Send + 'static>(
        &self,
        name: String,
        change: impl FnOnce(&mut Session<'_>, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SchedulerError> {
        self.verbs.run_and_wake(Wake::Everything, move |conn| change(conn, &name)).await
    }

    async fn change<T: Send + 'static>(
        &self,
        queue: String,
        change: impl FnOnce(&mut Session<'_>, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SchedulerError> {
        let name = queue.clone();
        self.verbs.run_and_wake(Wake::Parked(queue, None), move |conn| change(conn, &name)).await
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queues")
    }
}
