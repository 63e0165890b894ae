//! Deletes what has been kept for long enough: partitions of the history, fires, dead jobs. Prepares the history's next days. A
//! row that cannot be deleted keeps none of the others.

use std::time::Duration;

use diesel::Queryable;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::statement::{Statement, millis};
use crate::error::StoreError;
use crate::store::session::AsSession;

/// What became of many rows that were to be changed or deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Queryable)]
pub(crate) struct Swept {
    /// How many were changed.
    pub(crate) done: i64,
    /// How many cannot be changed.
    pub(crate) stuck: i64,
    /// The first of those that cannot be changed, and why.
    pub(crate) problem: Option<String>,
}

impl Swept {
    /// Adds what became of other rows.
    pub(crate) fn add(&mut self, other: Self) {
        // Rows that are stuck are tried with each portion.
        self.stuck = self.stuck.max(other.stuck);
        self.done += other.done;
        self.problem = self.problem.take().or(other.problem);
    }
}

/// What became of the rows behind an id, and behind which id to look on; `None` at the end.
#[derive(Debug, Clone, Queryable)]
pub(crate) struct Portion {
    done: i64,
    stuck: i64,
    problem: Option<String>,
    pub(crate) last: Option<i64>,
}

impl Portion {
    pub(crate) fn swept(&self) -> Swept {
        Swept { done: self.done, stuck: self.stuck, problem: self.problem.clone() }
    }
}

type SweptColumns = (BigInt, BigInt, Nullable<Text>);
type PortionColumns = (BigInt, BigInt, Nullable<Text>, Nullable<BigInt>);

/// Returns what stood in the way, if anything did.
pub(crate) fn problem_of(swept: Result<Swept, StoreError>) -> Option<String> {
    match swept {
        Ok(Swept { stuck, problem, .. }) => {
            problem.map(|first| format!("{stuck} are in the way, first {first}"))
        }
        Err(error) => Some(error.to_string()),
    }
}

/// Creates the missing partitions of the history for the days around now.
pub(crate) fn prepare_history(conn: &mut impl AsSession) -> Result<Swept, StoreError> {
    partitions("mainspring.prepare_history()").get_result(conn)
}

/// Enters the new pages of the history into its index of ids.
pub(crate) fn index_history(conn: &mut impl AsSession) -> Result<Swept, StoreError> {
    partitions("mainspring.index_history()").get_result(conn)
}

/// Drops the partitions of the history whose last moment is older than the retention.
pub(crate) fn drop_history(conn: &mut impl AsSession, retention: Duration) -> Result<Swept, StoreError> {
    partitions("mainspring.drop_history({} * interval '1 millisecond')")
        .bind::<BigInt, _>(millis(retention))
        .get_result(conn)
}

/// Deletes dead jobs that died longer ago than the retention, at most `limit`, oldest first.
pub(crate) fn delete_dead(
    conn: &mut impl AsSession,
    retention: Duration,
    limit: i64,
) -> Result<Swept, StoreError> {
    sweep("sweep_dead_jobs({} * interval '1 millisecond', {})")
        .bind::<BigInt, _>(millis(retention))
        .bind::<BigInt, _>(limit)
        .get_result(conn)
}

/// Deletes recorded fires that are older than the retention, at most `limit`, oldest first.
pub(crate) fn delete_fires(
    conn: &mut impl AsSession,
    retention: Duration,
    limit: i64,
) -> Result<Swept, StoreError> {
    sweep("sweep_fires({} * interval '1 millisecond', {})")
        .bind::<BigInt, _>(millis(retention))
        .bind::<BigInt, _>(limit)
        .get_result(conn)
}

/// Deletes lines of the audit log that have been kept for long enough, at most `limit`, oldest first.
pub(crate) fn delete_audit(conn: &mut impl AsSession, limit: i64) -> Result<Swept, StoreError> {
    sweep("sweep_audit({})").bind::<BigInt, _>(limit).get_result(conn)
}

/// Deletes operations that have ended and been kept for long enough, at most `limit`, oldest first.
pub(crate) fn delete_operations(conn: &mut impl AsSession, limit: i64) -> Result<Swept, StoreError> {
    sweep("sweep_operations({})").bind::<BigInt, _>(limit).get_result(conn)
}

/// Deletes signals that have been kept for long enough, at most `limit`, oldest first.
pub(crate) fn delete_signals(conn: &mut impl AsSession, limit: i64) -> Result<Swept, StoreError> {
    sweep("sweep_signals({})").bind::<BigInt, _>(limit).get_result(conn)
}

/// Deletes results that are older than the retention, at most `limit`, oldest first.
pub(crate) fn delete_results(
    conn: &mut impl AsSession,
    retention: Duration,
    limit: i64,
) -> Result<Swept, StoreError> {
    sweep("sweep_results({} * interval '1 millisecond', {})")
        .bind::<BigInt, _>(millis(retention))
        .bind::<BigInt, _>(limit)
        .get_result(conn)
}

/// Deletes workflows that are older than the retention and have no job any more, at most `limit`, of those behind that one. It looks
/// at ten times as many.
pub(crate) fn sweep_workflows(
    conn: &mut impl AsSession,
    retention: Duration,
    behind: i64,
    limit: i64,
) -> Result<Portion, StoreError> {
    portion("sweep_workflows({} * interval '1 millisecond', {}, {})")
        .bind::<BigInt, _>(millis(retention))
        .bind::<BigInt, _>(behind)
        .bind::<BigInt, _>(limit)
        .get_result(conn)
}

/// Makes up for jobs that were deleted by hand while others waited for them.
pub(crate) fn repair_waits(conn: &mut impl AsSession) -> Result<Swept, StoreError> {
    let (done,): (i64,) = Statement::<(BigInt,)>::new("SELECT mainspring.repair_waits()").get_result(conn)?;
    Ok(Swept { done, ..Swept::default() })
}

/// Stops crontab lines that no process has any more.
pub(crate) fn retire_lines(conn: &mut impl AsSession) -> Result<Swept, StoreError> {
    sweep("retire_lines()").get_result(conn)
}

/// Deletes what was published of tasks that no worker has known for long.
pub(crate) fn sweep_tasks(conn: &mut impl AsSession) -> Result<Swept, StoreError> {
    sweep("sweep_tasks()").get_result(conn)
}

/// Turns old minutes of the statistics into hours, and deletes old hours.
pub(crate) fn sweep_stats(conn: &mut impl AsSession) -> Result<Swept, StoreError> {
    sweep("sweep_stats()").get_result(conn)
}

fn sweep<'a>(call: &str) -> Statement<'a, SweptColumns> {
    Statement::new(format!("SELECT done, stuck, problem FROM mainspring.{call}"))
}

/// A sweep of the rows behind an id.
pub(super) fn portion<'a>(call: &str) -> Statement<'a, PortionColumns> {
    Statement::new(format!("SELECT done, stuck, problem, last_id FROM mainspring.{call}"))
}

fn partitions<'a>(call: &str) -> Statement<'a, SweptColumns> {
    Statement::new(format!(
        "SELECT count(*) FILTER (WHERE problem IS NULL), count(problem), min(partition || ': ' || problem) FROM {call}"
    ))
}
