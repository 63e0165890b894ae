//! The jobs of some queues, as if there were no others: for routes that serve one tenant.

use std::sync::Arc;
use std::time::Duration;

use super::follow::Follow;
use super::jobs::Jobs;
use super::tenant_names::{Names, check_queue};
use super::wait::Waited;
use crate::attempt::JobOutcome;
use crate::error::{SchedulerError, StoreError};
use crate::job::{Enqueue, NewJob, Task};
use crate::store::Session;
use crate::store::jobs::{self, Act, ActCounts, Explanation, Job, JobAct, JobFilter};
use crate::store::like::is_like;

/// Adds, reads and changes the jobs of some queues. Returned by [`Jobs::of_queues`]. Jobs of other queues, and jobs without a queue, are
/// as if they were not there: an id that belongs to another tenant gives the same error as one that no job has.
///
/// The errors are those of [`Jobs`].
#[derive(Debug, Clone)]
pub struct JobsOf {
    jobs: Jobs,
    queues: Arc<str>,
    /// Whose jobs they are, where the queues follow from that.
    tenant: Option<Names>,
}

impl Jobs {
    /// Returns a handle to the jobs of the queues whose names are like this: a `*` stands for any characters, also for none.
    ///
    /// ```no_run
    /// use mainspring::jobs::{Act, JobFilter};
    /// use mainspring::{Enqueue, Task};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct Report { month: u8 }
    /// # impl Task for Report { const NAME: &'static str = "report"; }
    ///
    /// # async fn example(scheduler: mainspring::Scheduler, tenant: &str) -> Result<(), mainspring::SchedulerError> {
    /// let jobs = scheduler.jobs().of_queues(format!("*:{tenant}"));
    /// let id = jobs.enqueue(Enqueue::new(Report { month: 7 }).queue(format!("reports:{tenant}"))).await?;
    /// let report = jobs.require(id).await?;
    /// println!("{report:?} is one of {}", jobs.list(JobFilter::new()).await?.len());
    /// jobs.act_on(id, Act::Cancel(None)).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn of_queues(&self, like: impl Into<Arc<str>>) -> JobsOf {
        JobsOf { jobs: self.clone(), queues: like.into(), tenant: None }
    }

    pub(super) fn of_tenant(self, names: Names) -> JobsOf {
        JobsOf { jobs: self, queues: names.queues().into(), tenant: Some(names) }
    }
}

#[expect(clippy::missing_errors_doc, reason = "the type documents the errors of all methods")]
impl JobsOf {
    /// Adds a job, and returns its id. Its queue must be one of these, else the error is [`StoreError::Invalid`]. A job of a
    /// [`Tenant`](crate::Tenant) may have none: it gets the tenant's queue for the task.
    pub async fn enqueue<T: Task>(&self, job: Enqueue<T>) -> Result<i64, SchedulerError> {
        self.insert(NewJob::try_from(job)?).await
    }

    /// Adds a job whose task is known by name, as [`Self::enqueue`] does.
    pub async fn insert(&self, mut job: NewJob) -> Result<i64, SchedulerError> {
        if let (None, Some(tenant)) = (&job.options().queue, &self.tenant) {
            let queue = tenant.queue(job.task());
            job = job.queue(queue);
        }
        check_queue(job.options().queue.as_deref(), &self.queues)?;
        self.jobs.insert(job).await
    }

    /// Returns the jobs that the filter admits; see [`jobs::list`]. These queues take the place of the filter's `queue_like`.
    pub async fn list(&self, filter: JobFilter) -> Result<Vec<Job>, SchedulerError> {
        self.jobs.list(self.own(filter)).await
    }

    /// Returns how many jobs the filter admits, as [`Self::list`] does.
    pub async fn count(&self, filter: JobFilter) -> Result<i64, SchedulerError> {
        self.jobs.count(self.own(filter)).await
    }

    /// Returns one job in any state, also a finished one; see [`jobs::get`].
    pub async fn get(&self, id: i64) -> Result<Option<Job>, SchedulerError> {
        Ok(self.jobs.get(id).await?.filter(|job| self.has(job)))
    }

    /// Returns one job in any state, or [`StoreError::NotFound`]; see [`jobs::require`].
    pub async fn require(&self, id: i64) -> Result<Job, SchedulerError> {
        self.get(id).await?.ok_or_else(|| StoreError::not_found("job", &id.to_string()).into())
    }

    /// Waits until the job has ended, at most for `timeout`; see [`Jobs::wait`]. A job of another queue is [`Waited::Gone`].
    pub async fn wait(&self, id: i64, timeout: Duration) -> Result<Waited, SchedulerError> {
        match self.get(id).await? {
            Some(_) => self.jobs.wait(id, timeout).await,
            None => Ok(Waited::Gone),
        }
    }

    /// Returns how a job stands, with what its handler has returned; see [`Jobs::outcome`].
    pub async fn outcome(&self, id: i64) -> Result<Option<JobOutcome>, SchedulerError> {
        match self.get(id).await? {
            Some(_) => self.jobs.outcome(id).await,
            None => Ok(None),
        }
    }

    /// Waits until the job has ended, and returns its outcome; see [`Jobs::wait_for_outcome`].
    pub async fn wait_for_outcome(&self, id: i64, timeout: Duration) -> Result<JobOutcome, SchedulerError> {
        self.require(id).await?;
        self.jobs.wait_for_outcome(id, timeout).await
    }

    /// Follows a job; see [`Jobs::follow`].
    pub async fn follow(&self, id: i64) -> Result<Follow, SchedulerError> {
        self.require(id).await?;
        Ok(self.jobs.follow(id))
    }

    /// Returns why a job does not run; see [`jobs::explain`].
    pub async fn explain(&self, id: i64) -> Result<Vec<Explanation>, SchedulerError> {
        self.require(id).await?;
        self.jobs.explain(id).await
    }

    /// Acts on one job, and returns what became of it; see [`Jobs::act_on`]. A job of another queue is
    /// [`ActResult::Unknown`](jobs::ActResult::Unknown).
    pub async fn act_on(&self, id: i64, act: Act) -> Result<JobAct, SchedulerError> {
        let of = self.clone();
        let act = move |conn: &mut Session<'_>| match jobs::get(conn, id)?.filter(|job| of.has(job)) {
            Some(_) => act.perform(conn, &[id]),
            None => Ok(Vec::new()),
        };
        self.jobs.perform_on(id, act).await
    }

    /// Acts on all jobs of these queues that the filter admits, at most `most`; see [`Jobs::act_where`].
    pub async fn act_where(
        &self,
        filter: JobFilter,
        most: u64,
        act: Act,
    ) -> Result<ActCounts, SchedulerError> {
        self.jobs.act_where(self.own(filter), most, act).await
    }

    fn own(&self, mut filter: JobFilter) -> JobFilter {
        filter.queue_like = Some(self.queues.to_string());
        filter
    }

    fn has(&self, job: &Job) -> bool {
        job.queue.as_deref().is_some_and(|queue| is_like(queue, &self.queues))
    }
}
