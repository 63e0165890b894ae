//! How the whole stands: jobs by state, tasks, queues, workers. Each count walks one partial index and each
//! list skips from one name to the next, so that both stop at their caps however large the table is.

use chrono::{DateTime, Utc};
use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::result::Error as DieselError;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

use super::rows;
use crate::error::StoreError;
use crate::store::statement::Statement;

/// Counting the jobs in a state stops here: a count of this size means "this many or more".
pub const COUNT_CAP: i64 = 10_000;

/// Counting the jobs of one task, queue or worker stops here. Smaller, because there may be [`LIST_CAP`] of
/// each: a million index entries, about two seconds, are the most that a list can cost.
pub const DETAIL_COUNT_CAP: i64 = 1_000;

/// Lists of tasks, queues and workers stop here.
pub const LIST_CAP: i64 = 1_000;

/// How the whole stands. No count and no list is longer than its cap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The newest migration in the database.
    pub schema_version: String,
    /// [`COUNT_CAP`], for whoever reads the status as JSON.
    pub count_cap: i64,
    /// [`DETAIL_COUNT_CAP`], likewise.
    pub detail_count_cap: i64,
    /// How many jobs are in each state.
    pub jobs: StateCounts,
    /// For how many seconds the oldest ready job has been due; none when no job is ready.
    pub oldest_ready_age_seconds: Option<f64>,
    /// The tasks that have ready jobs, by name.
    pub tasks: Vec<TaskStatus>,
    /// The queues that have due or running jobs, are paused or have a limit of their own, by name.
    pub queues: Vec<QueueStatus>,
    /// The workers, by name.
    pub workers: Vec<WorkerStatus>,
}

/// How many jobs are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the states")]
pub struct StateCounts {
    pub scheduled: i64,
    pub parked: i64,
    pub ready: i64,
    pub running: i64,
    pub dead: i64,
}

/// One task that has ready jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskStatus {
    /// The task's name.
    pub task: String,
    /// How many of its jobs are ready.
    pub ready: i64,
    /// For how many seconds the oldest of them has been due.
    pub oldest_ready_age_seconds: f64,
    /// How many living workers know the task; 0 means that its jobs wait for a worker that does.
    pub workers: i64,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// The queue's name.
    pub name: String,
    /// How many of its jobs may run at once.
    pub concurrency: i32,
    /// Whether it lets no job through.
    pub paused: bool,
    /// At most so many of its jobs pass in a period; none where there is no such limit.
    pub rate_limit: Option<i32>,
    /// The period, in seconds.
    pub rate_period_seconds: Option<f64>,
    /// How many of its jobs are due and not running.
    pub waiting: i64,
    /// How many of its jobs are running.
    pub running: i64,
}

/// One worker: one running scheduler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// The id that running jobs name.
    pub id: i32,
    /// The name it gave itself.
    pub name: String,
    /// When it registered.
    pub started_at: DateTime<Utc>,
    /// How many seconds ago it last gave a sign of life.
    pub heartbeat_age_seconds: f64,
    /// Whether that is longer ago than its time-out allows.
    pub lost: bool,
    /// How many jobs it holds.
    pub running: i64,
    /// The tasks it has handlers for.
    pub tasks: Vec<String>,
}

/// How the whole stands. The parts are read one after the other: together they are no single moment.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, also where the schema is missing.
pub fn status(conn: &mut PgConnection) -> Result<Status, StoreError> {
    let jobs = state_counts(conn)?;
    let tasks = task_statuses(conn)?;
    let queues = list_queues(conn)?;
    let workers = worker_statuses(conn)?;
    Ok(Status {
        schema_version: schema_version(conn)?,
        count_cap: COUNT_CAP,
        detail_count_cap: DETAIL_COUNT_CAP,
        jobs,
        oldest_ready_age_seconds: tasks.iter().map(|task| task.oldest_ready_age_seconds).reduce(f64::max),
        tasks,
        queues,
        workers,
    })
}

fn schema_version(conn: &mut PgConnection) -> Result<String, StoreError> {
    let newest = "SELECT coalesce(max(version), '')::text FROM mainspring.__diesel_schema_migrations";
    Ok(Statement::<(Text,)>::new(newest).get_result::<(String,)>(conn)?.0)
}

fn state_counts(conn: &mut PgConnection) -> Result<StateCounts, StoreError> {
    let text = format!(
        "SELECT row_to_json(c)::text FROM (SELECT {} AS scheduled, {} AS parked, {} AS ready, {} AS running, {} AS dead) AS c",
        capped_count(COUNT_CAP, "state = 'scheduled'", "run_at, id"),
        capped_count(COUNT_CAP, "state = 'parked'", "queue, priority, run_at, id"),
        ready_count(COUNT_CAP, "", "task, "),
        capped_count(COUNT_CAP, "state = 'running'", "worker_id"),
        capped_count(COUNT_CAP, "state = 'dead'", "updated_at"),
    );
    let counts = rows(conn, Statement::new(text))?.pop();
    counts.ok_or_else(|| DieselError::NotFound.into())
}

