//! The jobs of some queues, as if there were no others: for routes that serve one tenant.

use std::sync::Arc;
use std::time::Duration;

use super::jobs::Jobs;
use super::wait::Waited;
use crate::error::{Problem, SchedulerError, StoreError};
use crate::job::{Enqueue, NewJob, Task};
use crate::store::Session;
use crate::store::jobs::{self, Act, Explanation, Job, JobAct, JobFilter};
use crate::store::like::is_like;

/// Adds, reads and changes the jobs of some queues. Returned by [`Jobs::of_queues`]. Jobs of other queues, and jobs without a queue, are
/// as if they were not there: an id that belongs to another tenant gives the same error as one that no job has.
///
/// The errors are those of [`Jobs`].
#[derive(Debug, Clone)]
pub struct JobsOf {
    jobs: Jobs,
    queues: Arc<str>,
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
        JobsOf { jobs: self.clone(), queues: like.into() }
    }
}

#[expect(clippy::missing_errors_doc, reason = "the type documents the errors of all methods")]
impl JobsOf {
    /// Adds a job, and returns its id. Its queue must be one of these, else the error is [`StoreError::Invalid`].
    pub async fn enqueue<T: Task>(&self, job: Enqueue<T>) -> Result<i64, SchedulerError> {
        self.insert(NewJob::try_from(job)?).await
    }

    /// Adds a job whose task is known by name, as [`Self::enqueue`] does.
    pub async fn insert(&self, job: NewJob) -> Result<i64, SchedulerError> {
        let queue = job.options().queue.as_deref();
        if !queue.is_some_and(|queue| is_like(queue, &self.queues)) {
            let expected = format!("must be like `{}`", self.queues);
            return Err(StoreError::from(Problem::new("queue", expected, queue.unwrap_or("none"))).into());
        }
        self.jobs.insert(job).await
    }

    /// Returns the jobs that the filter admits; see [`jobs::list`]. These queues take the place of the filter's `queue_like`.
    pub async fn list(&self, mut filter: JobFilter) -> Result<Vec<Job>, SchedulerError> {
        filter.queue_like = Some(self.queues.to_string());
        self.jobs.list(filter).await
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

    fn has(&self, job: &Job) -> bool {
        job.queue.as_deref().is_some_and(|queue| is_like(queue, &self.queues))
    }
}
