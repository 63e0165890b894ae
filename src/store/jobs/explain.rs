//! Why a job does not run, as `mainspring.explain_job` returns it. The reasons are found in SQL; here they get types.

use std::fmt;

use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::store::json_moment;
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Why a job does not run, or where it stands. `Display` writes the code of the SQL function `explain_job`, such as `queue_full`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Its time has not come.
    NotDue,
    /// It has failed, and is tried again later.
    WaitsForRetry,
    /// A job has not ended for which it waits.
    WaitsForJob,
    /// It waits for a person: its payload does not fit the task, or its handler has asked for it.
    Held,
    /// It waits for a signal that was not sent.
    WaitsForSignal,
    /// A job for which it waits is dead, or was cancelled or deleted.
    ParentFailed,
    /// It waits for more than the first ten things that are listed.
    WaitsForOthers,
    /// Everything is paused.
    EverythingPaused,
    /// Its task is paused.
    TaskPaused,
    /// Its queue is paused.
    QueuePaused,
    /// As many jobs of its queue are admitted as may run at once.
    QueueFull,
    /// Its queue may start no job before some time.
    QueueRateLimited,
    /// As many jobs of its task run as may run at once, over all processes.
    TaskLimitReached,
    /// Its task may start no job before some time.
    TaskRateLimited,
    /// No worker lives.
    NoWorker,
    /// No living worker has a handler for its task.
    TaskUnknown,
    /// Its payload is of a version of its task that is newer than that of each living worker.
    VersionUnknown,
    /// Every living worker that knows its task leaves one of its flags alone.
    FlagsRefused,
    /// Every worker that could take it is stopping.
    WorkersDraining,
    /// No worker that could take it can claim jobs; see [`health`](crate::health).
    WorkersFailing,
    /// Every worker that could take it runs as many jobs as it may.
    WorkersBusy,
    /// A transaction has locked its row.
    Locked,
    /// Nothing hinders it: it waits for its turn.
    NothingHinders,
    /// It runs.
    Running,
    /// It runs, and its attempt is to end.
    Cancelling,
    /// Its worker is lost, and another one will requeue it.
    WorkerLost,
    /// It is dead.
    Dead,
    /// It has succeeded.
    Succeeded,
    /// It was cancelled.
    Cancelled,
    /// A reason that this program does not know: the schema is newer.
    #[serde(other)]
    Other,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One reason, with the facts behind it. `Display` writes the sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Which reason it is.
    pub reason: Reason,
    /// The reason in plain English.
    pub sentence: String,
    /// When the reason ends at the earliest, if that is known.
    #[serde(default, deserialize_with = "json_moment::optional")]
    pub until: Option<DateTime<Utc>>,
    /// The facts, as a JSON object. The chapter `observability` of the guide lists them.
    pub details: Value,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// Returns why a job does not run: every reason that holds now, or where it stands if nothing hinders it. An empty list means
/// that no such job is known, as for [`get`](super::get).
///
/// It locks nothing, and takes a few milliseconds whatever the number of other jobs.
///
/// ```no_run
/// use mainspring::jobs::{self, Reason};
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// for why in jobs::explain(&mut conn, 4711)? {
///     println!("{}: {why}", why.reason);
///     if why.reason == Reason::QueueFull {
///         println!("held by {}", why.details["holders"]);
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn explain(conn: &mut impl AsSession, id: i64) -> Result<Vec<Explanation>, StoreError> {
    let text = "SELECT row_to_json(r)::text FROM mainspring.explain_job({}) AS r";
    rows(conn, Statement::new(text).bind::<BigInt, _>(id))
}
