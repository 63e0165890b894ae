//! Lists queues for people. Skips from one name to the next, so that the list stays cheap however many jobs a queue has.

use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::store::counts::{DETAIL_COUNT_CAP, LIST_CAP, capped_count};
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// One queue, with its limits and counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueueStatus {
    /// The queue's name.
    pub name: String,
    /// How many jobs of the queue may run at once, over all processes.
    pub concurrency: i32,
    /// Whether the queue is paused: no job of it starts.
    pub paused: bool,
    /// How many jobs of the queue may start in a period; `None` without such a limit.
    pub rate_limit: Option<i32>,
    /// The period of the rate, in seconds.
    pub rate_period_seconds: Option<f64>,
    /// Where the limits come from: `own` if they were set for this queue, else `default`.
    #[serde(default)]
    pub source: String,
    /// How many jobs of the queue are due and not running.
    pub waiting: i64,
    /// How many jobs of the queue are running.
    pub running: i64,
}

/// Returns the queues that have due or running jobs, are paused or have limits of their own, by name, at most
/// [`LIST_CAP`](crate::status::LIST_CAP).
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn list(conn: &mut impl AsSession) -> Result<Vec<QueueStatus>, StoreError> {
    let parked = "state = 'parked'";
    let admitted = "queue IS NOT NULL AND state IN ('ready', 'running')";
    let text = format!(
        "WITH RECURSIVE parked AS ({}), admitted AS ({}), \
         names AS ( \
             (SELECT queue AS name FROM parked WHERE queue IS NOT NULL LIMIT {LIST_CAP}) \
             UNION (SELECT queue FROM admitted WHERE queue IS NOT NULL LIMIT {LIST_CAP}) \
             UNION (SELECT q.name FROM mainspring.queues AS q \
                 WHERE q.paused OR q.source = 'own' ORDER BY q.name LIMIT {LIST_CAP}) \
             ORDER BY name LIMIT {LIST_CAP}) \
         SELECT row_to_json(s)::text FROM ( \
             SELECT n.name, coalesce(q.concurrency, 1) AS concurrency, coalesce(q.paused, false) AS paused, \
                 q.rate_limit, extract(epoch FROM q.rate_period)::float8 AS rate_period_seconds, \
                 coalesce(q.source, 'default') AS source, least({DETAIL_COUNT_CAP}, {} + {}) AS waiting, {} AS running \
             FROM names AS n LEFT JOIN mainspring.queues AS q ON q.name = n.name ORDER BY n.name) AS s",
        each_queue("parked", parked),
        each_queue("admitted", admitted),
        capped_count(DETAIL_COUNT_CAP, &format!("{parked} AND queue = n.name"), "priority, run_at, id"),
        capped_count(
            DETAIL_COUNT_CAP,
            &format!("{admitted} AND state = 'ready' AND queue = n.name"),
            "queue"
        ),
        capped_count(
            DETAIL_COUNT_CAP,
            &format!("{admitted} AND state = 'running' AND queue = n.name"),
            "queue"
        ),
    );
    rows(conn, Statement::new(text))
}

// The body of the recursive `name`: every queue of the jobs that meet the condition, and NULL at the end.
fn each_queue(name: &str, condition: &str) -> String {
    format!(
        "(SELECT queue FROM mainspring.jobs WHERE {condition} ORDER BY queue LIMIT 1) \
         UNION ALL SELECT (SELECT j.queue FROM mainspring.jobs AS j \
             WHERE {condition} AND j.queue > {name}.queue ORDER BY j.queue LIMIT 1) \
         FROM {name} WHERE {name}.queue IS NOT NULL"
    )
}
