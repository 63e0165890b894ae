//! One job in any state, finished or not, as `mainspring.find_job` returns it.

use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use serde::{Deserialize, Serialize};

use super::states::JobStatus;
use crate::error::StoreError;
use crate::store::attempt_errors::{self, AttemptError};
use crate::store::json_moment;
use crate::store::json_rows::rows;
use crate::store::labels;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// One job in any state, without its payload. The names are those of the SQL function `find_job`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Job {
    /// The job's id.
    pub id: i64,
    /// The task's name.
    pub task: String,
    /// The queue the job runs in.
    pub queue: Option<String>,
    /// Where the job stands.
    pub state: JobStatus,
    /// Smaller runs first.
    pub priority: i16,
    /// When the job is or was due.
    #[serde(deserialize_with = "json_moment::required")]
    pub run_at: DateTime<Utc>,
    /// How many attempts were started, without those that were given back.
    pub attempts: i16,
    /// After how many failed attempts the job is dead; `None` for a finished one.
    pub max_attempts: Option<i16>,
    /// How many processes in a row were lost while they had the job.
    pub deaths: i16,
    /// How often the job has snoozed; `None` for a finished one.
    pub snoozes: Option<i64>,
    /// The key. A finished or dead job holds it no more.
    pub key: Option<String>,
    /// The job's labels; `None` for a finished one too.
    #[serde(default, deserialize_with = "labels::listed")]
    pub flags: Option<Vec<String>>,
    /// How often a later enqueue found this job by its key; `None` for a finished one.
    pub revision: Option<i64>,
    /// When the job was first enqueued.
    #[serde(deserialize_with = "json_moment::required")]
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    #[serde(deserialize_with = "json_moment::required")]
    pub updated_at: DateTime<Utc>,
    /// When the running attempt was claimed, or the last one of a finished job.
    #[serde(default, deserialize_with = "json_moment::optional")]
    pub started_at: Option<DateTime<Utc>>,
    /// When the job succeeded, was cancelled or died.
    #[serde(default, deserialize_with = "json_moment::optional")]
    pub finished_at: Option<DateTime<Utc>>,
    /// The worker that runs the job, or ran its last attempt.
    pub worker_id: Option<i32>,
    /// How far the running attempt has come, 0 to 100 percent.
    pub progress: Option<i16>,
    /// The note of that report.
    pub progress_note: Option<String>,
    /// Why the last attempt failed, with all causes; `None` for a finished job.
    pub last_error: Option<String>,
    /// Why the job was cancelled, or ended by a person.
    pub reason: Option<String>,
    /// The `traceparent` of what added the job; `None` for a finished one.
    #[serde(default)]
    pub trace_context: Option<String>,
    /// The version of the task that its payload is of; `None` for a finished one.
    #[serde(default)]
    pub version: Option<i32>,
    /// The errors of its failed attempts, the oldest first: the first one and the last nine. Empty if none has failed.
    #[serde(default, deserialize_with = "attempt_errors::listed")]
    pub errors: Vec<AttemptError>,
}

/// Returns the job with this id in any state, also a finished one. `None` means that there never was such a job, that it was
/// removed or deleted, or that the history keeps it no longer (`history_retention`, 24 hours unless set).
///
/// It takes a few milliseconds, whatever the length of the history: finished jobs are found by an index of ranges of pages. Lines
/// of the last ten minutes may not be in the index yet, and are read one after the other.
///
/// ```no_run
/// use mainspring::jobs::{self, JobStatus};
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// match jobs::get(&mut conn, 4711)? {
///     Some(job) if job.state == JobStatus::Succeeded => println!("done at {:?}", job.finished_at),
///     Some(job) if job.state == JobStatus::Dead => println!("failed: {:?}", job.last_error),
///     Some(job) => println!("{:?}", job.state),
///     None => println!("unknown"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn get(conn: &mut impl AsSession, id: i64) -> Result<Option<Job>, StoreError> {
    let text = "SELECT row_to_json(f)::text FROM mainspring.find_job({}) AS f";
    Ok(rows(conn, Statement::new(text).bind::<BigInt, _>(id))?.pop())
}

/// Returns the job with this id in any state, as [`get`] does.
///
/// # Errors
///
/// As [`get`], and [`StoreError::NotFound`] when it would return `None`.
pub fn require(conn: &mut impl AsSession, id: i64) -> Result<Job, StoreError> {
    get(conn, id)?.ok_or_else(|| StoreError::not_found("job", &id.to_string()))
}
