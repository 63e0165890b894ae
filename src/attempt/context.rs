//! What a handler knows of its job and may do besides its work.

mod counts;
mod current;
mod ending;
mod lease;
mod results;
mod shown;
mod step;

use std::any::TypeId;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use crate::store::Session;
use chrono::{DateTime, Utc};

use super::cron_fire::CronFire;
use super::log_target::TARGET;
use super::steps::Steps;
use crate::error::{SchedulerError, StoreError};
use crate::job::{Enqueue, NewJob, Task, queue_of_tenant, tenant_of_queue};
use crate::job_error::JobError;
use crate::leases::Lease;
use crate::progress::checked;
use crate::shared::Shared;
use crate::signals::Attempt;
use crate::store::HandlerConnection;
use crate::store::claim::ClaimedJob;
use crate::store::settle::{complete, store_values};
use crate::store::steps::delete_steps;

/// A job as its handler sees it. Cheap to clone; clones may outlive the handler.
#[derive(Clone)]
pub struct JobContext(Arc<Inner>);

struct Inner {
    job: ClaimedJob,
    lease: i64,
    /// The id for which the job was claimed.
    worker_id: i32,
    payload: String,
    shared: Arc<Shared>,
    log_target: OnceLock<String>,
    completed: AtomicBool,
    /// When its time-out is over.
    times_out_at: OnceLock<Instant>,
    steps: Steps,
    /// What the handler has returned, or has set, as JSON.
    result: Mutex<Option<Arc<[u8]>>>,
}

impl JobContext {
    pub(crate) fn new(job: ClaimedJob, payload: String, lease: &Lease, shared: Arc<Shared>) -> Self {
        let (worker_id, lease) = (lease.worker_id(), lease.settlement().lease);
        let (log_target, times_out_at) = (OnceLock::new(), OnceLock::new());
        let (completed, steps) = (AtomicBool::new(false), Steps::default());
        Self(Arc::new(Inner {
            job,
            lease,
            worker_id,
            payload,
            shared,
            log_target,
            completed,
            times_out_at,
            steps,
            result: Mutex::default(),
        }))
    }

    /// The job and its lease, by which signals name it.
    pub(crate) fn attempt_key(&self) -> Attempt {
        (self.0.job.id, self.0.lease)
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// The job's id.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.0.job.id
    }

    /// The task's name.
    #[must_use]
    pub fn task(&self) -> &str {
        &self.0.job.task
    }

    /// The job's priority; smaller runs first.
    #[must_use]
    pub fn priority(&self) -> i16 {
        self.0.job.priority
    }

    /// When the job was due; for a job that cron added, the time of the fire.
    #[must_use]
    pub fn run_at(&self) -> DateTime<Utc> {
        self.0.job.run_at
    }

    /// The queue that the job belongs to, if any.
    #[must_use]
    pub fn queue(&self) -> Option<&str> {
        self.0.job.queue.as_deref()
    }

