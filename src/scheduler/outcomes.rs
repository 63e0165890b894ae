//! How jobs have ended, and what their handlers have returned.

use std::time::Duration;

use super::handle::Scheduler;
use super::jobs::Jobs;
use super::wait::Waited;
use crate::attempt::JobOutcome;
use crate::error::{SchedulerError, StoreError};
use crate::job::{Enqueue, Task};
use crate::store::jobs::{Job, JobStatus};
use crate::store::results::read_value;

impl Jobs {
    /// Returns how a job stands, with what its handler has returned, whichever process runs it. `None` means that there is no such job,
    /// or that neither the history nor a value is kept of it.
    ///
    /// ```no_run
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Some(outcome) = scheduler.jobs().outcome(4711).await? {
    ///     let words: usize = outcome.value()?;
    ///     println!("{words} words");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As all methods of the handle.
    pub async fn outcome(&self, id: i64) -> Result<Option<JobOutcome>, SchedulerError> {
        match self.get(id).await? {
            Some(job) => self.outcome_of(job).await.map(Some),
            None => match self.outcome_of_gone(id).await {
                Err(SchedulerError::Store(StoreError::NotFound { .. })) => Ok(None),
                found => found.map(Some),
            },
        }
    }

    /// Returns how a job stands that was read, with what its handler has returned.
    pub(super) async fn outcome_of(&self, job: Job) -> Result<JobOutcome, SchedulerError> {
        let has_succeeded = job.state == JobStatus::Succeeded;
        let value = if has_succeeded { self.value(job.id).await? } else { None };
        Ok(JobOutcome::of_job(job, value))
    }

    /// Returns the outcome of a job of which neither a row nor a line of the history is there: only its value shows that it has succeeded.
    pub(super) async fn outcome_of_gone(&self, id: i64) -> Result<JobOutcome, SchedulerError> {
        let not_found = || StoreError::not_found("job", &id.to_string()).into();
        self.value(id).await?.map(|value| JobOutcome::succeeded(id, value)).ok_or_else(not_found)
    }

    async fn value(&self, id: i64) -> Result<Option<Vec<u8>>, SchedulerError> {
        self.verbs().run(move |conn| read_value(conn, id)).await
    }

    /// Waits until the job has ended, at most for `timeout`, as [`wait`](Self::wait) does, and returns its outcome. One that has not
    /// ended by then has its state. A caller who is dropped leaves nothing behind.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and [`StoreError::NotFound`] where nothing is known of the job. That includes a job without a value that
    /// has succeeded or was cancelled, once the history has no line of it any more.
    pub async fn wait_for_outcome(&self, id: i64, timeout: Duration) -> Result<JobOutcome, SchedulerError> {
        match self.wait(id, timeout).await? {
            Waited::TimedOut(job) | Waited::Ended(job) => self.outcome_of(job).await,
            Waited::Gone => self.outcome_of_gone(id).await,
        }
    }
}

impl<T: Task> Enqueue<T> {
    /// Adds the job, waits until it has ended, at most for `timeout`, and returns its outcome; see [`Jobs::wait_for_outcome`]. The
    /// job goes on if the time is over, or if the caller is dropped.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use mainspring::{Enqueue, Scheduler, Task};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct CountWords { file: String }
    /// # impl Task for CountWords { const NAME: &'static str = "words.count"; }
    ///
    /// # async fn example(scheduler: Scheduler) -> Result<(), Box<dyn std::error::Error>> {
    /// let count = Enqueue::new(CountWords { file: "moby-dick.txt".into() });
    /// let words: usize = count.wait(&scheduler, Duration::from_secs(10)).await?.value()?;
    /// println!("{words} words");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Scheduler::enqueue`] and [`Jobs::wait_for_outcome`].
    pub async fn wait(self, scheduler: &Scheduler, timeout: Duration) -> Result<JobOutcome, SchedulerError> {
        let id = scheduler.enqueue(self).await?;
        scheduler.jobs().wait_for_outcome(id, timeout).await
    }
}
