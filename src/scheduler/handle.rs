//! The handle to a running scheduler: what an application calls. Everything it does is done by the actors or the store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::Addr;

use super::last_handle::LastHandle;
use super::verbs::Verbs;
use crate::actors::queue::{QueueActor, Remove};
use crate::config::Part;
use crate::error::SchedulerError;
use crate::events::EventStream;
use crate::job::{Enqueue, NewJob, Task};
use crate::phase::Phase;
use crate::shared::interrupted;
#[cfg(feature = "dashboard")]
use crate::store::changes;
use crate::store::status::{self, Status};

// Longer than the counts of a large database take, and shorter than a person waits.
const STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// A running scheduler. Clones are handles to the same scheduler. When the last one is dropped, the scheduler stops by
/// itself in the background; [`Scheduler::stop`] also waits for it.
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
/// scheduler.stop_at_signal().await?; // until Ctrl-C
/// # Ok(())
/// # }
/// ```
///
/// The compiler warns of a scheduler that is not bound, because it would stop at once:
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// # async fn example() -> Result<(), mainspring::SchedulerError> {
/// mainspring::Scheduler::builder("postgres://localhost/app").start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "the scheduler stops when its last handle is dropped: bind it for as long as it shall run"]
pub struct Scheduler(pub(super) Arc<LastHandle>);

impl Scheduler {
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

    /// Adds a job, and returns its id once it is stored. A job that is due now starts within milliseconds.
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Store`] when a field breaks its limit or the database fails, [`SchedulerError::Stopped`] and
    /// [`SchedulerError::Interrupted`] as they say.
    pub async fn enqueue<T: Task>(&self, job: Enqueue<T>) -> Result<i64, SchedulerError> {
        self.0.shared.enqueue(NewJob::try_from(job)?).await
    }

    /// Adds jobs in one statement, all or none, and returns their ids in the order of the input.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::enqueue`].
    pub async fn enqueue_many(&self, jobs: Vec<NewJob>) -> Result<Vec<i64>, SchedulerError> {
        self.0.shared.enqueue_many(jobs).await
    }

    /// Removes the job under a key. A waiting job is deleted, and its id returned. A running job loses its key and is not
    /// retried. An unknown key is no error.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::enqueue`].
    pub async fn remove(&self, key: impl Into<String>) -> Result<Option<i64>, SchedulerError> {
        match self.0.shared.config.part {
            Part::Worker => Ok(self.queue_actor()?.send(Remove::new(key)).await.map_err(interrupted)??),
            Part::Client => self.jobs().remove(key).await,
        }
    }

    /// Returns a stream of what happens in this process from now on. A receiver that is too slow loses the oldest events,
    /// and learns how many by [`Event::Missed`](crate::Event::Missed). The stream ends when the scheduler has stopped.
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

    /// Returns a summary of jobs, tasks, queues and workers; see [`status::read`]. Returns within ten seconds, whatever the
    /// database does.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::enqueue`].
    pub async fn status(&self) -> Result<Status, SchedulerError> {
        Verbs::new(&self.0.shared).run_within(STATUS_TIMEOUT, |conn| status::read(conn)).await
    }

    /// Returns whether the scheduler runs: it has started, and no stop was requested.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.0.shared.is_stopping()
    }

    /// Stops in order. Cron fires no more, and nothing more is claimed. Jobs that have not started are released. Running jobs
    /// have the [grace period](crate::SchedulerBuilder::grace_period), 25 seconds unless set. Then they are interrupted
    /// without spending their attempt. Outcomes are stored, and the connections closed. A second stop waits for the first.
    ///
    /// Returns within a second after the grace period, whatever the database does. A process without jobs stops at once. Jobs
    /// that cannot be given back within that time are rescued by other processes.
    pub async fn stop(&self) {
        self.stop_within(self.0.shared.config.grace_period).await;
    }

    /// Stops as [`Scheduler::stop`] does, with this grace period in place of the setting. `Duration::ZERO` interrupts the running
    /// jobs at once. Of several stops at the same time, that one counts whose grace period ends first, and all return together.
    ///
    /// ```no_run
    /// # async fn example(scheduler: mainspring::Scheduler, left: std::time::Duration) {
    /// use std::time::Duration;
    ///
    /// // The platform kills the process when that time is over.
    /// scheduler.stop_within(left.saturating_sub(Duration::from_secs(2))).await;
    /// # }
    /// ```
    pub async fn stop_within(&self, grace_period: Duration) {
        self.0.request_stop(grace_period);
        self.0.shared.phase.reached(Phase::Stopped).await;
    }
}

#[cfg(feature = "dashboard")]
impl Scheduler {
    /// Whether this process runs jobs, or only reads and changes those of others.
    pub(crate) fn runs_jobs(&self) -> bool {
        self.0.shared.config.part == Part::Worker
    }

    /// The present, by the clock of the scheduler.
    pub(crate) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.shared.config.clock.now()
    }

    /// How much was changed in the database; see [`changes::count`].
    pub(crate) async fn changes(&self) -> Result<i64, SchedulerError> {
        Verbs::new(&self.0.shared).run(|conn| changes::count(conn)).await
    }
}

#[cfg(any(test, feature = "testing"))]
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
