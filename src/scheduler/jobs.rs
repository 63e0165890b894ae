//! The jobs of a running scheduler, from async code: the verbs of [`jobs`](crate::jobs) on its connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::store::Session;
use chrono::{DateTime, Utc};

use super::handle::Scheduler;
use super::verbs::Verbs;
use crate::engine::Wake;
use crate::error::{SchedulerError, StoreError};
use crate::job::NewJob;
use crate::store::history::{self, HistoryFilter, HistoryRow};
use crate::store::jobs::{
    self, Act, ActCounts, ActResult, Explanation, Job, JobAct, JobCount, JobCursor, JobFilter, JobPage,
    JobStatus, Reschedule, StateFilter,
};

/// Adds, reads and changes jobs. Returned by [`Scheduler::jobs`]. The functions of [`jobs`](crate::jobs) do the same on a
/// connection of the caller, as part of the caller's transaction.
///
/// Every method fails with [`SchedulerError::Stopped`] when the scheduler is stopped, else as the function of the same name does.
///
/// ```no_run
/// use mainspring::jobs::Reschedule;
///
/// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
/// let jobs = scheduler.jobs();
/// for act in jobs.cancel([4711, 4712], Some("ordered twice")).await? {
///     println!("job {}: {}", act.id, act.result.describe());
/// }
/// jobs.reschedule([4713], Reschedule::new().priority(-10)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Jobs {
    verbs: Verbs,
}

impl Scheduler {
    /// Returns the handle to jobs: it adds, reads and changes them.
    #[must_use]
    pub fn jobs(&self) -> Jobs {
        Jobs { verbs: Verbs::new(&self.0.shared) }
    }
}

#[expect(clippy::missing_errors_doc, reason = "the type documents the errors of all methods")]
impl Jobs {
    /// Adds a job and returns its id; see [`jobs::insert`].
    pub async fn insert(&self, job: NewJob) -> Result<i64, SchedulerError> {
        self.verbs.shared().enqueue(job).await
    }

    /// Adds jobs in one statement, all or none, and returns their ids; see [`jobs::insert_many`].
    pub async fn insert_many(&self, jobs: Vec<NewJob>) -> Result<Vec<i64>, SchedulerError> {
        self.verbs.shared().enqueue_many(jobs).await
    }

    /// Takes back the job under a key; see [`jobs::remove`].
    pub async fn remove(&self, key: impl Into<String>) -> Result<Option<i64>, SchedulerError> {
        let key = key.into();
        self.verbs.run_and_wake(Wake::Everything, move |conn| jobs::remove(conn, &key)).await
    }

    /// Returns the jobs that the filter admits; see [`jobs::list`].
    pub async fn list(&self, filter: JobFilter) -> Result<Vec<Job>, SchedulerError> {
        self.verbs.run(move |conn| jobs::list(conn, &filter)).await
    }

    /// Returns a page of the jobs that the filter admits, newest first, and reads a bounded number of rows; see [`jobs::search`].
    pub async fn search(
        &self,
        filter: JobFilter,
        from: Option<JobCursor>,
    ) -> Result<JobPage, SchedulerError> {
        self.verbs.run(move |conn| jobs::search(conn, filter, from)).await
    }

    /// Returns how many stored jobs the filter admits, as far as a bounded number of rows shows; see [`jobs::estimate`].
    pub async fn estimate(&self, filter: JobFilter) -> Result<JobCount, SchedulerError> {
        self.verbs.run(move |conn| jobs::estimate(conn, &filter)).await
    }

    /// Returns the ids of the jobs that the filter admits; see [`jobs::ids`].
    pub async fn ids(&self, filter: JobFilter) -> Result<Vec<i64>, SchedulerError> {
        self.verbs.run(move |conn| jobs::ids(conn, &filter)).await
    }

    /// Returns how many jobs the filter admits; see [`jobs::count`].
    pub async fn count(&self, filter: JobFilter) -> Result<i64, SchedulerError> {
        self.verbs.run(move |conn| jobs::count(conn, &filter)).await
    }

