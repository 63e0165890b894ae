//! Reads jobs, for people and their programs. Returns no payload unless it is asked for, and offers no list that a huge
//! table of jobs could make slow.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Text};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::lifecycle::JobState;
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
    pub run_at: DateTime<Utc>,
    /// How many attempts were started.
    pub attempts: i16,
    /// After how many failed attempts the job is dead.
    pub max_attempts: i16,
    /// Unique over living jobs.
    pub key: Option<String>,
    /// The job's labels.
    pub flags: Option<Vec<String>>,
    /// How often a later enqueue found this job by its key.
    pub revision: i32,
    /// When the job was first enqueued.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
    /// When the running attempt was claimed.
    pub locked_at: Option<DateTime<Utc>>,
    /// The worker that runs the job.
    pub worker_id: Option<i32>,
    /// How far the running attempt has come, 0 to 100 percent, as it last reported.
    pub progress: Option<i16>,
    /// The note of that report.
    pub progress_note: Option<String>,
    /// Why the last attempt failed, with all causes.
    pub last_error: Option<String>,
}

/// Which jobs [`list`] returns: those that meet every condition that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a filter does nothing until it is given to `list`"]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs of this task.
    pub task: Option<String>,
    /// Only jobs of this queue.
    pub queue: Option<String>,
    /// Only jobs with this key, dead ones included.
    pub key: Option<String>,
    /// Only jobs with a greater id. The last id of one page selects the next page.
    pub after_id: Option<i64>,
    /// At most this many; default 100.
    pub limit: u32,
}

impl JobFilter {
    /// Creates a filter that admits the first 100 jobs.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Default for JobFilter {
    fn default() -> Self {
        Self { state: None, task: None, queue: None, key: None, after_id: None, limit: 100 }
    }
}

const OF_KEY: &str = " AND id = ANY (ARRAY(\
    SELECT k.id FROM mainspring.jobs AS k WHERE k.key = {} AND k.key IS NOT NULL AND k.state <> 'dead' UNION ALL \
    SELECT d.id FROM mainspring.jobs AS d WHERE d.key = {} AND d.state = 'dead'))";

/// Returns the jobs that the filter admits, in the order of their ids.
///
/// A page costs little where a state is given, or where most jobs are admitted. A key is looked up by an index among
/// living jobs, and by a scan among dead ones. A task or queue that few jobs of a large table have costs a scan of all.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn list(conn: &mut impl AsSession, filter: &JobFilter) -> Result<Vec<JobRow>, StoreError> {
    let mut conditions = String::new();
    let mut given: Vec<&str> = Vec::new();
    // A state stands in the text and not among the values, so that the partial index of the state serves.
    if let Some(state) = filter.state {
        conditions += &format!(" AND state = '{}'", state.as_str());
    }
    for (column, text) in [("task", &filter.task), ("queue", &filter.queue)] {
        if let Some(text) = text {
            conditions += &format!(" AND {column} = {{}}");
            given.push(text);
        }
    }
    if let Some(key) = &filter.key {
        conditions += OF_KEY;
        given.extend([key.as_str(); 2]);
    }
    let text = format!(
        "SELECT row_to_json(v)::text \
         FROM (SELECT id FROM mainspring.jobs WHERE id > {{}}{conditions} ORDER BY id LIMIT {}) AS chosen \
         JOIN mainspring.jobs_view AS v ON v.id = chosen.id ORDER BY v.id",
        filter.limit
    );
    let statement = Statement::new(text).bind::<BigInt, _>(filter.after_id.unwrap_or(i64::MIN));
    rows(conn, given.iter().fold(statement, |statement, text| statement.bind::<Text, _>(*text)))
}

/// Returns the job with this id, or `None` when it is finished or never was.
///
/// # Errors
///
/// As [`list`].
pub fn get(conn: &mut impl AsSession, id: i64) -> Result<Option<JobRow>, StoreError> {
    let text = "SELECT row_to_json(v)::text FROM mainspring.jobs_view AS v WHERE v.id = {}";
    Ok(rows(conn, Statement::new(text).bind::<BigInt, _>(id))?.pop())
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
