//! Steps of jobs: those of a running attempt, what people see of them, and their end. A step is stored with the lease of its attempt.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text};
use serde::{Deserialize, Serialize};

use super::json_moment;
use super::json_rows::rows;
use super::retention::{Portion, portion};
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// A step of a job that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredStep {
    pub(crate) position: i32,
    pub(crate) name: String,
    /// JSON.
    pub(crate) value: Vec<u8>,
}

/// The steps of a running job, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StoredSteps {
    /// Of the job's payload. Steps are stored with it.
    pub(crate) payload_hash: i64,
    pub(crate) steps: Vec<StoredStep>,
}

type StepColumns = (BigInt, Nullable<Integer>, Nullable<Text>, Nullable<Binary>);
type StepRow = (i64, Option<i32>, Option<String>, Option<Vec<u8>>);

/// Returns the steps of a running job, or `None` if the lease is no longer held.
pub(crate) fn read_steps(
    conn: &mut impl AsSession,
    (id, lease): (i64, i64),
) -> Result<Option<StoredSteps>, StoreError> {
    let rows: Vec<StepRow> = Statement::<StepColumns>::new(
        "SELECT hash, step_position, step_name, step_value FROM mainspring.steps_of({}, {})",
    )
    .bind::<BigInt, _>(id)
    .bind::<BigInt, _>(lease)
    .load(conn)?;
    let Some(&(payload_hash, ..)) = rows.first() else { return Ok(None) };
    let step = |(_, position, name, value): StepRow| {
        Some(StoredStep { position: position?, name: name?, value: value? })
    };
    Ok(Some(StoredSteps { payload_hash, steps: rows.into_iter().filter_map(step).collect() }))
}

/// Stores a step of a running job. Returns `false` if the lease is no longer held: then a transaction of the caller must not commit.
pub(crate) fn add_step(
    conn: &mut impl AsSession,
    (id, lease): (i64, i64),
    step: &StoredStep,
    payload_hash: i64,
) -> Result<bool, StoreError> {
    let held: (bool,) = Statement::<(Bool,)>::new("SELECT mainspring.add_step({}, {}, {}, {}, {}, {})")
        .bind::<BigInt, _>(id)
        .bind::<BigInt, _>(lease)
        .bind::<Integer, _>(step.position)
        .text("name", step.name.as_str())
        .bind::<Binary, _>(step.value.as_slice())
        .bind::<BigInt, _>(payload_hash)
        .get_result(conn)?;
    Ok(held.0)
}

/// Deletes the steps of a job in the transaction that ends it.
pub(crate) fn delete_steps(conn: &mut impl AsSession, job: i64) -> Result<(), StoreError> {
    Statement::<()>::new("DELETE FROM mainspring.steps WHERE job_id = {}")
        .bind::<BigInt, _>(job)
        .execute(conn)?;
    Ok(())
}

/// Deletes the steps of those jobs that are gone.
pub(crate) fn delete_steps_of_gone(conn: &mut impl AsSession, jobs: &[i64]) -> Result<(), StoreError> {
    Statement::<()>::new(
        "DELETE FROM mainspring.steps AS s WHERE s.job_id = ANY ({}) \
         AND NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = s.job_id)",
    )
    .bind::<Array<BigInt>, _>(jobs)
    .execute(conn)?;
    Ok(())
}

/// Deletes steps whose jobs are gone, at most `limit`, of the jobs behind that one. It looks at ten times as many.
pub(crate) fn sweep_steps(conn: &mut impl AsSession, behind: i64, limit: i64) -> Result<Portion, StoreError> {
    portion("sweep_steps({}, {})").bind::<BigInt, _>(behind).bind::<BigInt, _>(limit).get_result(conn)
}

/// A step that an unfinished job has done. No function returns its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobStep {
    /// Its place among the steps that the job has begun, counted from 1. A place is left out where a step has failed.
    pub position: i32,
    /// The name that the handler gave it.
    pub name: String,
    /// When it was stored.
    #[serde(deserialize_with = "json_moment::required")]
    pub finished_at: DateTime<Utc>,
}

/// Returns the steps that an unfinished job has done, in their order. Of a finished job there are none.
///
/// ```no_run
/// use mainspring::jobs;
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// for step in jobs::steps(&mut conn, 4711)? {
///     println!("{}. {} at {}", step.position, step.name, step.finished_at);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn steps(conn: &mut impl AsSession, id: i64) -> Result<Vec<JobStep>, StoreError> {
    let text = "SELECT row_to_json(d)::text FROM (SELECT s.position, s.name, s.finished_at FROM mainspring.steps_view AS s \
        WHERE s.job_id = {} AND EXISTS (SELECT FROM mainspring.jobs_view AS j WHERE j.id = s.job_id) ORDER BY s.position) AS d";
    rows(conn, Statement::new(text).bind::<BigInt, _>(id))
}

/// Forgets the steps of an unfinished job that does not run, and returns how many those were. The next attempt does each of them
/// again, also those whose effects cannot be repeated.
///
/// # Errors
///
/// [`StoreError::Invalid`] when the job runs, or there is no such job. As [`steps`] otherwise.
pub fn clear_steps(conn: &mut impl AsSession, id: i64) -> Result<i64, StoreError> {
    let clear =
        Statement::<(BigInt,)>::new("SELECT mainspring.clear_steps({})").bind::<BigInt, _>(id).contained();
    Ok(clear.get_result::<(i64,)>(conn)?.0)
}
