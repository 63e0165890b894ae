//! The front of the scheduler: how it is set up, started, spoken to and stopped. Everything it does is done by the
//! actors, which live on threads of the scheduler's own, so that it starts under any runtime and never holds up the
//! application's threads.

mod builder;
mod jobs;
mod queues;
mod schedules;
mod stop;
mod thread;
mod verbs;
mod workers;

use std::fmt;
use std::sync::Arc;

use actix::Addr;

use self::verbs::Verbs;

pub use self::builder::SchedulerBuilder;
pub use self::jobs::Jobs;
pub use self::queues::Queues;
pub use self::schedules::Schedules;
use self::stop::StopOnDrop;
pub use self::workers::Workers;
use crate::actors::queue::{QueueActor, Remove};
use crate::error::SchedulerError;
use crate::events::EventStream;
use crate::job::{Enqueue, NewJob, Task};
use crate::phase::Phase;
use crate::shared::interrupted;
use crate::store::status::{self, Status};

/// A running scheduler. Clones are handles to the same one; when the last is dropped, the scheduler stops by itself,
/// but nobody waits for it: [`Scheduler::stop`] is the orderly way.
///
/// ```no_run
/// use mainspring::{Enqueue, JobContext, JobResult, Scheduler, Task};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct PublishReport { report_id: String }
/// impl Task for PublishReport { const NAME: &'static str = "report.publish"; }
///
/// async fn publish(task: PublishReport, job: JobContext) -> JobResult {
///     println!("job {} publishes {}", job.id(), task.report_id);
///     Ok(())
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let scheduler = Scheduler::builder("postgres://localhost/app")
///     .handler(publish)
///     .crontab("*/5 * * * * report.publish {report_id: 'daily'}")
///     .start()
///     .await?;
/// let id = scheduler.enqueue(Enqueue::new(PublishReport { report_id: "r1".into() })).await?;
/// println!("job {id} is stored");
/// scheduler.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Scheduler(Arc<StopOnDrop>);

impl Scheduler {
    /// Begins to set up a scheduler on the database that the URL names, in any form that libpq knows.
    pub fn builder(database_url: impl Into<String>) -> SchedulerBuilder {
        SchedulerBuilder::new(database_url.into())
    }

    /// Returns the address of the QueueActor, which handles [`Enqueue`], [`EnqueueMany`](crate::EnqueueMany) and [`Remove`]
    /// messages. Call this for each message: if the actor fails, it is restarted under a new address, and sends to the old
    /// one fail with [`MailboxError::Closed`](actix::MailboxError::Closed).
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Stopped`] when the scheduler is stopped.
    pub fn queue_actor(&self) -> Result<Addr<QueueActor>, SchedulerError> {
        self.0.shared.address().ok_or(SchedulerError::Stopped)
    }

    /// Adds a job, and answers its id once it is stored. It starts within milliseconds when it is due now.
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Store`] when a field breaks its limit or the database fails, [`SchedulerError::Stopped`] and
    /// [`SchedulerError::Interrupted`] as they say.
    pub async fn enqueue<T: Task>(&self, job: Enqueue<T>) -> Result<i64, SchedulerError> {
        self.0.shared.enqueue(NewJob::try_from(job)?).await
    }

    /// Adds jobs in one statement, all or none, and answers their ids in the order of the input.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::enqueue`].
    pub async fn enqueue_many(&self, jobs: Vec<NewJob>) -> Result<Vec<i64>, SchedulerError> {
        self.0.shared.enqueue_many(jobs).await
    }

    /// Takes back the job under a key. A waiting job is deleted and its id answered; a running one loses its key and is not
    /// retried; an unknown key is no error.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::enqueue`].
    pub async fn remove(&self, key: impl Into<String>) -> Result<Option<i64>, SchedulerError> {
        Ok(self.queue_actor()?.send(Remove::new(key)).await.map_err(interrupted)??)
    }

    /// What happens in this process from now on, event by event. A listener that is too slow loses the oldest and learns how
    /// many ([`Event::Missed`](crate::Event::Missed)); it holds nobody up. The stream ends when the scheduler has stopped.
    ///
    /// ```no_run
    /// # async fn example(scheduler: mainspring::Scheduler) {
    /// use mainspring::Event;
    ///
    /// let mut events = scheduler.events();
    /// while let Some(event) = events.next().await {
    ///     if let Event::JobDead { job, error, .. } = event {
    ///         eprintln!("job {} of {} is dead: {error}", job.id, job.task);
    ///     }
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn events(&self) -> EventStream {
        self.0.shared.events.subscribe()
    }

    #[doc(hidden)]
    pub async fn administer<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut crate::store::Session<'_>) -> Result<T, crate::error::StoreError> + Send + 'static,
    ) -> Result<T, SchedulerError> {
        Verbs::new(&self.0.shared).run_and_wake(crate::engine::Wake::Everything, act).await
    }

    /// Returns a summary of jobs, tasks, queues and workers; see [`status::read`].
    ///
    /// # Errors
    ///
    /// As [`Scheduler::enqueue`].
    pub async fn status(&self) -> Result<Status, SchedulerError> {
        Verbs::new(&self.0.shared).run(|conn| status::read(conn)).await
    }

    /// Whether the scheduler runs: it has started, and nobody has asked it to stop.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.0.shared.is_stopping()
    }

    /// Stops in order: cron fires no more, nothing more is claimed, jobs that have not started go back untouched, running
    /// jobs get the grace period (30 seconds unless set) and then go back as interrupted, without their attempt being
    /// spent; outcomes are stored and the connections closed. Returns when all is done. A second stop waits for the first.
    pub async fn stop(&self) {
        self.0.request_stop();
        self.0.shared.phase.reached(Phase::Stopped).await;
    }
}

#[cfg(test)]
impl Scheduler {
    pub(crate) fn shared(&self) -> Arc<crate::shared::Shared> {
        Arc::clone(&self.0.shared)
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("worker", &self.0.shared.config.worker_name)
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}
