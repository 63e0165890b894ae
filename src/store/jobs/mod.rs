//! Jobs: add them, read them, and act on them by hand. Each verb is a function on a connection and joins the caller's
//! transaction, if there is one; what it changes takes effect at the commit.
//! [`Scheduler::jobs`](crate::Scheduler::jobs) offers the same verbs on the scheduler's own connections.
//!
//! An act takes ids and returns for each id what was done, or why nothing was done. Whatever an act makes due wakes the
//! workers.
//!
//! ```no_run
//! use mainspring::NewJob;
//! use mainspring::jobs::{self, ActResult, JobFilter, JobStatus};
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! jobs::insert(&mut conn, NewJob::new("invoice.send", &serde_json::json!({"invoice": 7})))?;
//! let mut dead = JobFilter::new();
//! dead.state = JobStatus::Dead.into();
//! let ids: Vec<i64> = jobs::list(&mut conn, &dead)?.iter().map(|job| job.id).collect();
//! for act in jobs::retry(&mut conn, &ids, None)? {
//!     if act.result == ActResult::KeyTaken {
//!         println!("job {}: a newer one has its key", act.id);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod act;
mod conditions;
mod explain;
mod filter;
mod found;
mod lines;
mod list;
mod matching;
mod pages;
mod search;
mod states;

pub(in crate::store) use self::act::acts;
pub use self::act::{
    JobAct, Reschedule, cancel, complete, delete, delete_dead, fail, release, reschedule, retry,
};
pub use self::explain::{Explanation, Reason, explain};
pub use self::filter::{JobFilter, JobOrder};
pub use self::found::{Job, get, require};
#[cfg(feature = "dashboard")]
pub(in crate::store) use self::list::STORED;
pub use self::list::{count, ids, list, payload};
pub use self::matching::{Act, ActCounts, Matching, ResultCount, matching};
pub use self::pages::{JobCount, JobCursor, JobPage};
#[cfg(feature = "dashboard")]
pub(crate) use self::search::next_matching;
pub use self::search::{estimate, search};
pub use self::states::{JobStatus, StateFilter};
pub use super::act_result::ActResult;
pub use super::attempt_errors::AttemptError;
pub use super::enqueue::{insert_many, remove};
pub use super::steps::{JobStep, clear_steps, steps};
pub use super::waits::{signal, signal_value};

use crate::error::StoreError;
use crate::job::NewJob;
use crate::store::session::AsSession;

/// Adds a job and returns its id, as [`Enqueue::insert`](crate::Enqueue::insert) does for a job of a known type.
///
/// # Errors
///
/// As [`Enqueue::insert`](crate::Enqueue::insert).
pub fn insert(conn: &mut impl AsSession, job: NewJob) -> Result<i64, StoreError> {
    job.insert(conn)
}
