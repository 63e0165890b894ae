//! What a handler knows of its job and may do besides its work.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Core;
use crate::error::{SchedulerError, StoreError};
use crate::job::{Enqueue, NewJob, Task};
use crate::store::HandlerConnection;
use crate::store::claim::ClaimedJob;
use crate::store::pool::blocking;

/// A job as its handler sees it. Cheap to clone; clones may outlive the handler.
#[derive(Clone)]
pub struct JobContext(Arc<Inner>);

struct Inner {
    job: Facts,
    core: Arc<Core>,
}

struct Facts {
    id: i64,
    task: String,
    attempt: i16,
    max_attempts: i16,
    priority: i16,
    run_at: DateTime<Utc>,
    queue: Option<String>,
    key: Option<String>,
}

impl JobContext {
    pub(crate) fn new(job: ClaimedJob, core: Arc<Core>) -> Self {
        let ClaimedJob { id, task, attempt, max_attempts, priority, run_at, queue, key, .. } = job;
        Self(Arc::new(Inner {
            job: Facts { id, task, attempt, max_attempts, priority, run_at, queue, key },
            core,
        }))
    }

    /// The job's id.
    pub fn id(&self) -> i64 {
        self.0.job.id
    }

    /// The task's name.
    pub fn task(&self) -> &str {
        &self.0.job.task
    }

    /// Which attempt this is; the first is 1.
    pub fn attempt(&self) -> i16 {
        self.0.job.attempt
    }

    /// After how many failed attempts the job is dead.
    pub fn max_attempts(&self) -> i16 {
        self.0.job.max_attempts
    }

    /// The job's priority; smaller runs first.
    pub fn priority(&self) -> i16 {
        self.0.job.priority
    }

    /// When the job was due; for a job that cron added, the time of the fire.
    pub fn run_at(&self) -> DateTime<Utc> {
        self.0.job.run_at
    }

    /// The lane the job runs in, if any.
    pub fn queue(&self) -> Option<&str> {
        self.0.job.queue.as_deref()
    }

    /// The job's key when it was claimed, if any.
    pub fn key(&self) -> Option<&str> {
        self.0.job.key.as_deref()
    }

    /// Application data of this type, as given to [`SchedulerBuilder::app_data`](crate::SchedulerBuilder::app_data).
    ///
    /// # Panics
    ///
    /// When no such data was given, which fails the attempt with a message that names the type. See [`Self::try_data`].
    pub fn data<D: Send + Sync + 'static>(&self) -> &D {
        self.try_data().unwrap_or_else(|| {
            let name = std::any::type_name::<D>();
            panic!("no application data of type `{name}`: pass one to `Scheduler::builder(..).app_data(..)`")
        })
    }

    /// Application data of this type, or `None` when none was given.
    pub fn try_data<D: Send + Sync + 'static>(&self) -> Option<&D> {
        self.0.core.app_data.get(&TypeId::of::<D>())?.downcast_ref()
    }

    /// Adds a job, and answers its id once it is stored. It is stored even if this attempt then fails.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::enqueue`](crate::Scheduler::enqueue).
    pub async fn enqueue<T: Task>(&self, job: Enqueue<T>) -> Result<i64, SchedulerError> {
        self.0.core.enqueue(NewJob::try_from(job)?).await
    }

    /// A database connection from a pool that serves handlers only; it waits for a free one for up to 5 seconds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Connect`] when the database cannot be reached, or no connection came free in time.
    pub async fn connection(&self) -> Result<HandlerConnection, StoreError> {
        self.0.core.store.for_handler().await
    }

    /// Runs `work` on a thread that may block, and waits for it without holding up the other jobs of this worker's
    /// thread. The thread cannot be stopped: when the job is interrupted, `work` runs on unheard.
    pub async fn block<R, W>(&self, work: W) -> R
    where
        R: Send + 'static,
        W: FnOnce() -> R + Send + 'static,
    {
        match blocking(move || Ok(work())).await {
            Ok(done) => done,
            // Only at the very end of the process, where nobody waits for this job any more.
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether the scheduler has been asked to stop. A long job may come to an early end then; otherwise it
    /// has the grace period.
    pub fn is_stopping(&self) -> bool {
        self.0.core.is_stopping()
    }

    /// Waits until the scheduler is asked to stop.
    pub async fn stopping(&self) {
        let mut stopping = self.0.core.stopping.subscribe();
        // The sender lives in the core, which this context holds.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let job = &self.0.job;
        f.debug_struct("JobContext")
            .field("id", &job.id)
            .field("task", &job.task)
            .field("attempt", &job.attempt)
            .finish_non_exhaustive()
    }
}
