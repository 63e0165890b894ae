//! What a person may do to jobs by hand, over lists of ids. The SQL function behind each act decides what it means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::store::act_result::ActResult;
use crate::store::portions::{PORTION, in_portions};
use crate::store::session::AsSession;
use crate::store::statement::{Statement, millis};

/// What became of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobAct {
    /// The job's id, as the caller gave it.
    pub id: i64,
    /// What was done, or why nothing was.
    pub result: ActResult,
}

/// How [`reschedule`] changes jobs. What is not set stays as it is. A route reads it from a body: `web::Json<Reschedule>`.
///
/// ```
/// use mainspring::jobs::Reschedule;
///
/// let sooner = Reschedule::new().run_at(chrono::Utc::now()).attempts(0);
/// assert_eq!((sooner.attempts, sooner.priority), (Some(0), None));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[must_use = "changes do nothing until they are given to `reschedule`"]
pub struct Reschedule {
    /// When the jobs are due.
    pub run_at: Option<DateTime<Utc>>,
    /// The priority; smaller runs first.
    pub priority: Option<i16>,
    /// How many attempts count as made; 0 gives a job all of its attempts.
    pub attempts: Option<i16>,
    /// After how many failed attempts the jobs are dead, at least 1.
    pub max_attempts: Option<i16>,
}

impl Reschedule {
    /// Creates changes that change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the jobs due at `run_at`.
    pub fn run_at(mut self, run_at: DateTime<Utc>) -> Self {
        self.run_at = Some(run_at);
        self
    }

    /// Sets the priority; smaller runs first.
    pub fn priority(mut self, priority: i16) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Sets how many attempts count as made; 0 gives a job all of its attempts.
    pub fn attempts(mut self, attempts: i16) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Sets after how many failed attempts the jobs are dead, at least 1.
    pub fn max_attempts(mut self, max_attempts: i16) -> Self {
        self.max_attempts = Some(max_attempts);
        self
    }
}

/// Ends jobs that do not run as if they had succeeded: they are gone, with the reason in the history.
///
/// # Errors
///
/// As every act: [`StoreError::Invalid`] when an argument breaks its limit, and then nothing is changed;
/// [`StoreError::Database`] when the database refuses.
pub fn complete(
    conn: &mut impl AsSession,
    ids: &[i64],
    reason: Option<&str>,
) -> Result<Vec<JobAct>, StoreError> {
    with_reason(conn, "complete_jobs", ids, reason)
}

/// Ends waiting jobs as if their last attempt had failed: they are dead, with the reason, and their keys are free.
///
/// # Errors
///
/// As [`complete`].
pub fn fail(conn: &mut impl AsSession, ids: &[i64], reason: Option<&str>) -> Result<Vec<JobAct>, StoreError> {
    with_reason(conn, "fail_jobs", ids, reason)
}

/// Cancels jobs. A waiting job is gone, with a line in the history. A running job receives the signal, wherever it runs,
/// and ends as cancelled unless it succeeds first.
///
/// # Errors
///
/// As [`complete`].
pub fn cancel(
    conn: &mut impl AsSession,
    ids: &[i64],
    reason: Option<&str>,
) -> Result<Vec<JobAct>, StoreError> {
    with_reason(conn, "cancel_jobs", ids, reason)
}

/// Deletes waiting and dead jobs, without a line in the history.
///
/// # Errors
///
/// As [`complete`].
pub fn delete(conn: &mut impl AsSession, ids: &[i64]) -> Result<Vec<JobAct>, StoreError> {
    acts(conn, statement("delete_jobs({})").bind::<Array<BigInt>, _>(ids))
}

/// Revives dead jobs with all their attempts and no death, due at `run_at`; `None` is now.
///
/// # Errors
///
/// As [`complete`].
pub fn retry(
    conn: &mut impl AsSession,
    ids: &[i64],
    run_at: Option<DateTime<Utc>>,
) -> Result<Vec<JobAct>, StoreError> {
    let retry = statement("retry_jobs({}, {})").bind::<Array<BigInt>, _>(ids);
    acts(conn, retry.bind::<Nullable<Timestamptz>, _>(run_at))
}

/// Lets jobs that wait for others, or for signals, wait for nothing more. They run when their time has come.
///
/// # Errors
///
/// As [`complete`].
pub fn release(conn: &mut impl AsSession, ids: &[i64]) -> Result<Vec<JobAct>, StoreError> {
    acts(conn, statement("release_jobs({})").bind::<Array<BigInt>, _>(ids))
}

/// Changes when, how urgently and how often jobs are tried. A dead job lives again.
///
/// # Errors
///
/// As [`complete`].
pub fn reschedule(
    conn: &mut impl AsSession,
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

/// Deletes all jobs that died longer ago than `age`, and returns how many. Deletes in portions, so that no statement
/// holds its locks for long. Inside a transaction of the caller, locks are held to its end all the same. A job that cannot
/// be deleted stays, and the server's log has a warning about it.
///
/// # Errors
///
/// As [`complete`].
pub fn delete_dead(conn: &mut impl AsSession, age: Duration) -> Result<i64, StoreError> {
    let delete =
        Statement::<(BigInt,)>::new("SELECT mainspring.delete_dead_jobs({} * interval '1 millisecond', {})")
            .bind::<BigInt, _>(millis(age))
            .bind::<BigInt, _>(i64::from(PORTION))
            .contained();
    in_portions(|| Ok(delete.get_result::<(i64,)>(conn)?.0))
}

type Columns = (BigInt, Text);

fn statement<'a>(call: &str) -> Statement<'a, Columns> {
    Statement::new(format!("SELECT job_id, result FROM mainspring.{call}")).contained()
}

fn with_reason(
    conn: &mut impl AsSession,
    function: &str,
    ids: &[i64],
    reason: Option<&str>,
) -> Result<Vec<JobAct>, StoreError> {
    let call = statement(&format!("{function}({{}}, {{}})")).bind::<Array<BigInt>, _>(ids);
    acts(conn, call.text_or_null("reason", reason))
}

/// Performs an act, and returns what became of each job.
pub(in crate::store) fn acts(
    conn: &mut impl AsSession,
    statement: Statement<'_, Columns>,
) -> Result<Vec<JobAct>, StoreError> {
    let rows: Vec<(i64, String)> = statement.load(conn)?;
    rows.into_iter().map(|(id, word)| Ok(JobAct { id, result: ActResult::read(word)? })).collect()
}
