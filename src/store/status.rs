//! A summary for people and their programs: jobs by state, ready tasks, queues, workers. Counts and lists stop at their
//! caps, so that the summary stays cheap however large the table of jobs is.
//!
//! ```no_run
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! let status = mainspring::status::read(&mut conn)?;
//! println!("{} jobs are ready, {} are dead", status.jobs.ready, status.jobs.dead);
//! # Ok(())
//! # }
//! ```

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Text, Timestamptz};
use serde::{Deserialize, Serialize};

use super::counts::{capped_count, ready_count, seconds_since};
use super::json_rows::rows;
use super::moment::Moment;
use super::queues::{self, QueueStatus, TaskLimitStatus};
use super::statement::Statement;
use super::workers::{self, LIVES, WorkerStatus};
use crate::error::StoreError;
use crate::store::session::AsSession;

pub use super::counts::{COUNT_CAP, DETAIL_COUNT_CAP, LIST_CAP};

/// A summary of jobs, tasks, queues and workers. No count and no list is longer than its cap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// The newest migration in the database.
    pub schema_version: String,
    /// Since when everything is paused, see [`pause_all`](crate::queues::pause_all); `None` when it is not.
    #[serde(default)]
    pub paused_since: Option<DateTime<Utc>>,
    /// [`COUNT_CAP`], for programs that read the status as JSON.
    pub count_cap: i64,
    /// [`DETAIL_COUNT_CAP`], for the same programs.
    pub detail_count_cap: i64,
    /// How many jobs are in each state.
    pub jobs: StateCounts,
    /// The seconds since the oldest ready job became due; `None` when no job is ready.
    pub oldest_ready_age_seconds: Option<f64>,
    /// The tasks that have ready jobs, by name.
    pub tasks: Vec<TaskStatus>,
    /// The queues that have due or running jobs, are paused or have a limit of their own, by name.
    pub queues: Vec<QueueStatus>,
    /// The limits that tasks have over all processes, by task. Ready jobs of such a task may wait for its limit.
    #[serde(default)]
    pub task_limits: Vec<TaskLimitStatus>,
    /// The workers, by name.
    pub workers: Vec<WorkerStatus>,
    /// The schedules and crontab lines that do not fire as they should, by name.
    #[serde(default)]
    pub schedules: Vec<ScheduleProblem>,
    /// How many schedules and crontab lines fire jobs that will not succeed: no living worker knows the task, or the task does
    /// not accept the payload. [`ScheduleRow::warning`](crate::schedules::ScheduleRow::warning) says which.
    #[serde(default)]
    pub schedule_warnings: i64,
}

/// A schedule or crontab line that does not fire as it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScheduleProblem {
    /// The schedule's name, or the line's identifier.
    pub name: String,
    /// `people`, or `code` for a crontab line.
    pub owner: String,
    /// What is wrong.
    pub problem: String,
    /// Since when, if the fire that is due is late.
    #[serde(default, deserialize_with = "super::json_moment::optional")]
    pub since: Option<DateTime<Utc>>,
}

/// How many jobs are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the states")]
pub struct StateCounts {
    /// Wait for other jobs, or for signals.
    #[serde(default)]
    pub waiting: i64,
    pub scheduled: i64,
    pub parked: i64,
    pub ready: i64,
    pub running: i64,
    /// Wait until a person releases them.
    #[serde(default)]
    pub held: i64,
    pub dead: i64,
}

/// One task that has ready jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskStatus {
    /// The task's name.
    pub task: String,
    /// How many jobs of the task are ready.
    pub ready: i64,
    /// The seconds since the oldest of these jobs became due.
    pub oldest_ready_age_seconds: f64,
    /// How many living workers have a handler for the task; 0 means that its jobs wait for such a worker.
    pub workers: i64,
}

/// Returns a summary. The parts are read separately and are not one consistent snapshot.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn read(conn: &mut impl AsSession) -> Result<Status, StoreError> {
    let jobs = state_counts(conn)?;
    let tasks = task_statuses(conn)?;
    let queues = queues::list(conn)?;
    let task_limits = queues::task_limits(conn)?;
    let workers = workers::list(conn)?;
    let schedules = schedule_problems(conn)?;
    Ok(Status {
        schema_version: schema_version(conn)?,
        paused_since: paused_since(conn)?,
        count_cap: COUNT_CAP,
        detail_count_cap: DETAIL_COUNT_CAP,
        jobs,
        oldest_ready_age_seconds: tasks.iter().map(|task| task.oldest_ready_age_seconds).reduce(f64::max),
        tasks,
        queues,
        task_limits,
        workers,
        schedules,
        schedule_warnings: schedule_warnings(conn)?,
    })
}

fn schema_version(conn: &mut impl AsSession) -> Result<String, StoreError> {
    let newest = "SELECT coalesce(max(version), '')::text FROM mainspring.__diesel_schema_migrations";
    Ok(Statement::<(Text,)>::new(newest).get_result::<(String,)>(conn)?.0)
}

