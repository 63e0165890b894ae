//! Workflows and batches: add them, see how far they are, retry and cancel them. Each verb is a function on a connection and joins
//! the caller's transaction, if there is one. [`Scheduler::workflows`](crate::Scheduler::workflows) offers the same verbs on the
//! scheduler's own connections. [The guide](crate::guide::workflows) has examples.
//!
//! ```no_run
//! use mainspring::workflows::{self, WorkflowFilter, WorkflowState};
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! for workflow in workflows::list(&mut conn, &WorkflowFilter::new())? {
//!     if workflow.state == WorkflowState::Failed {
//!         workflows::retry(&mut conn, workflow.id)?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Nullable, Text};
use serde_json::Value;

use super::enqueue::add_workflow;
use super::jobs::{JobAct, acts};
use super::json_rows::decoded;
use super::statement::Statement;
use crate::error::StoreError;
use crate::job::workflow::{HasCallback, Plan};
use crate::job::{Batch, Workflow};
use crate::store::session::AsSession;

mod graph;
#[cfg(feature = "dashboard")]
pub(crate) mod pages;
mod read;
mod state;

pub use self::graph::{depths, edges};
pub use self::read::{WorkflowFilter, WorkflowJob, WorkflowStatus, get, jobs, list, of_job};
pub use self::state::WorkflowState;

/// The ids of what was added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddedWorkflow {
    /// The id of the workflow, new or not.
    pub id: i64,
    /// The ids of the jobs that were added, in their order, without the callback.
    pub jobs: Vec<i64>,
    /// The id of the callback that was added with a batch.
    pub callback: Option<i64>,
    names: BTreeMap<String, i64>,
}

impl AddedWorkflow {
    /// Returns the id of the job with this name; `None` if no such job was added.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<i64> {
        self.names.get(name).copied()
    }
}

impl Workflow {
    /// Adds the jobs in one statement on the caller's own connection, all or none. Inside a transaction they are invisible until
    /// the commit, and gone after a rollback.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when a job is refused as by [`Enqueue::insert`](crate::Enqueue::insert), when a name comes twice or is
    /// unknown, when jobs wait for each other in a circle, when there are too many, or when the workflow to add to has finished, was
    /// cancelled or is not there: nothing is stored, and a transaction of the caller can go on. [`StoreError::Database`] when the
    /// database refuses for another reason.
    pub fn insert(self, conn: &mut impl AsSession) -> Result<AddedWorkflow, StoreError> {
        add(conn, self.plan()?)
    }
}

impl Batch {
    /// Adds the jobs and the callback, as [`Workflow::insert`] does.
    ///
    /// # Errors
    ///
    /// As [`Workflow::insert`].
    pub fn insert(self, conn: &mut impl AsSession) -> Result<AddedWorkflow, StoreError> {
        Workflow::from(self).insert(conn)
    }
}

/// Adds jobs that are complete.
pub(crate) fn add(conn: &mut impl AsSession, plan: Plan) -> Result<AddedWorkflow, StoreError> {
    let (id, mut jobs) = add_workflow(conn, &plan)?;
    let named = plan.names.into_iter().zip(&jobs).filter_map(|(name, id)| Some((name?, *id)));
    let names = named.collect();
    let callback = match plan.has_callback {
        HasCallback::Yes => jobs.pop(),
        HasCallback::No => None,
    };
    Ok(AddedWorkflow { id, jobs, callback, names })
}

/// Returns the properties of a workflow or batch, or `None` if it is not there. They are not shown to roles that may only read.
///
/// # Errors
///
/// As [`list`].
pub fn properties(conn: &mut impl AsSession, id: i64) -> Result<Option<Value>, StoreError> {
    let text = "SELECT (SELECT f.properties::text FROM mainspring.workflows AS f WHERE f.id = {})";
    let (found,): (Option<String>,) =
        Statement::<(Nullable<Text>,)>::new(text).bind::<BigInt, _>(id).get_result(conn)?;
    found.as_deref().map(decoded).transpose()
}

/// Retries the dead jobs of a workflow, as [`jobs::retry`](crate::jobs::retry) does, and returns what became of each. Jobs that wait
/// for them go on when they succeed. A workflow that was cancelled takes jobs again, if one of its jobs was retried.
///
/// # Errors
///
/// [`StoreError::Invalid`] when there is no such workflow. [`StoreError::Database`] when the database refuses.
pub fn retry(conn: &mut impl AsSession, id: i64) -> Result<Vec<JobAct>, StoreError> {
    let retry = Statement::new("SELECT job_id, result FROM mainspring.retry_workflow({})").contained();
    acts(conn, retry.bind::<BigInt, _>(id))
}

/// Cancels the unfinished jobs of a workflow, its callback too, as [`jobs::cancel`](crate::jobs::cancel) does, and returns what became of
/// each. Dead jobs stay. The workflow takes no more jobs: those that a running job would add are refused.
///
/// # Errors
///
/// As [`retry`], and [`StoreError::Invalid`] when the reason breaks its limit.
pub fn cancel(conn: &mut impl AsSession, id: i64, reason: Option<&str>) -> Result<Vec<JobAct>, StoreError> {
    let cancel = Statement::new("SELECT job_id, result FROM mainspring.cancel_workflow({}, {})").contained();
    acts(conn, cancel.bind::<BigInt, _>(id).text_or_null("reason", reason))
}
