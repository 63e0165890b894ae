//! What a person may do to jobs and workers by hand, over lists of ids. Each act answers for every id what was done, or
//! why it was not. What an act means is decided by the SQL function behind it; whatever it makes due wakes the workers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};
use serde::{Deserialize, Serialize};

use super::queues;
use super::retention::delete_dead;
use super::statement::Statement;
use crate::error::StoreError;

/// What became of one job or worker that a person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActResult {
    /// Done: it ended as if it had succeeded.
    Completed,
    /// Done: it is dead, with the reason.
    Failed,
    /// Done: it waits as it was told to.
    Rescheduled,
    /// Done: it was dead and waits again.
    Retried,
    /// Done: it waited, and is gone.
    Cancelled,
    /// Done: it runs, and its worker was told to end it.
    Cancelling,
    /// Done: it is gone, without a line in the history.
    Deleted,
    /// Done: the worker's row is gone, and its jobs wait again.
    Released,
    /// Not done: it runs.
    Running,
    /// Not done: it is dead already.
    Dead,
    /// Not done: it is not dead, it waits.
    Waiting,
    /// Not done: it is dead, and a living job has its key.
    KeyTaken,
    /// Not done: as many attempts as it may have are counted.
    NoAttemptLeft,
    /// Not done: there is no such id.
    Unknown,
}

impl ActResult {
    /// Whether what was asked for was done.
    pub fn was_done(self) -> bool {
        match self {
            Self::Completed
            | Self::Failed
            | Self::Rescheduled
            | Self::Retried
            | Self::Cancelled
            | Self::Cancelling
            | Self::Deleted
            | Self::Released => true,
            Self::Running
            | Self::Dead
            | Self::Waiting
            | Self::KeyTaken
            | Self::NoAttemptLeft
            | Self::Unknown => false,
        }
    }

    /// The result in words, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed: it is dead",
            Self::Rescheduled => "rescheduled",
            Self::Retried => "retried",
            Self::Cancelled => "cancelled",
            Self::Cancelling => "cancelling: it runs, and its worker was told",
            Self::Deleted => "deleted",
            Self::Released => "released",
            Self::Running => "unchanged: it runs",
            Self::Dead => "unchanged: it is dead",
            Self::Waiting => "unchanged: it is not dead",
            Self::KeyTaken => "unchanged: a living job has its key",
            Self::NoAttemptLeft => "unchanged: no attempt is left, give fewer attempts or more max_attempts",
            Self::Unknown => "unknown: there is none of this id",
        }
    }
}

/// What became of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobAct {
    /// The job's id, as it was asked for.
    pub id: i64,
    /// What was done, or why nothing was.
    pub result: ActResult,
}

/// What became of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerAct {
    /// The worker's id.
    pub id: i32,
    /// [`ActResult::Released`] or [`ActResult::Unknown`].
    pub result: ActResult,
    /// How many jobs were taken from it.
    pub jobs: i64,
}

/// How jobs are to be rescheduled; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reschedule {
    /// When the jobs are due.
    pub run_at: Option<DateTime<Utc>>,
    /// Smaller runs first.
    pub priority: Option<i16>,
    /// How many attempts count as made; 0 gives a job all of them.
    pub attempts: Option<i16>,
    /// After how many failed attempts the jobs are dead, at least 1.
    pub max_attempts: Option<i16>,
}

/// Ends jobs as if they had succeeded: gone, with the reason in the history. Running ones are left alone.
///
/// # Errors
///
/// As all functions here: [`StoreError::Invalid`] when an argument breaks its limit, and nothing is changed;
/// [`StoreError::Database`] when the database refuses.
pub fn complete(
    conn: &mut PgConnection,
    ids: &[i64],
    reason: Option<&str>,
) -> Result<Vec<JobAct>, StoreError> {
    with_reason(conn, "complete_jobs", ids, reason)
}

/// Ends waiting jobs as if their last attempt had failed: dead, with the reason, their keys free.
///
/// # Errors
///
/// As [`complete`].
pub fn fail(conn: &mut PgConnection, ids: &[i64], reason: Option<&str>) -> Result<Vec<JobAct>, StoreError> {
    with_reason(conn, "fail_jobs", ids, reason)
}

/// Cancels jobs: a waiting one is gone, with a line in the history; a running one is told, wherever it runs, and ends as
/// cancelled unless it succeeds first.
///
/// # Errors
///
/// As [`complete`].
pub fn cancel(conn: &mut PgConnection, ids: &[i64], reason: Option<&str>) -> Result<Vec<JobAct>, StoreError> {
    with_reason(conn, "cancel_jobs", ids, reason)
}

/// Takes waiting and dead jobs out of the table, without a line in the history.
///
/// # Errors
///
/// As [`complete`].
pub fn delete(conn: &mut PgConnection, ids: &[i64]) -> Result<Vec<JobAct>, StoreError> {
    acts(conn, statement("delete_jobs({})").bind::<Array<BigInt>, _>(ids))
}

