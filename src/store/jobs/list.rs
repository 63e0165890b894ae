//! Reads jobs, for people and their programs. Returns no payload unless it is requested, and offers no list that a huge
//! table of jobs could make slow.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Text};
use serde::{Deserialize, Serialize};

use super::filter::JobFilter;
use crate::error::StoreError;
use crate::lifecycle::JobState;
use crate::store::attempt_errors::{self, AttemptError};
use crate::store::json_moment;
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// One job as `mainspring.jobs_view` shows it, under the same names and without the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobRow {
    /// The job's id.
    pub id: i64,
    /// The task's name.
    pub task: String,
    /// The queue the job runs in.
    pub queue: Option<String>,
    /// Where the job stands.
    pub state: JobState,
    /// Smaller runs first.
    pub priority: i16,
    /// When the job is or was due.
    #[serde(deserialize_with = "json_moment::required")]
    pub run_at: DateTime<Utc>,
    /// How many attempts were started, without those that were given back.
    pub attempts: i16,
    /// After how many failed attempts the job is dead.
    pub max_attempts: i16,
    /// How many processes in a row were lost while they had the job. After 10 it is dead.
    pub deaths: i16,
    /// How often the job has snoozed.
    pub snoozes: i64,
    /// Unique over living jobs.
    pub key: Option<String>,
    /// The job's labels.
    pub flags: Option<Vec<String>>,
    /// How often a later enqueue found this job by its key.
    pub revision: i64,
    /// When the job was first enqueued.
    #[serde(deserialize_with = "json_moment::required")]
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    #[serde(deserialize_with = "json_moment::required")]
    pub updated_at: DateTime<Utc>,
    /// When the running attempt was claimed.
    #[serde(default, deserialize_with = "json_moment::optional")]
    pub locked_at: Option<DateTime<Utc>>,
    /// The worker that runs the job.
    pub worker_id: Option<i32>,
    /// How far the running attempt has come, 0 to 100 percent, as it last reported.
    pub progress: Option<i16>,
    /// The note of that report.
    pub progress_note: Option<String>,
    /// Why the last attempt failed, with all causes.
    pub last_error: Option<String>,
    /// The `traceparent` of what added the job.
    #[serde(default)]
    pub trace_context: Option<String>,
    /// The errors of its failed attempts, the oldest first: the first one and the last nine.
    #[serde(default, deserialize_with = "attempt_errors::listed")]
    pub errors: Vec<AttemptError>,
}

/// Returns the jobs that the filter admits, in the order of their ids.
///
/// A page costs little where a state is given, or where most jobs are admitted. A key is looked up by an index among
/// living jobs, and by a scan among dead ones. A task or queue that few jobs of a large table have costs a scan of all.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn list(conn: &mut impl AsSession, filter: &JobFilter) -> Result<Vec<JobRow>, StoreError> {
    let limit = filter.limit;
    let before = "SELECT row_to_json(v)::text FROM (SELECT id";
    let after = format!(
        "ORDER BY id LIMIT {limit}) AS chosen JOIN mainspring.jobs_view AS v ON v.id = chosen.id ORDER BY v.id"
    );
    rows(conn, filter.statement(before, &after))
}

/// Returns the ids of the jobs that the filter admits, in their order, for an act on all of them.
///
/// ```no_run
/// use mainspring::JobState;
/// use mainspring::jobs::{self, JobFilter};
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// let mut dead = JobFilter::new();
/// dead.state = Some(JobState::Dead);
/// dead.task = Some("invoice.send".into());
/// dead.limit = 1_000;
/// while let ids = jobs::ids(&mut conn, &dead)? && !ids.is_empty() {
///     jobs::retry(&mut conn, &ids, None)?;
///     dead.after_id = ids.last().copied();
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`list`].
pub fn ids(conn: &mut impl AsSession, filter: &JobFilter) -> Result<Vec<i64>, StoreError> {
    let rows: Vec<(i64,)> = filter
        .statement::<(BigInt,)>("SELECT id", &format!("ORDER BY id LIMIT {}", filter.limit))
        .load(conn)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Returns how many jobs the filter admits, whatever its `limit` is. It reads all of them.
///
/// # Errors
///
/// As [`list`].
pub fn count(conn: &mut impl AsSession, filter: &JobFilter) -> Result<i64, StoreError> {
    Ok(filter.statement::<(BigInt,)>("SELECT count(*)", "").get_result::<(i64,)>(conn)?.0)
}

/// Returns the payload of the job with this id as JSON text, or `None` when there is no such job. No other function
/// returns payloads.
///
/// # Errors
///
/// As [`list`].
pub fn payload(conn: &mut impl AsSession, id: i64) -> Result<Option<String>, StoreError> {
    let text = "SELECT payload::text FROM mainspring.jobs WHERE id = {}";
    let rows: Vec<(String,)> = Statement::<(Text,)>::new(text).bind::<BigInt, _>(id).load(conn)?;
    Ok(rows.into_iter().next().map(|row| row.0))
}
