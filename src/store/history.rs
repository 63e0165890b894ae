//! The history: finished jobs, newest first, as `mainspring.history_view` shows them, without payloads.
//!
//! ```no_run
//! use mainspring::history::{self, HistoryFilter};
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! let mut cancelled = HistoryFilter::new();
//! cancelled.outcome = Some("cancelled".into());
//! for job in history::list(&mut conn, &cancelled)? {
//!     println!("job {} of {}: {:?}", job.id, job.task, job.reason);
//! }
//! # Ok(())
//! # }
//! ```

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable};
use serde::{Deserialize, Serialize};

use super::attempt_errors::{self, AttemptError};
use super::json_moment;
use super::json_rows::rows;
use super::query;
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// One finished job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistoryRow {
    /// The job's id.
    pub id: i64,
    /// The task's name.
    pub task: String,
    /// The queue the job ran in.
    pub queue: Option<String>,
    /// `succeeded` or `cancelled`.
    pub outcome: String,
    /// Smaller ran first.
    pub priority: i16,
    /// When the job was due.
    #[serde(deserialize_with = "json_moment::required")]
    pub run_at: DateTime<Utc>,
    /// How many attempts were started.
    pub attempts: i16,
    /// How many processes in a row were lost with the job before the attempt that ended it.
    pub deaths: i16,
    /// The key that the job had at its end.
    pub key: Option<String>,
    /// Why the job was cancelled, or ended by a person.
    pub reason: Option<String>,
    /// When the job was first enqueued.
    #[serde(deserialize_with = "json_moment::required")]
    pub created_at: DateTime<Utc>,
    /// When the last attempt was claimed; `None` where a person ended the job while it waited.
    #[serde(default, deserialize_with = "json_moment::optional")]
    pub started_at: Option<DateTime<Utc>>,
    /// When the end was stored.
    #[serde(deserialize_with = "json_moment::required")]
    pub finished_at: DateTime<Utc>,
    /// The worker that ran the last attempt.
    pub worker_id: Option<i32>,
    /// The errors of its failed attempts, the oldest first: the first one and the last nine.
    #[serde(default, deserialize_with = "attempt_errors::listed")]
    pub errors: Vec<AttemptError>,
}

/// Which finished jobs [`list`] returns: those that meet every condition that is set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[must_use = "a filter does nothing until it is given to `list`"]
pub struct HistoryFilter {
    /// Only the job with this id.
    #[serde(deserialize_with = "query::id")]
    pub id: Option<i64>,
    /// Only jobs of this task.
    pub task: Option<String>,
    /// Only jobs of this queue.
    pub queue: Option<String>,
    /// Only jobs that ended with this outcome: `succeeded` or `cancelled`.
    pub outcome: Option<String>,
    /// At most this many; default 100. A query may ask for at most 10,000.
    #[serde(deserialize_with = "query::limit")]
    pub limit: u32,
}

impl HistoryFilter {
    /// Creates a filter that admits the last 100 finished jobs.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Default for HistoryFilter {
    fn default() -> Self {
        Self { id: None, task: None, queue: None, outcome: None, limit: 100 }
    }
}

/// Returns the finished jobs that the filter admits, the last finished first.
///
/// The history has no index, so that writing it is cheap. A list therefore reads all days that are kept: about a second
/// for some million jobs.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn list(conn: &mut impl AsSession, filter: &HistoryFilter) -> Result<Vec<HistoryRow>, StoreError> {
    let text = format!(
        "SELECT row_to_json(h)::text FROM mainspring.history_view AS h \
         WHERE coalesce(h.id = {{}}, true) AND coalesce(h.task = {{}}, true) AND coalesce(h.queue = {{}}, {{}} IS NULL) \
         AND coalesce(h.outcome = {{}}, true) ORDER BY h.finished_at DESC, h.id DESC LIMIT {}",
        filter.limit
    );
    let statement = Statement::new(text)
        .bind::<Nullable<BigInt>, _>(filter.id)
        .text_or_null("task", filter.task.as_deref())
        .text_or_null("queue", filter.queue.as_deref())
        .text_or_null("queue", filter.queue.as_deref())
        .text_or_null("outcome", filter.outcome.as_deref());
    rows(conn, statement)
}