// The index of ready jobs leads with task and priority: the oldest job of each such pair is found by
// skipping from pair to pair, whatever the number of jobs between them.
fn task_statuses(conn: &mut PgConnection) -> Result<Vec<TaskStatus>, StoreError> {
    let text = format!(
        "WITH RECURSIVE free AS ({}), flagged AS ({}), \
         head AS ((SELECT task, turn FROM free LIMIT {LIST_CAP}) UNION ALL \
             (SELECT task, turn FROM flagged LIMIT {LIST_CAP})), \
         oldest AS (SELECT h.task, min(h.turn) AS run_at FROM head AS h GROUP BY h.task) \
         SELECT row_to_json(t)::text FROM ( \
             SELECT o.task, {} AS ready, \
                 {} AS oldest_ready_age_seconds, \
                 (SELECT count(*) FROM mainspring.workers AS w WHERE o.task = ANY (w.tasks) \
                     AND w.heartbeat_at >= clock_timestamp() - w.timeout) AS workers \
             FROM oldest AS o ORDER BY o.task) AS t",
        heads("free", "task, priority", "flags IS NULL"),
        heads("flagged", "task, flags, priority", "flags IS NOT NULL"),
        ready_count(DETAIL_COUNT_CAP, " AND task = o.task", ""),
        seconds_since("o.run_at"),
    );
    rows(conn, Statement::new(text))
}

/// The queues that have due or running jobs, are paused or have limits of their own, by name, at most [`LIST_CAP`].
///
/// # Errors
///
/// As [`status`].
pub fn list_queues(conn: &mut PgConnection) -> Result<Vec<QueueStatus>, StoreError> {
    let parked = "state = 'parked'";
    let admitted = "queue IS NOT NULL AND state IN ('ready', 'running')";
    let text = format!(
        "WITH RECURSIVE parked AS ({}), admitted AS ({}), \
         names AS ( \
             (SELECT queue AS name FROM parked WHERE queue IS NOT NULL LIMIT {LIST_CAP}) \
             UNION (SELECT queue FROM admitted WHERE queue IS NOT NULL LIMIT {LIST_CAP}) \
             UNION (SELECT q.name FROM mainspring.queues AS q \
                 WHERE q.paused OR q.concurrency <> 1 OR q.rate_limit IS NOT NULL ORDER BY q.name LIMIT {LIST_CAP}) \
             ORDER BY name LIMIT {LIST_CAP}) \
         SELECT row_to_json(s)::text FROM ( \
             SELECT n.name, coalesce(q.concurrency, 1) AS concurrency, coalesce(q.paused, false) AS paused, \
                 q.rate_limit, extract(epoch FROM q.rate_period)::float8 AS rate_period_seconds, \
                 least({DETAIL_COUNT_CAP}, {} + {}) AS waiting, {} AS running \
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

fn worker_statuses(conn: &mut PgConnection) -> Result<Vec<WorkerStatus>, StoreError> {
    let text = format!(
        "SELECT row_to_json(s)::text FROM ( \
             SELECT w.id, w.name, w.started_at, {} AS heartbeat_age_seconds, \
                 w.heartbeat_at < clock_timestamp() - w.timeout AS lost, {} AS running, w.tasks \
             FROM mainspring.workers AS w ORDER BY w.name, w.id LIMIT {LIST_CAP}) AS s",
        seconds_since("w.heartbeat_at"),
        capped_count(DETAIL_COUNT_CAP, "state = 'running' AND worker_id = w.id", "worker_id"),
    );
    rows(conn, Statement::new(text))
}

// The body of the recursive `name`: the first job of each range of one index of ready jobs, by its turn.
fn heads(name: &str, range: &str, which: &str) -> String {
    let columns =
        |of: &str| range.split(", ").map(|column| format!("{of}.{column}")).collect::<Vec<_>>().join(", ");
    let (own, last) = (columns("j"), columns("l"));
    let first = |from: &str, condition: &str| {
        format!(
            "SELECT next.* FROM {from} CROSS JOIN LATERAL (SELECT {own}, coalesce(j.turn_at, j.run_at) AS turn \
             FROM mainspring.jobs AS j WHERE j.state = 'ready' AND j.{which}{condition} \
             ORDER BY {own}, coalesce(j.turn_at, j.run_at) LIMIT 1) AS next"
        )
    };
    let (begin, behind) =
        (first("(SELECT) AS l", ""), first(&format!("{name} AS l"), &format!(" AND ({own}) > ({last})")));
    format!("{begin} UNION ALL {behind}")
}

// Ready jobs are in two indexes: those with flags, and those without.
fn ready_count(cap: i64, condition: &str, leading: &str) -> String {
    let count = |which: &str, range: &str| {
        capped_count(
            cap,
            &format!("state = 'ready' AND flags {which}{condition}"),
            &format!("{range}, coalesce(turn_at, run_at), id"),
        )
    };
    format!(
        "least({cap}, {} + {})",
        count("IS NULL", &format!("{leading}priority")),
        count("IS NOT NULL", &format!("{leading}flags, priority"))
    )
}

// The order is that of the index which serves the condition: it keeps the planner from reading the table.
fn capped_count(cap: i64, condition: &str, order: &str) -> String {
    format!(
        "(SELECT count(*) FROM (SELECT FROM mainspring.jobs AS j \
         WHERE {condition} ORDER BY {order} LIMIT {cap}) AS counted)"
    )
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

// Two clocks never agree to the last digit: an age is not negative.
fn seconds_since(moment: &str) -> String {
    format!("greatest(0, extract(epoch FROM clock_timestamp() - {moment})::float8)")
}
