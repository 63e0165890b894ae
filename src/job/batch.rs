//! A batch: a workflow with a callback, whose other jobs need no names.

use serde_json::Value;

use super::enqueue::NewJob;
use super::wait::OnFailure;
use super::workflow::{BatchParts, Workflow};
use crate::error::StoreError;

/// Jobs, and a callback that runs when all of them have succeeded.
///
/// More jobs can be added while the callback waits, also by a job of the batch, see [`Workflow::existing`] and
/// [`Workflow::of_job`]. The callback of a batch without jobs runs at once.
///
/// ```no_run
/// use mainspring::{Batch, NewJob};
/// use serde_json::json;
///
/// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
/// let publish = NewJob::new("album.publish", &json!({"album": 7}));
/// let photos = (0..100).map(|n| NewJob::new("photo.resize", &json!({"photo": n})));
/// let batch = Batch::new("album 7", publish).members(photos).properties(&json!({"owner": "anna"}));
/// let added = scheduler.workflows().start(batch).await?;
/// let status = scheduler.workflows().get(added.id).await?;
/// println!("{} %", status.map_or(0, |status| status.percent()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "jobs are added only once they are given to `insert` or `start`"]
pub struct Batch(Workflow);

impl Batch {
    /// Creates a batch without jobs. The name is for people: 1 to 128 characters, and not unique.
    pub fn new<J>(name: impl Into<String>, callback: J) -> Self
    where
        J: TryInto<NewJob>,
        J::Error: Into<StoreError>,
    {
        let mut workflow = Workflow::new(name);
        match callback.try_into() {
            Ok(callback) => workflow.batch = Some(BatchParts { callback, on_failure: OnFailure::default() }),
            Err(error) => workflow.refused = Some(error.into()),
        }
        Self(workflow)
    }

    /// Adds a job for which the callback waits.
    pub fn member<J>(self, job: J) -> Self
    where
        J: TryInto<NewJob>,
        J::Error: Into<StoreError>,
    {
        Self(self.0.member(job))
    }

    /// Adds each of these jobs, as [`member`](Self::member) does.
    pub fn members<J>(self, jobs: impl IntoIterator<Item = J>) -> Self
    where
        J: TryInto<NewJob>,
        J::Error: Into<StoreError>,
    {
        jobs.into_iter().fold(self, Self::member)
    }

    /// Sets what becomes of the callback if a job does not succeed; default [`OnFailure::Hold`]: it waits until the job is retried.
    /// With [`OnFailure::Run`] it runs once all have ended.
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        if let Some(batch) = &mut self.0.batch {
            batch.on_failure = on_failure;
        }
        self
    }

    /// Sets what the application wants to know of the batch: any JSON, up to the size of a payload; default `null`. See
    /// [`workflows::properties`](crate::workflows::properties).
    pub fn properties(self, properties: &Value) -> Self {
        Self(self.0.properties(properties))
    }
}

impl From<Batch> for Workflow {
    fn from(batch: Batch) -> Self {
        batch.0
    }
}
