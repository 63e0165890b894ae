//! Queues and tasks of a running scheduler: the same as the functions of [`queues`](crate::queues), on its connections.

use std::fmt;
use std::sync::Arc;

use diesel::pg::PgConnection;

use super::Scheduler;
use crate::actors::Shared;
use crate::actors::queue::Wake;
use crate::error::{SchedulerError, StoreError};
use crate::store::queues::{self, QueueSettings, QueueStatus};

/// Looks after queues and tasks at run time, for all processes. Given by [`Scheduler::queues`].
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
pub struct Queues(Arc<Shared>);

impl Scheduler {
    /// Limits, rates and pauses of queues and tasks.
    pub fn queues(&self) -> Queues {
        Queues(Arc::clone(&self.0.shared))
    }
}

/// Each answers an error as the function of the same name in [`queues`](crate::queues) does, in
/// [`SchedulerError::Store`], and [`SchedulerError::Stopped`] when the scheduler is stopped.
#[expect(clippy::missing_errors_doc, reason = "one text for all of them stands above")]
impl Queues {
    /// Sets the queue's limits; whether it is paused stays as it is.
    pub async fn set(&self, queue: impl Into<String>, settings: QueueSettings) -> Result<(), SchedulerError> {
        self.change(queue.into(), move |conn, queue| queues::set(conn, queue, &settings)).await
    }

    /// Lets no job of the queue start until it is resumed; running ones go on. Answers whether that is a change.
    pub async fn pause(&self, queue: impl Into<String>) -> Result<bool, SchedulerError> {
        self.change(queue.into(), queues::pause).await
    }

    /// Ends the pause of a queue. Answers whether that is a change.
    pub async fn resume(&self, queue: impl Into<String>) -> Result<bool, SchedulerError> {
        self.change(queue.into(), queues::resume).await
    }

    /// Forgets the queue's settings, its pause too; its jobs stay. Answers whether there were any.
    pub async fn remove(&self, queue: impl Into<String>) -> Result<bool, SchedulerError> {
        self.change(queue.into(), queues::remove).await
    }

    /// The queues that have due or running jobs, are paused or have limits of their own.
    pub async fn list(&self) -> Result<Vec<QueueStatus>, SchedulerError> {
        self.0.do_durably(queues::list).await
    }

    /// Lets no process claim jobs of the task until it is resumed; running ones go on. Answers whether that is a change.
    pub async fn pause_task(&self, task: impl Into<String>) -> Result<bool, SchedulerError> {
        let task = task.into();
        let changed = self.0.do_durably(move |conn| queues::pause_task(conn, &task)).await;
        self.0.send_to_queue(Wake::Everything);
        changed
    }

    /// Ends the pause of a task. Answers whether that is a change.
    pub async fn resume_task(&self, task: impl Into<String>) -> Result<bool, SchedulerError> {
        let task = task.into();
        let changed = self.0.do_durably(move |conn| queues::resume_task(conn, &task)).await;
        self.0.send_to_queue(Wake::Everything);
        changed
    }

    /// The tasks that are paused.
    pub async fn paused_tasks(&self) -> Result<Vec<String>, SchedulerError> {
        self.0.do_durably(queues::paused_tasks).await
    }

    // The notification is for other processes: this one passes its own over, and is told here.
    async fn change<T: Send + 'static>(
        &self,
        queue: String,
        change: impl FnOnce(&mut PgConnection, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SchedulerError> {
        let name = queue.clone();
        let changed = self.0.do_durably(move |conn| change(conn, &name)).await?;
        self.0.send_to_queue(Wake::Queue(queue, None));
        Ok(changed)
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queues")
    }
}
