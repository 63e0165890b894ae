//! What ends the waiting for other jobs: signals, and people.

use super::Scheduler;
use super::jobs::Jobs;
use super::verbs::Verbs;
use crate::engine::Wake;
use crate::error::SchedulerError;
use crate::store::jobs::{self, Act, ActCounts, JobAct, JobFilter, JobStatus, StateFilter};

impl Scheduler {
    /// Sends a signal to the jobs that wait for it, now or later: an approval, or the news of a webhook. Returns `true` if it is new.
    /// A signal is sent once: its first value stands, for 90 days.
    ///
    /// ```no_run
    /// use mainspring::{NewJob, Wait};
    /// use serde_json::json;
    ///
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// let publish = NewJob::new("photo.publish", &json!({"photo": 7})).after(Wait::signal("photo:7:approved"));
    /// scheduler.jobs().insert(publish).await?;
    /// // Later, in the route of a person who approves:
    /// scheduler.signal("photo:7:approved", &json!({"by": "anna"})).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`signal`](crate::jobs::signal), and [`SchedulerError::Stopped`] when the scheduler has stopped.
    pub async fn signal(
        &self,
        name: impl Into<String>,
        value: &serde_json::Value,
    ) -> Result<bool, SchedulerError> {
        let (name, value) = (name.into(), value.clone());
        Verbs::new(&self.0.shared)
            .run_and_wake(Wake::ParentsEnded, move |conn| jobs::signal(conn, &name, &value))
            .await
    }
}

impl Jobs {
    /// Lets jobs wait for no other job any more; see [`jobs::release`].
    ///
    /// # Errors
    ///
    /// As all methods of the handle.
    pub async fn release(&self, ids: impl Into<Vec<i64>>) -> Result<Vec<JobAct>, SchedulerError> {
        let ids = ids.into();
        self.perform(move |conn| jobs::release(conn, &ids)).await
    }

    /// Lets all jobs that the filter admits wait for no other job any more, those in the state `waiting` unless it names another
    /// state, as [`Self::act_where`] does.
    ///
    /// # Errors
    ///
    /// As all methods of the handle.
    pub async fn release_where(&self, mut filter: JobFilter, most: u64) -> Result<ActCounts, SchedulerError> {
        if filter.state == StateFilter::Stored {
            filter.state = JobStatus::Waiting.into();
        }
        self.act_where(filter, most, Act::Release).await
    }
}