    /// The tenant that the job belongs to, by its queue: what is behind the last `:` of its name. `None` without a queue, and for a queue
    /// without `:`. A [`Tenant`](crate::Tenant) names its queues so. The payload, which anyone may write, is not asked.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.queue().and_then(tenant_of_queue)
    }

    /// Creates a job of the same tenant: in the queue `TASK:TENANT` for its task. A job without a tenant makes one without.
    pub fn tenant_job<T: Task>(&self, task: T) -> Enqueue<T> {
        let job = Enqueue::new(task);
        match self.tenant() {
            Some(tenant) => job.queue(queue_of_tenant(T::NAME, tenant)),
            None => job,
        }
    }

    /// The job's key when it was claimed, if any.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.job.key.as_deref()
    }

    /// The job's flags when it was claimed, sorted; empty without flags.
    #[must_use]
    pub fn flags(&self) -> &[String] {
        &self.0.job.flags
    }

    /// Which fire of cron added the job; `None` for a job that was added otherwise.
    #[must_use]
    pub fn cron(&self) -> Option<CronFire> {
        CronFire::of_job(&self.0.payload)
    }

    /// The payload as JSON, as the job stores it, with what cron has added. It may hold secrets, which do not belong into logs and error reports.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.0.payload
    }

    /// A target for log lines of this job, so that each names it: `mainspring::job::TASK#ID`.
    ///
    /// ```
    /// # fn example(job: mainspring::JobContext) {
    /// log::info!(target: job.log_target(), "half of it is done");
    /// # }
    /// ```
    #[must_use]
    pub fn log_target(&self) -> &str {
        self.0.log_target.get_or_init(|| format!("{TARGET}::{}#{}", self.task(), self.id()))
    }

    /// Reports how far the job has come, 0 to 100 percent, with a note of up to 1,000 characters, empty for none. Shown in
    /// `mainspring.jobs_view` and in the stream of events; written at most once a second, the latest report then.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when a value is outside of its limits; nothing is reported.
    pub fn progress(&self, percent: u8, note: impl Into<String>) -> Result<(), StoreError> {
        let report = checked(self.attempt_key(), percent, note.into())?;
        if self.0.shared.progress.post(report) {
            self.0.shared.progress_posted();
        }
        Ok(())
    }

    /// Application data of this type, as given to [`SchedulerBuilder::app_data`](crate::SchedulerBuilder::app_data).
    ///
    /// # Panics
    ///
    /// When no such data was given, which fails the attempt with a message that names the type. See [`Self::try_data`].
    #[must_use]
    #[track_caller]
    pub fn data<D: Send + Sync + 'static>(&self) -> &D {
        let Some(data) = self.try_data() else {
            let name = std::any::type_name::<D>();
            panic!("no application data of type `{name}`: pass one to `Scheduler::builder(..).app_data(..)`")
        };
        data
    }

    /// Application data of this type, or `None` when none was given.
    #[must_use]
    pub fn try_data<D: Send + Sync + 'static>(&self) -> Option<&D> {
        self.0.shared.app_data.get(&TypeId::of::<D>())?.downcast_ref()
    }

    /// Adds a job, and returns its id once it is stored. The job stays stored if this attempt then fails.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::enqueue`](crate::Scheduler::enqueue).
    pub async fn enqueue<T: Task>(&self, job: Enqueue<T>) -> Result<i64, SchedulerError> {
        self.0.shared.enqueue(NewJob::try_from(job)?).await
    }

    /// A database connection from a pool that serves handlers only; it waits for a free one for up to 5 seconds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Connect`] when the database cannot be reached, or no connection came free in time.
    pub async fn connection(&self) -> Result<HandlerConnection, StoreError> {
        self.0.shared.store.for_handler().await.inspect(|_| self.0.shared.handlers_connect())
    }

    /// Runs `work` in a transaction that completes the job as well. What `work` writes, the jobs it adds by
    /// [`Enqueue::insert`] and the job's success are stored together or not at all. So the effect happens exactly once,
    /// even if the process is killed or has lost the job to another. The connection comes from the pool of
    /// [`JobContext::connection`], and `work` runs on a thread that may block.
    ///
    /// Once the transaction has succeeded, the job is done and the handler should return. An error that it returns then
    /// is logged and changes nothing.
    ///
    /// ```
    /// use diesel::{RunQueryDsl, sql_query, sql_types::BigInt};
    /// use mainspring::{JobContext, JobResult, Task};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Charge { order: i64 }
    /// impl Task for Charge { const NAME: &'static str = "order.charge"; }
    ///
    /// async fn charge(task: Charge, job: JobContext) -> JobResult {
    ///     job.transaction(move |conn| {
    ///         sql_query("UPDATE orders SET charged = true WHERE id = $1").bind::<BigInt, _>(task.order).execute(&mut **conn)?;
    ///         Ok(())
    ///     })
    ///     .await
    /// }
    /// # let _ = charge;
    /// ```
    ///
    /// # Errors
    ///
    /// The error that `work` returns, or that of the database or the pool. Also when the job is no longer this worker's,
    /// or was completed before. Nothing is stored then.
    pub async fn transaction<R, W>(&self, work: W) -> Result<R, JobError>
    where
        R: Send + 'static,
        W: FnOnce(&mut Session<'_>) -> Result<R, JobError> + Send + 'static,
    {
        let carried = self.carried();
        let complete = move |conn: &mut Session<'_>| carried.run(|job| job.complete(conn, work));
        let done = self.0.shared.store.run_for_handler(complete).await?;
        done.inspect(|_| self.0.shared.handlers_connect())
    }

    fn complete<R>(
        &self,
        conn: &mut Session<'_>,
        work: impl FnOnce(&mut Session<'_>) -> Result<R, JobError>,
    ) -> Result<R, JobError> {
        if self.is_completed() {
            Err("the job is done already: it was completed by a transaction before")?;
        }
        let history = self.0.shared.config.history();
        let done = conn.transaction(|conn| {
            let done = work(conn)?;
            if complete(conn, self.attempt_key(), history)? {
                if let Some(value) = self.result() {
                    store_values(conn, vec![self.id()], vec![&value])?;
                }
                if self.has_steps() {
                    delete_steps(conn, self.id())?;
                }
                Ok(done)
            } else {
                Err("the job is no longer this worker's: the transaction was rolled back".into())
            }
        });
        self.0.completed.fetch_or(done.is_ok(), Ordering::AcqRel);
        // The handler may go on for long, and the next job of the queue need not wait for it.
        done.inspect(|_| self.queue().into_iter().for_each(|queue| self.0.shared.slot_freed(queue)))
    }

    /// Whether a transaction has completed the job.
    pub(crate) fn is_completed(&self) -> bool {
        self.0.completed.load(Ordering::Acquire)
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, task, attempt) = (self.id(), self.task(), self.attempt());
        write!(f, "JobContext {{ id: {id}, task: {task:?}, attempt: {attempt}, .. }}")
    }
}
