//! The errors of a job's attempts, as sql/jobs/errors_after.sql writes them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::json_moment;

/// How an attempt failed: it returned an error, panicked, took too long, or lost its worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttemptError {
    /// The number of the attempt. One whose worker was lost is not spent, so its number may come again.
    pub attempt: i16,
    /// When it ended, as the database stored it.
    #[serde(deserialize_with = "json_moment::required")]
    pub at: DateTime<Utc>,
    /// The id of the worker that ran it.
    pub worker_id: i32,
    /// The name of that worker. `None` if the worker was lost: then the error has the name.
    pub worker: Option<String>,
    /// What went wrong, with all causes. Cut at 2,000 characters; [`Job::last_error`](crate::jobs::Job::last_error) has up to 8,000.
    pub error: String,
}

/// Reads a list of them. SQL has NULL for none. What is not a list of errors comes from a restored row, and hides no job.
pub(super) fn listed<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<AttemptError>, D::Error> {
    let errors = Value::deserialize(from)?;
    let errors = errors.as_array().into_iter().flatten();
    Ok(errors.filter_map(|error| AttemptError::deserialize(error).ok()).collect())
}