    /// Returns one job in any state, also a finished one; see [`jobs::get`].
    pub async fn get(&self, id: i64) -> Result<Option<Job>, SchedulerError> {
        self.verbs.run(move |conn| jobs::get(conn, id)).await
    }

    /// Returns one job in any state, or [`StoreError::NotFound`]; see [`jobs::require`].
    pub async fn require(&self, id: i64) -> Result<Job, SchedulerError> {
        self.verbs.run(move |conn| jobs::require(conn, id)).await
    }

    /// Returns why a job does not run; see [`jobs::explain`].
    pub async fn explain(&self, id: i64) -> Result<Vec<Explanation>, SchedulerError> {
        self.verbs.run(move |conn| jobs::explain(conn, id)).await
    }

    /// Returns the payload of one job as JSON text; see [`jobs::payload`].
    pub async fn payload(&self, id: i64) -> Result<Option<String>, SchedulerError> {
        self.verbs.run(move |conn| jobs::payload(conn, id)).await
    }

    /// Returns the finished jobs that the filter admits; see [`history::list`].
    pub async fn history(&self, filter: HistoryFilter) -> Result<Vec<HistoryRow>, SchedulerError> {
        self.verbs.run(move |conn| history::list(conn, &filter)).await
    }

    /// Ends jobs that do not run as if they had succeeded; see [`jobs::complete`].
    pub async fn complete(
        &self,
        ids: impl Into<Vec<i64>>,
        reason: Option<&str>,
    ) -> Result<Vec<JobAct>, SchedulerError> {
        let (ids, reason) = (ids.into(), reason.map(str::to_owned));
        self.perform(move |conn| jobs::complete(conn, &ids, reason.as_deref())).await
    }

    /// Ends waiting jobs as if their last attempt had failed; see [`jobs::fail`].
    pub async fn fail(
        &self,
        ids: impl Into<Vec<i64>>,
        reason: Option<&str>,
    ) -> Result<Vec<JobAct>, SchedulerError> {
        let (ids, reason) = (ids.into(), reason.map(str::to_owned));
        self.perform(move |conn| jobs::fail(conn, &ids, reason.as_deref())).await
    }

    /// Cancels jobs, waiting or running; see [`jobs::cancel`].
    pub async fn cancel(
        &self,
        ids: impl Into<Vec<i64>>,
        reason: Option<&str>,
    ) -> Result<Vec<JobAct>, SchedulerError> {
        let (ids, reason) = (ids.into(), reason.map(str::to_owned));
        self.perform(move |conn| jobs::cancel(conn, &ids, reason.as_deref())).await
    }

    /// Deletes waiting and dead jobs; see [`jobs::delete`].
    pub async fn delete(&self, ids: impl Into<Vec<i64>>) -> Result<Vec<JobAct>, SchedulerError> {
        let ids = ids.into();
        self.perform(move |conn| jobs::delete(conn, &ids)).await
    }

    /// Revives dead jobs; see [`jobs::retry`].
    pub async fn retry(
        &self,
        ids: impl Into<Vec<i64>>,
        run_at: Option<DateTime<Utc>>,
    ) -> Result<Vec<JobAct>, SchedulerError> {
        let ids = ids.into();
        self.perform(move |conn| jobs::retry(conn, &ids, run_at)).await
    }

    /// Changes when, how urgently and how often jobs are tried; see [`jobs::reschedule`].
    pub async fn reschedule(
        &self,
        ids: impl Into<Vec<i64>>,
        changes: Reschedule,
    ) -> Result<Vec<JobAct>, SchedulerError> {
        let ids = ids.into();
        self.perform(move |conn| jobs::reschedule(conn, &ids, &changes)).await
    }

