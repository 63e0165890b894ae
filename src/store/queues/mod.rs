//! Queues and tasks at run time: limits, rates, pauses. Each verb is a function on a connection and joins the caller's
//! transaction, if there is one. All running schedulers notice a change at the commit, without waiting for a poll.
//! [`Scheduler::queues`](crate::Scheduler::queues) offers the same verbs on the scheduler's own connections. The database
//! decides what follows from a change, so that a change by SQL has the same meaning.
//!
//! ```no_run
//! use std::time::Duration;
//! use mainspring::queues::{self, QueueSettings};
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! queues::set(&mut conn, "mails", &QueueSettings::concurrency(5).rate(100, Duration::from_secs(60)))?;
//! queues::pause(&mut conn, "reports")?;
//! # Ok(())
//! # }
//! ```

use diesel::sql_types::{BigInt, Bool, Text};

use self::settings::{changed, with_limits};
use super::portions::{PORTION, in_portions};
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

mod families;
#[cfg(feature = "dashboard")]
mod heads;
mod list;
mod settings;
mod task_limits;

pub use self::families::{QueueFamily, families, remove_family, set_family, set_family_if_absent};
#[cfg(feature = "dashboard")]
pub(crate) use self::heads::{next_jobs, running_jobs};
#[cfg(feature = "dashboard")]
pub(crate) use self::list::page;
pub use self::list::{QueueStatus, list, show};
pub use self::settings::{QueueSettings, Rate};
pub use self::task_limits::{
    TaskLimit, TaskLimitStatus, remove_task_limit, set_task_limit, set_task_limit_if_absent, task_limits,
};

/// Replaces the queue's limits. Whether the queue is paused stays as it is. When a limit becomes smaller, running jobs go
/// on, and admitted jobs that no worker has claimed are parked again. A rate that changes begins with a full bucket.
///
/// # Errors
///
/// [`StoreError::Invalid`] when a value breaks its limit: nothing is stored, and the text names the field, the limit and
/// what came. [`StoreError::Database`] when the database refuses for another reason.
pub fn set(conn: &mut impl AsSession, queue: &str, settings: &QueueSettings) -> Result<(), StoreError> {
    let set = Statement::<()>::new("SELECT mainspring.set_queue({}, {}, {}, {} * interval '1 millisecond')");
    with_limits(set, ("queue", queue), Some(settings.concurrency), settings.rate).execute(conn)?;
    Ok(())
}

/// Sets the queue's limits, as [`set`] does, unless a person has set others. Returns `true` if they were set now.
///
/// An application calls this at its start, or gives the limits to
/// [`SchedulerBuilder::queue_if_absent`](crate::SchedulerBuilder::queue_if_absent). The row remembers the limits that were set this
/// way:
///
/// | the queue's limits | then |
/// |---|---|
/// | were never set, or were removed | are set |
/// | are those that this function set last | are replaced: a release has other limits than the one before |
/// | were changed since, or set by [`set`], SQL or the command line | stay as they are |
///
/// [`remove`] makes the queue's limits absent again.
///
/// ```no_run
/// use mainspring::queues::{self, QueueSettings};
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// if !queues::set_if_absent(&mut conn, "mails", &QueueSettings::concurrency(5))? {
///     println!("the limits of mails stay as they were set before");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`set`].
pub fn set_if_absent(
    conn: &mut impl AsSession,
    queue: &str,
    settings: &QueueSettings,
) -> Result<bool, StoreError> {
    let text = "SELECT mainspring.set_queue_if_absent({}, {}, {}, {} * interval '1 millisecond')";
    let set = Statement::<(Bool,)>::new(text);
    let set = with_limits(set, ("queue", queue), Some(settings.concurrency), settings.rate);
    Ok(set.get_result::<(bool,)>(conn)?.0)
}

/// Pauses the queue: running jobs finish, no other starts. Returns `false` if the queue was already paused.
///
/// # Errors
///
/// As [`set`].
pub fn pause(conn: &mut impl AsSession, queue: &str) -> Result<bool, StoreError> {
    changed(conn, "SELECT mainspring.pause_queue({})", "queue", queue)
}

/// Ends the pause of the queue. Returns `false` if the queue was not paused.
///
/// # Errors
///
/// As [`set`].
pub fn resume(conn: &mut impl AsSession, queue: &str) -> Result<bool, StoreError> {
    changed(conn, "SELECT mainspring.resume_queue({})", "queue", queue)
}

/// Removes the queue's own settings and its pause. Its jobs stay. Returns `false` if there was nothing to remove.
///
/// # Errors
///
/// As [`set`].
pub fn remove(conn: &mut impl AsSession, queue: &str) -> Result<bool, StoreError> {
    let gone =
        Statement::<()>::new("DELETE FROM mainspring.queues WHERE name = {} AND (paused OR source = 'own')")
            .text("queue", queue)
            .contained()
            .execute(conn)?;
    Ok(gone > 0)
}

/// Removes the rows of queues that have no settings of their own and no job that waits or runs, and returns how many. Such rows were
/// made by admission. Removes in portions, so that no statement holds its locks for long. A row that cannot be removed
/// stays, and the server's log has a warning about it.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses.
pub fn remove_unused(conn: &mut impl AsSession) -> Result<i64, StoreError> {
    in_portions(|| remove_unused_portion(conn, PORTION))
}

/// Removes at most `limit` of the rows that [`remove_unused`] removes, and returns how many.
pub(crate) fn remove_unused_portion(conn: &mut impl AsSession, limit: u32) -> Result<i64, StoreError> {
    let removed: (i64,) = Statement::<(BigInt,)>::new("SELECT mainspring.remove_unused_queues({})")
        .bind::<BigInt, _>(i64::from(limit))
        .get_result(conn)?;
    Ok(removed.0)
}

/// Pauses the task: running jobs finish, no process claims another. Returns `false` if the task was already paused.
///
/// # Errors
///
/// As [`set`].
pub fn pause_task(conn: &mut impl AsSession, task: &str) -> Result<bool, StoreError> {
    changed(conn, "SELECT mainspring.pause_task({})", "task", task)
}

/// Ends the pause of the task. Returns `false` if the task was not paused.
///
/// # Errors
///
/// As [`set`].
pub fn resume_task(conn: &mut impl AsSession, task: &str) -> Result<bool, StoreError> {
    changed(conn, "SELECT mainspring.resume_task({})", "task", task)
}

/// Returns the tasks that are paused, by name.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses.
pub fn paused_tasks(conn: &mut impl AsSession) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> =
        Statement::<(Text,)>::new("SELECT task FROM mainspring.paused_tasks ORDER BY task").load(conn)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Pauses everything, for all processes: none claims, admits, promotes or fires until [`resume_all`]. Running jobs finish.
/// Returns `false` if everything was already paused.
///
/// # Errors
///
/// As [`set`].
pub fn pause_all(conn: &mut impl AsSession) -> Result<bool, StoreError> {
    Ok(Statement::<(Bool,)>::new("SELECT mainspring.pause_all()").get_result::<(bool,)>(conn)?.0)
}

/// Ends the pause of everything. Queues, tasks and schedules that were paused for themselves stay paused. Fires that were
/// due meanwhile are made up for as after a downtime. Returns `false` if everything was not paused.
///
/// # Errors
///
/// As [`set`].
pub fn resume_all(conn: &mut impl AsSession) -> Result<bool, StoreError> {
    Ok(Statement::<(Bool,)>::new("SELECT mainspring.resume_all()").get_result::<(bool,)>(conn)?.0)
}
