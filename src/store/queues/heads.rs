//! The jobs at the head of a queue: some that hold its slots, and those that are admitted next. For people.

use super::list::{PARKED, running};
use crate::error::StoreError;
use crate::store::jobs::{Job, STORED};
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Returns running jobs of a queue, at most so many. It reads the rows of running jobs alone.
pub(crate) fn running_jobs(
    conn: &mut impl AsSession,
    queue: &str,
    most: u32,
) -> Result<Vec<Job>, StoreError> {
    jobs(conn, queue, &format!("SELECT r.id FROM ({}) AS r WHERE r.queue = {{}} LIMIT {most}", running()))
}

/// Returns the jobs of a queue that are admitted next, at most so many.
pub(crate) fn next_jobs(conn: &mut impl AsSession, queue: &str, most: u32) -> Result<Vec<Job>, StoreError> {
    let order = "ORDER BY priority, run_at, id";
    jobs(
        conn,
        queue,
        &format!("SELECT id FROM mainspring.jobs WHERE {PARKED} AND queue = {{}} {order} LIMIT {most}"),
    )
}

fn jobs(conn: &mut impl AsSession, queue: &str, ids: &str) -> Result<Vec<Job>, StoreError> {
    let text = format!(
        "SELECT row_to_json(v)::text FROM ( \
             SELECT {STORED} FROM ({ids}) AS chosen JOIN mainspring.jobs_view AS j ON j.id = chosen.id \
         ) AS v ORDER BY v.priority, v.run_at, v.id"
    );
    rows(conn, Statement::new(text).text("queue", queue))
}