    /// Acts on one job, and returns what became of it. A job that is not there is [`ActResult::Unknown`], and no error.
    ///
    /// ```no_run
    /// use mainspring::jobs::Act;
    ///
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// let cancelled = scheduler.jobs().act_on(4711, Act::Cancel(Some("ordered twice".into()))).await?;
    /// println!("{}", cancelled.result.describe());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn act_on(&self, id: i64, act: Act) -> Result<JobAct, SchedulerError> {
        self.perform_on(id, move |conn| act.perform(conn, &[id])).await
    }

    /// Deletes all jobs that died longer ago than `age`, and returns how many; see [`jobs::delete_dead`].
    pub async fn delete_dead(&self, age: Duration) -> Result<i64, SchedulerError> {
        self.verbs.run(move |conn| jobs::delete_dead(conn, age)).await
    }

    /// Acts on all jobs that the filter admits, at most `most`, those with the smallest ids; see [`jobs::matching`]. Each 1,000
    /// jobs are a transaction of their own, and stay done if a later one fails.
    ///
    /// ```no_run
    /// use mainspring::jobs::{Act, JobFilter};
    ///
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// let mut mails = JobFilter::new();
    /// mails.queue = Some("mails".into());
    /// let counts = scheduler.jobs().act_where(mails, 10_000, Act::Cancel(Some("out of date".into()))).await?;
    /// println!("{} of {} jobs are cancelled", counts.done(), counts.jobs());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn act_where(
        &self,
        filter: JobFilter,
        most: u64,
        act: Act,
    ) -> Result<ActCounts, SchedulerError> {
        let mut matching = self.verbs.run(move |conn| jobs::matching(conn, filter, most)).await?;
        let act = Arc::new(act);
        loop {
            let act = Arc::clone(&act);
            let batch = move |conn: &mut Session<'_>| Ok((matching.perform_batch(conn, &act)?, matching));
            let (goes_on, rest) = self.verbs.run_and_wake(Wake::Everything, batch).await?;
            if !goes_on {
                return Ok(rest.counts().clone());
            }
            matching = rest;
        }
    }

    /// Cancels all jobs that the filter admits, as [`Self::act_where`] does.
    pub async fn cancel_where(
        &self,
        filter: JobFilter,
        most: u64,
        reason: Option<&str>,
    ) -> Result<ActCounts, SchedulerError> {
        self.act_where(filter, most, Act::Cancel(reason.map(str::to_owned))).await
    }

    /// Deletes all waiting and dead jobs that the filter admits, as [`Self::act_where`] does.
    pub async fn delete_where(&self, filter: JobFilter, most: u64) -> Result<ActCounts, SchedulerError> {
        self.act_where(filter, most, Act::Delete).await
    }

    /// Revives all jobs that the filter admits, dead ones unless it names another state, as [`Self::act_where`] does.
    pub async fn retry_where(
        &self,
        mut filter: JobFilter,
        most: u64,
        run_at: Option<DateTime<Utc>>,
    ) -> Result<ActCounts, SchedulerError> {
        if filter.state == StateFilter::Stored {
            filter.state = JobStatus::Dead.into();
        }
        self.act_where(filter, most, Act::Retry(run_at)).await
    }

    /// Changes all jobs that the filter admits, as [`Self::act_where`] does.
    pub async fn reschedule_where(
        &self,
        filter: JobFilter,
        most: u64,
        changes: Reschedule,
    ) -> Result<ActCounts, SchedulerError> {
        self.act_where(filter, most, Act::Reschedule(changes)).await
    }

    pub(super) fn verbs(&self) -> &Verbs {
        &self.verbs
    }

    /// Performs an act on one job. No result means that the job is not there.
    pub(super) async fn perform_on(
        &self,
        id: i64,
        act: impl FnOnce(&mut Session<'_>) -> Result<Vec<JobAct>, StoreError> + Send + 'static,
    ) -> Result<JobAct, SchedulerError> {
        let acts = self.perform(act).await?;
        Ok(acts.into_iter().next().unwrap_or(JobAct { id, result: ActResult::Unknown }))
    }

    pub(super) async fn perform(
        &self,
        act: impl FnOnce(&mut Session<'_>) -> Result<Vec<JobAct>, StoreError> + Send + 'static,
    ) -> Result<Vec<JobAct>, SchedulerError> {
        let acts = self.verbs.run_and_wake(Wake::Everything, act).await?;
        let endings = self.verbs.shared().events.endings();
        acts.iter().filter(|act| act.result.was_done()).for_each(|act| endings.ended(act.id));
        Ok(acts)
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jobs")
    }
}
