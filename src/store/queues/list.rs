//! Lists queues for people. Skips from one name to the next, counts up to a cap, and reads the rows of running jobs alone, so that the
//! list stays cheap however many jobs a queue has.

use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::store::counts::{COUNT_CAP, DETAIL_COUNT_CAP, LIST_CAP, capped_count};
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
    /// Where the limits come from: `own` if they were set for this queue, a family such as `tenant:*`, or `default`.
    #[serde(default)]
    pub source: String,
    /// How many jobs of the queue are due and not running, at most [`DETAIL_COUNT_CAP`](crate::status::DETAIL_COUNT_CAP).
    pub waiting: i64,
    /// How many jobs of the queue are running, at most as many. Where more than [`COUNT_CAP`](crate::status::COUNT_CAP) jobs of all
    /// queues run at once, some count as waiting.
    pub running: i64,
}

pub(super) const PARKED: &str = "state = 'parked'";
const ADMITTED: &str = "queue IS NOT NULL AND state IN ('ready', 'running')";

/// Returns the queues that have due or running jobs, are paused or have limits of their own, by name in the order of the database, at most
/// [`LIST_CAP`](crate::status::LIST_CAP).
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn list(conn: &mut impl AsSession) -> Result<Vec<QueueStatus>, StoreError> {
    page(conn, "", LIST_CAP)
}

/// Returns the same queues behind a name, at most so many.
pub(crate) fn page(
    conn: &mut impl AsSession,
    after: &str,
    most: i64,
) -> Result<Vec<QueueStatus>, StoreError> {
    let text = format!(
        "WITH RECURSIVE parked AS ({}), admitted AS ({}), \
         names AS ( \
             (SELECT queue AS name FROM parked WHERE queue IS NOT NULL LIMIT {most}) \
             UNION (SELECT queue FROM admitted WHERE queue IS NOT NULL LIMIT {most}) \
             UNION (SELECT q.name FROM mainspring.queues AS q \
                 WHERE q.name > {{}} AND (q.paused OR q.source = 'own') ORDER BY q.name LIMIT {most}) \
             ORDER BY name LIMIT {most}), {}",
        each_queue("parked", PARKED),
        each_queue("admitted", ADMITTED),
        status_of_names(),
    );
    let statement = Statement::new(text).text("after", after).text("after", after);
    rows(conn, statement.text("after", after))
}

/// Returns the limits and counts of one queue, whether it is in use or not.
///
/// # Errors
///
/// As [`list`].
pub fn show(conn: &mut impl AsSession, queue: &str) -> Result<QueueStatus, StoreError> {
    let text = format!("WITH names AS (SELECT {{}} AS name), {}", status_of_names());
    let found = rows(conn, Statement::new(text).text("queue", queue))?.pop();
    found.ok_or_else(StoreError::no_row)
}

// The rows about the queues in `names`. One that has no row yet has the limits of its family.
//
// The index of the slots does not tell ready jobs from running ones. The running ones are counted once for all queues: there are no more
// than workers can run. The others that hold a slot are ready.
fn status_of_names() -> String {
    let parked =
        capped_count(DETAIL_COUNT_CAP, &format!("{PARKED} AND queue = n.name"), "priority, run_at, id");
    let admitted = format!(
        "(SELECT count(*) FROM (SELECT FROM mainspring.jobs AS j WHERE {ADMITTED} AND queue = n.name \
         ORDER BY queue LIMIT {DETAIL_COUNT_CAP} + coalesce(r.jobs, 0)) AS counted)"
    );
    format!(
        "running AS MATERIALIZED ( \
             SELECT l.queue, count(*) AS jobs FROM ({}) AS l WHERE l.queue IS NOT NULL GROUP BY l.queue) \
         SELECT row_to_json(s)::text FROM ( \
             SELECT n.name, coalesce(q.concurrency, f.concurrency, 1) AS concurrency, coalesce(q.paused, false) AS paused, \
                 CASE WHEN q.name IS NULL THEN f.rate_limit ELSE q.rate_limit END AS rate_limit, \
                 extract(epoch FROM CASE WHEN q.name IS NULL THEN f.rate_period ELSE q.rate_period END)::float8 \
                     AS rate_period_seconds, \
                 coalesce(q.source, f.prefix || '*', 'default') AS source, \
                 least({DETAIL_COUNT_CAP}, {parked} + greatest(0, {admitted} - coalesce(r.jobs, 0))) AS waiting, \
                 least({DETAIL_COUNT_CAP}, coalesce(r.jobs, 0)) AS running \
             FROM names AS n LEFT JOIN mainspring.queues AS q ON q.name = n.name \
             LEFT JOIN running AS r ON r.queue = n.name \
             LEFT JOIN LATERAL (SELECT o.* FROM mainspring.family_of(n.name) AS o WHERE q.name IS NULL) AS f ON true \
             ORDER BY n.name) AS s",
        running()
    )
}

// The running jobs, in the order of the index that has no others.
pub(super) fn running() -> String {
    format!(
        "SELECT j.id, j.queue FROM mainspring.jobs AS j WHERE j.state = 'running' ORDER BY j.worker_id LIMIT {COUNT_CAP}"
    )
}

// The body of the recursive `name`: every queue behind a name of the jobs that meet the condition, and NULL at the end.
fn each_queue(name: &str, condition: &str) -> String {
    format!(
        "(SELECT queue FROM mainspring.jobs WHERE {condition} AND queue > {{}} ORDER BY queue LIMIT 1) \
         UNION ALL SELECT (SELECT j.queue FROM mainspring.jobs AS j \
             WHERE {condition} AND j.queue > {name}.queue ORDER BY j.queue LIMIT 1) \
         FROM {name} WHERE {name}.queue IS NOT NULL"
    )
}
