//! The jobs that wait in a test's database, with their payloads.

use diesel::Queryable;
use diesel::sql_types::{BigInt, Integer, Text, Timestamptz};

use crate::error::StoreError;
use crate::store::moment::Moment;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// A job that has not begun to run, or waits for its next attempt.
#[derive(Debug, Queryable)]
pub(crate) struct WaitingJob {
    pub(crate) id: i64,
    pub(crate) state: String,
    pub(crate) run_at: Moment,
    pub(crate) payload: String,
    pub(crate) version: i32,
}

/// Returns the jobs of a task that wait, in the order in which they were added.
pub(crate) fn waiting_jobs(conn: &mut impl AsSession, task: &str) -> Result<Vec<WaitingJob>, StoreError> {
    Statement::<(BigInt, Text, Timestamptz, Text, Integer)>::new(
        "SELECT id, state::text, run_at, payload::text, coalesce(version, 0) FROM mainspring.jobs \
         WHERE task = {} AND state IN ('waiting', 'scheduled', 'parked', 'ready', 'held') ORDER BY id",
    )
    .bind::<Text, _>(task)
    .load(conn)
}

/// Returns how many jobs of each task wait.
pub(crate) fn count_by_task(conn: &mut impl AsSession) -> Result<Vec<(String, i64)>, StoreError> {
    Statement::<(Text, BigInt)>::new(
        "SELECT task, count(*) FROM mainspring.jobs \
         WHERE state IN ('waiting', 'scheduled', 'parked', 'ready', 'held') GROUP BY task ORDER BY task",
    )
    .load(conn)
}
