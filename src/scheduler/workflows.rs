//! The workflows of a running scheduler's database, from async code: the verbs of [`workflows`](crate::workflows) on its
//! connections.

use std::fmt;

use serde_json::Value;

use super::handle::Scheduler;
use super::jobs::Jobs;
use crate::engine::Wake;
use crate::error::SchedulerError;
use crate::job::Workflow;
use crate::store::jobs::JobAct;
use crate::store::workflows::{self, AddedWorkflow, WorkflowFilter, WorkflowJob, WorkflowStatus};

#[cfg(feature = "dashboard")]
mod pages;

/// Adds, reads, retries and cancels workflows and batches. Returned by [`Scheduler::workflows`]. The functions of
/// [`workflows`](crate::workflows) do the same on a connection of the caller, as part of the caller's transaction.
///
/// Every method fails with [`SchedulerError::Stopped`] when the scheduler is stopped, and with
/// [`SchedulerError::Store`] as the function of the same name does.
///
/// ```no_run
/// use mainspring::{NewJob, Workflow};
/// use serde_json::json;
///
/// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
/// let chain = Workflow::new("order 17")
///     .job("charge", NewJob::new("order.charge", &json!({"order": 17})))
///     .job("ship", NewJob::new("order.ship", &json!({"order": 17})))
///     .after("ship", "charge");
/// let added = scheduler.workflows().start(chain).await?;
/// for job in scheduler.workflows().jobs(added.id, None).await? {
///     println!("{:?}: {:?}", job.name, job.state);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Workflows {
    jobs: Jobs,
}

impl Scheduler {
    /// Returns the handle to workflows and batches: it adds, reads, retries and cancels them.
    #[must_use]
    pub fn workflows(&self) -> Workflows {
        Workflows { jobs: self.jobs() }
    }
}

#[expect(clippy::missing_errors_doc, reason = "the type documents the errors of all methods")]
impl Workflows {
    /// Adds the jobs of a workflow or batch in one statement, all or none; see [`Workflow::insert`].
    pub async fn start(&self, workflow: impl Into<Workflow>) -> Result<AddedWorkflow, SchedulerError> {
        let mut plan = workflow.into().plan()?;
        self.jobs.verbs().shared().known.complete(&mut plan.jobs)?;
        self.jobs.verbs().run_and_wake(Wake::Everything, move |conn| workflows::add(conn, plan)).await
    }

    /// Returns workflows with their counts, the latest first; see [`workflows::list`].
    pub async fn list(&self, filter: WorkflowFilter) -> Result<Vec<WorkflowStatus>, SchedulerError> {
        self.jobs.verbs().run(move |conn| workflows::list(conn, &filter)).await
    }

    /// Returns one workflow with its counts; see [`workflows::get`].
    pub async fn get(&self, id: i64) -> Result<Option<WorkflowStatus>, SchedulerError> {
        self.jobs.verbs().run(move |conn| workflows::get(conn, id)).await
    }

    /// Returns the workflow to which a job belongs; see [`workflows::of_job`].
    pub async fn of_job(&self, job: i64) -> Result<Option<WorkflowStatus>, SchedulerError> {
        self.jobs.verbs().run(move |conn| workflows::of_job(conn, job)).await
    }

    /// Returns the jobs of a workflow, of those behind the job `after`; see [`workflows::jobs`].
    pub async fn jobs(&self, id: i64, after: Option<i64>) -> Result<Vec<WorkflowJob>, SchedulerError> {
        self.jobs.verbs().run(move |conn| workflows::jobs(conn, id, after)).await
    }

    /// Returns the properties of a workflow or batch; see [`workflows::properties`].
    pub async fn properties(&self, id: i64) -> Result<Option<Value>, SchedulerError> {
        self.jobs.verbs().run(move |conn| workflows::properties(conn, id)).await
    }

    /// Retries the dead jobs of a workflow; see [`workflows::retry`].
    pub async fn retry(&self, id: i64) -> Result<Vec<JobAct>, SchedulerError> {
        self.jobs.perform(move |conn| workflows::retry(conn, id)).await
    }

    /// Cancels the unfinished jobs of a workflow; see [`workflows::cancel`].
    pub async fn cancel(&self, id: i64, reason: Option<&str>) -> Result<Vec<JobAct>, SchedulerError> {
        let reason = reason.map(str::to_owned);
        self.jobs.perform(move |conn| workflows::cancel(conn, id, reason.as_deref())).await
    }
}

impl fmt::Debug for Workflows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workflows")
    }
}
