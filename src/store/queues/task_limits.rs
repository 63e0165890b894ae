//! Limits of tasks over all processes: how many of their jobs run at once, and how many may start in a period. The database
//! keeps them; a claim passes them.

use std::time::Duration;

use diesel::sql_types::Bool;
use serde::{Deserialize, Serialize};

use super::settings::{Rate, changed, with_limits};
use crate::error::StoreError;
use crate::store::counts::{DETAIL_COUNT_CAP, LIST_CAP, ready_count};
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// The limit of a task over all processes, beside the limits of the queues that its jobs are in.
///
/// ```
/// use std::time::Duration;
/// use mainspring::queues::TaskLimit;
///
/// let limit = TaskLimit::new().concurrency(10).rate(100, Duration::from_secs(1));
/// assert_eq!(limit.concurrency, Some(10));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a limit does nothing until it is given to `set_task_limit`"]
pub struct TaskLimit {
    /// How many jobs of the task may run at once: 1 to 1,000,000, default any number.
    pub concurrency: Option<u32>,
    /// At most so many jobs in a period; default any number.
    pub rate: Option<Rate>,
}

impl TaskLimit {
    /// Creates a limit that limits nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets so many jobs of the task run at once.
    pub fn concurrency(mut self, jobs: u32) -> Self {
        self.concurrency = Some(jobs);
        self
    }

    /// Lets so many jobs of the task through in a period.
    pub fn rate(mut self, jobs: u32, period: Duration) -> Self {
        self.rate = Some(Rate { jobs, period });
        self
    }
}

/// The limit of one task, with counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskLimitStatus {
    /// The task's name.
    pub task: String,
    /// How many jobs of the task may run at once; `None` without such a limit.
    pub concurrency: Option<i32>,
    /// How many jobs of the task may start in a period; `None` without such a limit.
    pub rate_limit: Option<i32>,
    /// The period of the rate, in seconds.
    pub rate_period_seconds: Option<f64>,
    /// How many jobs of the task are ready.
    pub ready: i64,
    /// How many jobs of the task run; `None` without a limit of how many may.
    pub running: Option<i64>,
}

/// Sets how many jobs of the task run at once over all processes, and how many may start in a period. Replaces the limit that
/// the task has. Running jobs count, and go on when the limit becomes smaller. A rate that changes begins with a full bucket.
///
/// # Errors
///
/// As [`set`](super::set). A limit that limits nothing is [`StoreError::Invalid`].
pub fn set_task_limit(conn: &mut impl AsSession, task: &str, limit: &TaskLimit) -> Result<(), StoreError> {
    let text = "SELECT mainspring.set_task_limit({}, {}, {}, {} * interval '1 millisecond')";
    with_limits(Statement::<()>::new(text), ("task", task), limit.concurrency, limit.rate).execute(conn)?;
    Ok(())
}

/// Sets the limit of the task, as [`set_task_limit`] does, unless a person has set another. Returns `true` if it was set now. The rule
/// is that of [`set_if_absent`](super::set_if_absent).
///
/// # Errors
///
/// As [`set_task_limit`].
pub fn set_task_limit_if_absent(
    conn: &mut impl AsSession,
    task: &str,
    limit: &TaskLimit,
) -> Result<bool, StoreError> {
    let text = "SELECT mainspring.set_task_limit_if_absent({}, {}, {}, {} * interval '1 millisecond')";
    let set = Statement::<(Bool,)>::new(text);
    Ok(with_limits(set, ("task", task), limit.concurrency, limit.rate).get_result::<(bool,)>(conn)?.0)
}

/// Removes the limit of the task. Returns `false` if it had none.
///
/// # Errors
///
/// As [`set`](super::set).
pub fn remove_task_limit(conn: &mut impl AsSession, task: &str) -> Result<bool, StoreError> {
    changed(conn, "SELECT mainspring.remove_task_limit({})", "task", task)
}

/// Returns the limits of tasks, by task in the order of the database, at most [`LIST_CAP`](crate::status::LIST_CAP).
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses.
pub fn task_limits(conn: &mut impl AsSession) -> Result<Vec<TaskLimitStatus>, StoreError> {
    let text = format!(
        "SELECT row_to_json(s)::text FROM ( \
             SELECT l.task, l.concurrency, l.rate_limit, extract(epoch FROM l.rate_period)::float8 AS rate_period_seconds, \
                 {} AS ready, CASE WHEN l.concurrency IS NOT NULL THEN {RUNNING} END AS running \
             FROM mainspring.task_limits AS l ORDER BY l.task LIMIT {LIST_CAP}) AS s",
        ready_count(DETAIL_COUNT_CAP, " AND task = l.task", "")
    );
    rows(conn, Statement::new(text))
}

/// How many jobs of the task of `l` hold a slot of its limit.
const RUNNING: &str = "(SELECT count(*) FROM mainspring.task_slots AS s \
    JOIN mainspring.jobs AS j ON j.id = s.job_id AND j.lease = s.lease WHERE s.task = l.task)";
