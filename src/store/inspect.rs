//! Reads what is there, for people and their programs: jobs, finished ones, and how the whole stands. No payload
//! unless it is asked for, and no count or list that a huge table of jobs could make slow. It changes nothing.
//!
//! Rows come from the database as JSON whose names are the fields here, so one name means one thing in SQL,
//! in Rust and in what programs read. Nothing on the way of a job calls this.

use chrono::{DateTime, Utc};
use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Text};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::statement::Statement;
use crate::error::StoreError;
use crate::lifecycle::JobState;

mod history;
mod status;

pub use history::{HistoryFilter, HistoryRow, list_history};
pub use status::{
    COUNT_CAP, DETAIL_COUNT_CAP, LIST_CAP, QueueStatus, StateCounts, Status, TaskStatus, WorkerStatus,
    list_queues, status,
};

/// One job as `mainspring.jobs_view` shows it: everything but the payload, under the same names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How often a later enqueue met this job by its key.
    pub revision: i32,
    /// When the job was first enqueued.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
    /// When the running attempt was claimed.
    pub locked_at: Option<DateTime<Utc>>,
    /// The worker that runs the job.
    pub worker_id: Option<i32>,
    /// How far the running attempt says it is, 0 to 100.
    pub progress: Option<i16>,
    /// What the running attempt says it does.
    pub progress_note: Option<String>,
    /// Why the last attempt failed, with every cause.
    pub last_error: Option<String>,
}

/// Which jobs to list: those that meet every condition given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs of this task.
    pub task: Option<String>,
    /// Only jobs of this queue.
    pub queue: Option<String>,
    /// Only jobs with this key, dead ones included.
    pub key: Option<String>,
    /// Only jobs with a greater id: the last id of one page asks for the next.
    pub after_id: Option<i64>,
    /// At most this many; default 100.
    pub limit: u32,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self { state: None, task: None, queue: None, key: None, after_id: None, limit: 100 }
    }
}

const OF_KEY: &str = " AND id = ANY (ARRAY(\
    SELECT k.id FROM mainspring.jobs AS k WHERE k.key = {} AND k.key IS NOT NULL AND k.state <> 'dead' UNION ALL \
    SELECT d.id FROM mainspring.jobs AS d WHERE d.key = {} AND d.state = 'dead'))";

/// The jobs that the filter admits, in the order of their ids.
///
/// A page costs little where a state is given, or where most jobs are admitted. A key is looked for among the living by an
/// index, and in all that are dead; a task or queue that few jobs of a large table have, in all of them.
///
/// ```no_run
/// use mainspring::JobState;
/// use mainspring::inspect::{JobFilter, list_jobs};
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::connect("postgres://localhost/app")?;
/// let dead = JobFilter { state: Some(JobState::Dead), ..JobFilter::default() };
/// for job in list_jobs(&mut conn, &dead)? {
///     println!("{} {}: {:?}", job.id, job.task, job.last_error);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, also where the schema is missing.
pub fn list_jobs(conn: &mut PgConnection, filter: &JobFilter) -> Result<Vec<JobRow>, StoreError> {
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

/// The job with this id, or none when it is finished or never was.
///
/// # Errors
///
/// As [`list_jobs`].
pub fn find_job(conn: &mut PgConnection, id: i64) -> Result<Option<JobRow>, StoreError> {
    let text = "SELECT row_to_json(v)::text FROM mainspring.jobs_view AS v WHERE v.id = {}";
    Ok(rows(conn, Statement::new(text).bind::<BigInt, _>(id))?.pop())
}

/// The payload of the job with this id as JSON text, for those who may see payloads, which the other functions here never
/// answer.
///
/// # Errors
///
/// As [`list_jobs`].
pub fn payload(conn: &mut PgConnection, id: i64) -> Result<Option<String>, StoreError> {
    let text = "SELECT payload::text FROM mainspring.jobs WHERE id = {}";
    let rows: Vec<(String,)> = Statement::<(Text,)>::new(text).bind::<BigInt, _>(id).load(conn)?;
    Ok(rows.into_iter().next().map(|row| row.0))
}

// Reads the statement's one column, a row each, as JSON.
pub(super) fn rows<T: DeserializeOwned>(
    conn: &mut PgConnection,
    statement: Statement<'_, (Text,)>,
) -> Result<Vec<T>, StoreError> {
    let rows: Vec<(String,)> = statement.load(conn)?;
    let decoded: Result<Vec<T>, _> = rows.iter().map(|row| serde_json::from_str(&row.0)).collect();
    Ok(decoded.map_err(|error| DieselError::DeserializationError(Box::new(error)))?)
}