/// Lets dead jobs live again with all their attempts, due at `run_at`, by default now.
///
/// ```no_run
/// use mainspring::admin::{self, ActResult};
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::connect("postgres://localhost/app")?;
/// for job in admin::retry(&mut conn, &[4711, 4712], None)? {
///     if job.result == ActResult::KeyTaken {
///         println!("job {}: a newer one has its key", job.id);
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`complete`].
pub fn retry(
    conn: &mut PgConnection,
    ids: &[i64],
    run_at: Option<DateTime<Utc>>,
) -> Result<Vec<JobAct>, StoreError> {
    let retry = statement("retry_jobs({}, {})").bind::<Array<BigInt>, _>(ids);
    acts(conn, retry.bind::<Nullable<Timestamptz>, _>(run_at))
}

/// Changes when, how urgently and how often jobs are tried. A dead job lives again.
///
/// # Errors
///
/// As [`complete`].
pub fn reschedule(
    conn: &mut PgConnection,
    ids: &[i64],
    changes: &Reschedule,
) -> Result<Vec<JobAct>, StoreError> {
    let reschedule = statement("reschedule_jobs({}, {}, {}, {}, {})")
        .bind::<Array<BigInt>, _>(ids)
        .bind::<Nullable<Timestamptz>, _>(changes.run_at)
        .bind::<Nullable<Integer>, _>(changes.priority.map(i32::from))
        .bind::<Nullable<Integer>, _>(changes.attempts.map(i32::from))
        .bind::<Nullable<Integer>, _>(changes.max_attempts.map(i32::from));
    acts(conn, reschedule)
}

/// Takes everything from workers that are gone: their rows go, and the jobs they hold wait again, with the attempt spent.
/// A worker that lives after all notices with its next heartbeat and goes on under a new id; its jobs may run twice.
///
/// # Errors
///
/// As [`complete`].
pub fn release_workers(conn: &mut PgConnection, ids: &[i32]) -> Result<Vec<WorkerAct>, StoreError> {
    let release = "SELECT worker_id, result, jobs FROM mainspring.release_workers({})";
    worker_acts(conn, Statement::new(release).bind::<Array<Integer>, _>(ids))
}

/// As [`release_workers`], of all workers whose time-out is over: what any running scheduler does by itself.
///
/// # Errors
///
/// As [`complete`].
pub fn release_lost_workers(conn: &mut PgConnection) -> Result<Vec<WorkerAct>, StoreError> {
    worker_acts(conn, Statement::new("SELECT worker_id, result, jobs FROM mainspring.release_lost_workers()"))
}

/// Deletes all dead jobs that died longer ago than `age`, and answers how many. In portions, so that no statement holds
/// its locks for long (inside a transaction of the caller's they are held to its end all the same).
///
/// # Errors
///
/// As [`complete`].
pub fn delete_dead_older_than(conn: &mut PgConnection, age: Duration) -> Result<i64, StoreError> {
    in_portions(|| delete_dead(conn, age, PORTION.into()))
}

/// Removes the rows of queues that have defaults only and no job that waits or runs, and answers how many.
///
/// # Errors
///
/// As [`complete`].
pub fn remove_unused_queues(conn: &mut PgConnection) -> Result<i64, StoreError> {
    in_portions(|| Ok(i64::try_from(queues::remove_unused(conn, PORTION)?).unwrap_or(i64::MAX)))
}

// So many rows are deleted within some tens of milliseconds.
const PORTION: u32 = 1_000;

fn in_portions(mut one: impl FnMut() -> Result<i64, StoreError>) -> Result<i64, StoreError> {
    let mut total = 0;
    loop {
        let removed = one()?;
        total += removed;
        if removed < i64::from(PORTION) {
            return Ok(total);
        }
    }
}

type Columns = (BigInt, Text);

fn statement<'a>(call: &str) -> Statement<'a, Columns> {
    Statement::new(format!("SELECT job_id, result FROM mainspring.{call}"))
}

fn with_reason(
    conn: &mut PgConnection,
    function: &str,
    ids: &[i64],
    reason: Option<&str>,
) -> Result<Vec<JobAct>, StoreError> {
    let call = statement(&format!("{function}({{}}, {{}})")).bind::<Array<BigInt>, _>(ids);
    acts(conn, call.bind::<Nullable<Text>, _>(reason))
}

fn acts(conn: &mut PgConnection, statement: Statement<'_, Columns>) -> Result<Vec<JobAct>, StoreError> {
    let rows: Vec<(i64, String)> = statement.load(conn)?;
    rows.into_iter().map(|(id, word)| Ok(JobAct { id, result: result_of(word)? })).collect()
}

fn worker_acts(
    conn: &mut PgConnection,
    statement: Statement<'_, (Integer, Text, BigInt)>,
) -> Result<Vec<WorkerAct>, StoreError> {
    let rows: Vec<(i32, String, i64)> = statement.load(conn)?;
    rows.into_iter().map(|(id, word, jobs)| Ok(WorkerAct { id, result: result_of(word)?, jobs })).collect()
}

fn result_of(word: String) -> Result<ActResult, StoreError> {
    let known = serde_json::from_value(word.into());
    Ok(known.map_err(|error| DieselError::DeserializationError(Box::new(error)))?)
}
