//! Tasks as workers publish them: each process writes the constants of its handlers' tasks when it starts, and they hold for
//! jobs and schedules that are added without the task's type. Each verb is a function on a connection;
//! [`Scheduler::tasks`](crate::Scheduler::tasks) offers the same verbs on the scheduler's own connections.
//!
//! ```no_run
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! for task in mainspring::tasks::list(&mut conn)? {
//!     println!("{}: queue {:?}, known to {} workers", task.name, task.queue, task.workers);
//! }
//! assert_eq!(mainspring::tasks::unknown(&mut conn, &["report.publsh"])?, ["report.publsh"]);
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Text};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::counts::{DETAIL_COUNT_CAP, LIST_CAP, ready_count};
use super::json_moment;
use super::json_rows::rows;
use super::statement::{Statement, millis};
use super::workers::LIVES;
use crate::error::StoreError;
use crate::job::KnownTasks;
use crate::job::payload::text_of;
use crate::store::session::AsSession;

/// A task as a worker has published it. An option that is `None` is the default of the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PublishedTask {
    /// The task's name.
    pub name: String,
    /// [`Task::VERSION`](crate::Task::VERSION) of the program that published it.
    pub version: i32,
    /// The queue of its jobs.
    pub queue: Option<String>,
    /// The priority of its jobs.
    pub priority: Option<i16>,
    /// After how many failed attempts its jobs are dead.
    pub max_attempts: Option<i16>,
    /// What its type declares of its fields: `fields`, the first `required` one, and whether it is `closed` to others. `None`
    /// for types without named fields and for batches.
    #[serde(default)]
    pub accepts: Option<Value>,
    /// Whether its payloads may have [`Redacted`](crate::Redacted) values. `false` only if the type is known to have none.
    pub redacts: bool,
    /// When it was published.
    #[serde(deserialize_with = "json_moment::required")]
    pub published_at: DateTime<Utc>,
    /// The name of the worker that published it.
    pub published_by: String,
    /// How many living workers have a handler for it.
    pub workers: i64,
    /// How many of its jobs are ready, at most [`DETAIL_COUNT_CAP`](crate::status::DETAIL_COUNT_CAP).
    pub ready: i64,
}

/// Returns what workers have published, by name in the order of the database, at most [`LIST_CAP`](crate::status::LIST_CAP) tasks. A task that no worker
/// has known for 30 days is no longer among them.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn list(conn: &mut impl AsSession) -> Result<Vec<PublishedTask>, StoreError> {
    let text = format!(
        "SELECT row_to_json(t)::text FROM (SELECT v.*, {} AS ready FROM mainspring.tasks_view AS v \
         ORDER BY v.name LIMIT {LIST_CAP}) AS t",
        ready_count(DETAIL_COUNT_CAP, " AND task = v.name", "")
    );
    rows(conn, Statement::new(text))
}

/// Returns those of the tasks that no living worker has a handler for, each once and in alphabetical order. Their jobs wait. A
/// role that may only add jobs may ask too.
///
/// # Errors
///
/// As [`list`].
pub fn unknown<S: AsRef<str>>(conn: &mut impl AsSession, tasks: &[S]) -> Result<Vec<String>, StoreError> {
    let tasks: Vec<&str> = tasks.iter().map(AsRef::as_ref).collect();
    let text = "SELECT unnest(mainspring.unknown_tasks({}))";
    let unknown: Vec<(String,)> = Statement::<(Text,)>::new(text).bind::<Array<Text>, _>(tasks).load(conn)?;
    Ok(unknown.into_iter().map(|row| row.0).collect())
}

/// Returns those of the tasks whose payloads have no [`Redacted`](crate::Redacted) values, each once and in alphabetical order, as their
/// workers have published. Of any other task nothing is known without its type.
///
/// # Errors
///
/// As [`list`].
pub fn unredacted<S: AsRef<str>>(conn: &mut impl AsSession, tasks: &[S]) -> Result<Vec<String>, StoreError> {
    let tasks: Vec<&str> = tasks.iter().map(AsRef::as_ref).collect();
    let text = "SELECT unnest(mainspring.unredacted_tasks({}))";
    let found: Vec<(String,)> = Statement::<(Text,)>::new(text).bind::<Array<Text>, _>(tasks).load(conn)?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

/// A task that no living worker knows, and whose jobs are ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WaitingTask {
    pub(crate) task: String,
    pub(crate) ready: i64,
}

/// Returns the tasks of ready jobs that no living worker knows, if this worker has the lowest id of those that live. So one of
/// all processes reports them.
pub(crate) fn waiting_unknown(
    conn: &mut impl AsSession,
    worker_id: i32,
) -> Result<Vec<WaitingTask>, StoreError> {
    let text = format!(
        "WITH RECURSIVE free AS ({}), flagged AS ({}), \
         ready AS ((SELECT f.task FROM free AS f LIMIT {LIST_CAP}) UNION (SELECT f.task FROM flagged AS f LIMIT {LIST_CAP})) \
         SELECT r.task, {} FROM ready AS r WHERE NOT EXISTS (SELECT FROM mainspring.workers AS w WHERE w.id < {{}} AND {LIVES}) \
             AND NOT EXISTS (SELECT FROM mainspring.workers AS w WHERE r.task = ANY (w.tasks) AND {LIVES}) ORDER BY r.task",
        distinct("free", "IS NULL"),
        distinct("flagged", "IS NOT NULL"),
        ready_count(DETAIL_COUNT_CAP, " AND task = r.task", ""),
    );
    let rows: Vec<(String, i64)> =
        Statement::<(Text, BigInt)>::new(text).bind::<Integer, _>(worker_id).load(conn)?;
    Ok(rows.into_iter().map(|(task, ready)| WaitingTask { task, ready }).collect())
}

// The body of the recursive `name`: the task of each range of one index of ready jobs, whatever the number of jobs.
fn distinct(name: &str, flags: &str) -> String {
    let first = |from: &str, condition: &str| {
        format!(
            "SELECT next.task FROM {from} CROSS JOIN LATERAL (SELECT j.task FROM mainspring.jobs AS j \
             WHERE j.state = 'ready' AND j.flags {flags}{condition} ORDER BY j.task LIMIT 1) AS next"
        )
    };
    format!(
        "{} UNION ALL {}",
        first("(SELECT) AS l", ""),
        first(&format!("{name} AS l"), " AND j.task > l.task")
    )
}

/// Publishes the tasks of a process that started so long ago, and returns how many rows that changed. Of two programs with the
/// same version, the one that started last publishes. What it could not publish then, it publishes later.
pub(crate) fn publish(
    conn: &mut impl AsSession,
    worker_name: &str,
    tasks: &KnownTasks,
    uptime: Duration,
) -> Result<i64, StoreError> {
    let text = "SELECT mainspring.publish_tasks({}, {}::jsonb, {} * interval '1 millisecond')";
    let written = Statement::<(BigInt,)>::new(text)
        .text("worker_name", worker_name)
        .bind::<Text, _>(text_of(&tasks.to_json()))
        .bind::<BigInt, _>(millis(uptime))
        .get_result::<(i64,)>(conn)?;
    Ok(written.0)
}
