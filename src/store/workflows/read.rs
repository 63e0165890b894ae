//! Workflows and their jobs, as people and programs look at them. Changes nothing.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Text};
use serde::{Deserialize, Serialize};

use super::state::WorkflowState;
use crate::error::StoreError;
use crate::store::jobs::JobStatus;
use crate::store::json_moment;
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// A workflow or batch, and how far it is. A callback is not among the counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkflowStatus {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// When it was added.
    #[serde(deserialize_with = "json_moment::required")]
    pub created_at: DateTime<Utc>,
    /// When it was cancelled by [`cancel`](super::cancel); `None` if it was not, or was retried since. It takes no more jobs.
    #[serde(deserialize_with = "json_moment::optional", default)]
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub state: WorkflowState,
    /// The callback of a batch.
    pub callback: Option<i64>,
    /// How many jobs it has.
    pub total: i64,
    /// How many have ended, and are not dead: they have succeeded, or were cancelled or deleted.
    pub done: i64,
    /// How many are dead.
    pub dead: i64,
    /// How many wait for others or for signals.
    pub waiting: i64,
    /// How many run now.
    pub running: i64,
}

impl WorkflowStatus {
    /// Returns how many of a hundred jobs are done, rounded down, for a progress bar. A batch without jobs is at 100.
    #[must_use]
    pub fn percent(&self) -> u8 {
        let hundredths = (self.done * 100).checked_div(self.total).unwrap_or(100);
        u8::try_from(hundredths).unwrap_or(100)
    }
}

/// Which workflows [`list`] returns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a filter does nothing until it is given to `list`"]
pub struct WorkflowFilter {
    /// Only those with this name.
    pub name: Option<String>,
    /// Only those with smaller ids: the next page.
    pub before: Option<i64>,
    /// At most so many, up to 1,000; default 50.
    pub limit: u32,
}

impl WorkflowFilter {
    /// Creates a filter that admits all, and returns the last 50.
    pub fn new() -> Self {
        Self { name: None, before: None, limit: 50 }
    }
}

impl Default for WorkflowFilter {
    fn default() -> Self {
        Self::new()
    }
}

/// A job of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkflowJob {
    /// Its id.
    pub id: i64,
    /// Its name in the workflow.
    pub name: Option<String>,
    /// Its task; `None` if the job is gone, and the history has nothing about it.
    pub task: Option<String>,
    /// Where it stands, or how it has ended; `None` as for the task.
    pub state: Option<JobStatus>,
    /// How many attempts have begun; `None` as for the task.
    pub attempts: Option<i16>,
    /// Whether it is the callback of a batch, which waits for all others.
    pub is_callback: bool,
    /// The jobs of the same call for which it was to wait. Not those of a callback.
    pub parents: Vec<i64>,
    /// The signals for which it still waits.
    pub signals: Vec<String>,
}

/// The most that one call returns.
const MOST: u32 = 1_000;

const SHOWN: &str = "SELECT row_to_json(d)::text FROM (SELECT v.* FROM mainspring.workflows_view AS v WHERE";

/// Returns workflows with their counts, the latest first. It looks at each job of those that it returns.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn list(conn: &mut impl AsSession, filter: &WorkflowFilter) -> Result<Vec<WorkflowStatus>, StoreError> {
    let limit = filter.limit.min(MOST);
    let name = if filter.name.is_some() { "v.name = {}" } else { "{}::text IS NULL" };
    let text = format!("{SHOWN} v.id < {{}} AND {name} ORDER BY v.id DESC LIMIT {limit}) AS d");
    let statement = Statement::new(text).bind::<BigInt, _>(filter.before.unwrap_or(i64::MAX));
    rows(conn, statement.text_or_null("name", filter.name.as_deref()))
}

/// Returns one workflow with its counts, or `None` if it is not there. It looks at each of its jobs.
///
/// # Errors
///
/// As [`list`].
pub fn get(conn: &mut impl AsSession, id: i64) -> Result<Option<WorkflowStatus>, StoreError> {
    let statement = Statement::new(format!("{SHOWN} v.id = {{}}) AS d")).bind::<BigInt, _>(id);
    Ok(rows(conn, statement)?.pop())
}

/// Returns the workflow to which a job belongs: of several, the latest. A callback finds its batch by its own id.
///
/// # Errors
///
/// As [`list`].
pub fn of_job(conn: &mut impl AsSession, job: i64) -> Result<Option<WorkflowStatus>, StoreError> {
    let text = format!(
        "{SHOWN} v.id = (SELECT max(m.workflow_id) FROM mainspring.workflow_jobs AS m WHERE m.job_id = {{}})) AS d"
    );
    Ok(rows(conn, Statement::new(text).bind::<BigInt, _>(job))?.pop())
}

/// Returns the jobs of a workflow in the order of their ids, at most 10,000, of those behind the job `after`.
///
/// # Errors
///
/// As [`list`].
pub fn jobs(conn: &mut impl AsSession, id: i64, after: Option<i64>) -> Result<Vec<WorkflowJob>, StoreError> {
    let text = "SELECT row_to_json(d)::text FROM (SELECT m.id, m.name, m.task, nullif(m.state, 'gone') AS state, m.attempts, \
        m.is_callback, m.parents, m.signals FROM mainspring.workflow_members({}, coalesce({}, 0)) AS m ORDER BY m.id) AS d";
    rows(conn, Statement::<(Text,)>::new(text).bind::<BigInt, _>(id).bind::<Nullable<BigInt>, _>(after))
}