/// Returns since when everything is paused, as [`Status::paused_since`] has it. `None` when it is not.
///
/// # Errors
///
/// As [`read`].
pub fn paused_since(conn: &mut impl AsSession) -> Result<Option<DateTime<Utc>>, StoreError> {
    let rows: Vec<(Moment,)> = Statement::<(Timestamptz,)>::new(
        "SELECT greatest(least(paused_at, mainspring.now()), '0001-01-01 00:00:00+00') FROM mainspring.all_paused",
    )
    .load(conn)?;
    Ok(rows.first().map(|row| row.0.0))
}

fn state_counts(conn: &mut impl AsSession) -> Result<StateCounts, StoreError> {
    let text = format!(
        "SELECT row_to_json(c)::text FROM (SELECT {} AS waiting, {} AS scheduled, {} AS parked, {} AS ready, {} AS running, {} AS held, {} AS dead) AS c",
        capped_count(COUNT_CAP, "state = 'waiting'", "id"),
        capped_count(COUNT_CAP, "state = 'scheduled'", "run_at, id"),
        capped_count(COUNT_CAP, "state = 'parked'", "queue, priority, run_at, id"),
        ready_count(COUNT_CAP, "", "task, "),
        capped_count(COUNT_CAP, "state = 'running'", "worker_id"),
        capped_count(COUNT_CAP, "state = 'held'", "id"),
        capped_count(COUNT_CAP, "state = 'dead'", "updated_at"),
    );
    let counts = rows(conn, Statement::new(text))?.pop();
    counts.ok_or_else(StoreError::no_row)
}

/// Returns the schedules and crontab lines that do not fire as they should, by name, as [`Status::schedules`] has them. It reads all
/// schedules, and no jobs.
///
/// # Errors
///
/// As [`read`].
pub fn schedule_problems(conn: &mut impl AsSession) -> Result<Vec<ScheduleProblem>, StoreError> {
    let text = format!(
        "SELECT row_to_json(p)::text FROM (SELECT s.name, s.owner, CASE \
             WHEN s.error IS NOT NULL THEN 'it fires no more: ' || s.error \
             WHEN s.late_since IS NOT NULL THEN 'it is late: ' || coalesce(s.late_reason, 'for an unknown reason') \
             WHEN s.next_fire_at < mainspring.now() - interval '10 seconds' AND NOT EXISTS (SELECT FROM mainspring.all_paused) \
                 THEN 'it is due and does not fire: no scheduler runs that could, or its row is locked' \
             WHEN s.last_fire_at > mainspring.now() THEN 'its last fire lies ahead of the database''s clock' END AS problem, \
             CASE WHEN s.error IS NULL THEN coalesce(s.late_since, CASE WHEN s.next_fire_at < mainspring.now() \
                 THEN s.next_fire_at END) END AS since \
         FROM mainspring.schedules AS s ORDER BY s.name) AS p WHERE p.problem IS NOT NULL LIMIT {LIST_CAP}"
    );
    rows(conn, Statement::new(text))
}

// One that has ended has no next fire, and neither has one that no scheduler has seen yet.
fn schedule_warnings(conn: &mut impl AsSession) -> Result<i64, StoreError> {
    let text = "SELECT count(*) FROM mainspring.schedules_view \
        WHERE warning IS NOT NULL AND NOT paused AND error IS NULL \
            AND (next_fire_at IS NOT NULL OR last_fire_at IS NULL)";
    Ok(Statement::<(BigInt,)>::new(text).get_result::<(i64,)>(conn)?.0)
}

fn task_statuses(conn: &mut impl AsSession) -> Result<Vec<TaskStatus>, StoreError> {
    let text = format!(
        "WITH RECURSIVE {} SELECT row_to_json(t)::text FROM ( \
             SELECT o.task, {} AS ready, \
                 {} AS oldest_ready_age_seconds, \
                 (SELECT count(*) FROM mainspring.workers AS w WHERE o.task = ANY (w.tasks) \
                     AND {LIVES}) AS workers \
             FROM oldest AS o ORDER BY o.task) AS t",
        oldest_ready(),
        ready_count(DETAIL_COUNT_CAP, " AND task = o.task", ""),
        seconds_since("o.run_at"),
    );
    rows(conn, Statement::new(text))
}

/// Queries behind `WITH RECURSIVE`, of which `oldest` has the tasks with ready jobs, and since when the oldest one is due.
///
/// The index of ready jobs leads with task and priority: the oldest job of each such pair is found by skipping from pair to
/// pair, whatever the number of jobs between them.
pub(super) fn oldest_ready() -> String {
    format!(
        "free AS ({}), flagged AS ({}), \
         head AS ((SELECT task, turn FROM free LIMIT {LIST_CAP}) UNION ALL \
             (SELECT task, turn FROM flagged LIMIT {LIST_CAP})), \
         oldest AS (SELECT h.task, min(h.turn) AS run_at FROM head AS h GROUP BY h.task)",
        heads("free", "task, priority", "flags IS NULL"),
        heads("flagged", "task, flags, priority", "flags IS NOT NULL"),
    )
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
