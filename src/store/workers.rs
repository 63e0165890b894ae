//! Workers: read them, and take the jobs of those that are gone. One worker is one running scheduler. Each verb is a
//! function on a connection and joins the caller's transaction; [`Scheduler::workers`](crate::Scheduler::workers) offers
//! the same verbs on the scheduler's own connections.
//!
//! ```no_run
//! use mainspring::workers;
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! let lost: Vec<i32> = workers::list(&mut conn)?.iter().filter(|worker| worker.lost).map(|worker| worker.id).collect();
//! for act in workers::release(&mut conn, &lost)? {
//!     println!("worker {}: {}, {} jobs wait again", act.id, act.result.describe(), act.jobs);
//! }
//! # Ok(())
//! # }
//! ```

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Text};
use serde::{Deserialize, Serialize};

use super::counts::{DETAIL_COUNT_CAP, LIST_CAP, capped_count, seconds_since};
use super::json_moment;
use super::json_rows::rows;
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

pub use super::act_result::ActResult;

/// One worker: one running scheduler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// The id that running jobs name.
    pub id: i32,
    /// The worker's name; see [`SchedulerBuilder::worker_name`](crate::SchedulerBuilder::worker_name).
    pub name: String,
    /// When the worker registered.
    #[serde(deserialize_with = "json_moment::required")]
    pub started_at: DateTime<Utc>,
    /// The seconds since the worker's last heartbeat.
    pub heartbeat_age_seconds: f64,
    /// Whether the last heartbeat is older than the worker's time-out.
    pub lost: bool,
    /// How many jobs the worker holds, at most [`DETAIL_COUNT_CAP`](crate::status::DETAIL_COUNT_CAP).
    pub running: i64,
    /// The tasks that the worker has handlers for.
    pub tasks: Vec<String>,
    /// What was wrong with the worker at its last heartbeat, as codes of [`Reason`](crate::health::Reason). A worker that is
    /// lost reports nothing more.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// What became of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerAct {
    /// The worker's id.
    pub id: i32,
    /// [`ActResult::Released`], [`ActResult::Refused`] or [`ActResult::Unknown`].
    pub result: ActResult,
    /// How many jobs were taken from the worker.
    pub jobs: i64,
}

/// Whether the time-out of the worker `w` is not over.
pub(super) const LIVES: &str = "mainspring.is_alive(w.heartbeat_at, w.timeout)";

/// Returns the workers by name in the order of the database, at most [`LIST_CAP`](crate::status::LIST_CAP).
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn list(conn: &mut impl AsSession) -> Result<Vec<WorkerStatus>, StoreError> {
    let text = format!(
        "SELECT row_to_json(s)::text FROM ( \
             SELECT w.id, w.name, w.started_at, {} AS heartbeat_age_seconds, \
                 NOT ({LIVES}) AS lost, {} AS running, w.tasks, w.problems \
             FROM mainspring.workers AS w ORDER BY w.name, w.id LIMIT {LIST_CAP}) AS s",
        seconds_since("w.heartbeat_at"),
        capped_count(DETAIL_COUNT_CAP, "state = 'running' AND worker_id = w.id", "worker_id"),
    );
    rows(conn, Statement::new(text))
}

/// Takes everything from workers that are gone: their rows go, and the jobs they hold wait again. The attempt of each job is
/// given back, and a death is counted. A worker that lives after all notices with its next heartbeat, and goes on under a
/// new id. Its jobs may run twice.
///
/// # Errors
///
/// As [`list`].
pub fn release(conn: &mut impl AsSession, ids: &[i32]) -> Result<Vec<WorkerAct>, StoreError> {
    let release = "SELECT worker_id, result, jobs FROM mainspring.release_workers({})";
    acts(conn, Statement::new(release).bind::<Array<Integer>, _>(ids))
}

/// Releases all workers whose time-out is over, as [`release`] does. Every running scheduler does this by itself.
///
/// # Errors
///
/// As [`list`].
pub fn release_lost(conn: &mut impl AsSession) -> Result<Vec<WorkerAct>, StoreError> {
    acts(conn, Statement::new("SELECT worker_id, result, jobs FROM mainspring.release_lost_workers()"))
}

fn acts(
    conn: &mut impl AsSession,
    statement: Statement<'_, (Integer, Text, BigInt)>,
) -> Result<Vec<WorkerAct>, StoreError> {
    let rows: Vec<(i32, String, i64)> = statement.load(conn)?;
    rows.into_iter()
        .map(|(id, word, jobs)| Ok(WorkerAct { id, result: ActResult::read(word)?, jobs }))
        .collect()
}
