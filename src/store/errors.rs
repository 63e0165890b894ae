//! Errors of jobs by groups: those of one task whose first lines differ only in numbers and in quoted texts. Each process
//! adds to the groups every ten seconds. Their numbers agree with `failed` and `dead` of the [statistics](crate::stats).
//!
//! ```no_run
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! for group in mainspring::errors::since(&mut conn, Duration::from_secs(3600))? {
//!     println!("{} x {}: {}, such as job {:?}", group.count(), group.task, group.summary, group.job_id);
//! }
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::json_moment;
use super::json_rows::rows;
use super::statement::{Statement, millis};
use crate::error::StoreError;
use crate::store::session::{AsSession, Session};
use crate::text::in_ascii;

/// Errors of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorGroup {
    /// The name of the group: twelve characters that task and summary make. [`ErrorGroup::OTHERS`] for all that have no
    /// group of their own.
    pub fingerprint: String,
    /// The task. Empty for the others.
    pub task: String,
    /// The first line without what varies: `#` stands for numbers, and quotes are empty. The place of a panic is part of it.
    pub summary: String,
    /// Attempts that failed so, and that another one followed.
    pub failed: u64,
    /// Jobs that died of it.
    pub dead: u64,
    /// When the group was first stored.
    #[serde(deserialize_with = "json_moment::required")]
    pub first_seen: DateTime<Utc>,
    /// When it was last stored, up to ten seconds after the error.
    #[serde(deserialize_with = "json_moment::required")]
    pub last_seen: DateTime<Utc>,
    /// A recent job that failed so. `None` for the others.
    pub job_id: Option<i64>,
    /// The attempt in which that job failed, if it is known.
    pub attempt: Option<i16>,
    /// The error of that attempt with all causes, at most 8,100 characters. It may hold what the handler put there.
    pub error: Option<String>,
}

impl ErrorGroup {
    /// The fingerprint of all errors that have no group of their own.
    pub const OTHERS: &'static str = "";

    /// Returns how many attempts have failed so: the last ones of dead jobs, and those that another one followed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.failed + self.dead
    }
}

/// Returns the groups whose errors were stored since that long ago, the most frequent first. `failed` and `dead` count that time.
/// A minute counts if it begins in it. Beyond two days, that holds for hours.
///
/// # Errors
///
/// When the database fails.
pub fn since(conn: &mut impl AsSession, ago: Duration) -> Result<Vec<ErrorGroup>, StoreError> {
    let text = "SELECT row_to_json(e)::text FROM mainspring.errors_since(mainspring.now() - {} * interval '1 millisecond') AS e \
        ORDER BY e.failed + e.dead DESC, e.fingerprint";
    rows(conn, Statement::new(text).bind::<BigInt, _>(millis(ago)))
}

/// Returns the group with this fingerprint, with the numbers of all the time that is kept. `None` if there is no such group.
///
/// # Errors
///
/// When the database fails.
pub fn get(conn: &mut impl AsSession, fingerprint: &str) -> Result<Option<ErrorGroup>, StoreError> {
    let text = "SELECT row_to_json(e)::text FROM mainspring.errors_view AS e WHERE e.fingerprint = {}";
    Ok(rows(conn, Statement::new(text).text("fingerprint", fingerprint))?.pop())
}

/// Adds the bound errors to their groups, as the last column of a statement.
macro_rules! add_errors {
    () => {
        "CASE WHEN e.errors <> '[]' THEN mainspring.add_errors(e.errors)::text END FROM (SELECT {}::jsonb AS errors) AS e"
    };
}
pub(super) use add_errors;

/// Has `store` store the errors, and once more in ASCII if the database refuses them: its encoding may lack a character.
pub(super) fn store<T>(
    conn: &mut impl AsSession,
    errors: &[CountedErrors],
    store: impl Fn(&mut Session<'_>, &str) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut conn = conn.as_session();
    match store(&mut conn, &to_json(errors)) {
        Err(error) if !errors.is_empty() && conn.outlives(&error) => {
            let plain: Vec<_> = errors.iter().map(CountedErrors::in_ascii).collect();
            store(&mut conn, &to_json(&plain))
        }
        done => done,
    }
}

// As sql/stats/add_errors.sql reads them.
fn to_json(errors: &[CountedErrors]) -> String {
    serde_json::Value::from_iter(errors.iter().map(CountedErrors::to_json)).to_string()
}

/// Errors that a process has counted and not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CountedErrors {
    pub(crate) task: String,
    pub(crate) summary: String,
    pub(crate) failed: u64,
    pub(crate) dead: u64,
    pub(crate) sample: Option<Sample>,
}

/// One error of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) job_id: i64,
    pub(crate) attempt: Option<i16>,
    pub(crate) error: String,
}

impl CountedErrors {
    /// Errors that have no group of their own.
    pub(crate) fn of_others(failed: u64, dead: u64) -> Self {
        Self { task: String::new(), summary: String::new(), failed, dead, sample: None }
    }

    pub(crate) fn is_of_others(&self) -> bool {
        self.sample.is_none()
    }

    /// The same in characters that each encoding of a database has.
    fn in_ascii(&self) -> Self {
        let sample = self.sample.as_ref().map(|sample| Sample { error: in_ascii(&sample.error), ..*sample });
        let (task, summary) = (in_ascii(&self.task), in_ascii(&self.summary));
        Self { task, summary, sample, ..*self }
    }

    fn to_json(&self) -> serde_json::Value {
        let Self { task, summary, failed, dead, sample } = self;
        let mut value = json!({"task": task, "summary": summary, "failed": failed, "dead": dead});
        if let Some(Sample { job_id, attempt, error }) = sample {
            value["job_id"] = (*job_id).into();
            value["attempt"] = (*attempt).into();
            value["error"] = error.as_str().into();
        }
        value
    }
}
