//! Acts on all jobs that a filter admits, in batches. Each batch takes a filter's next ids, so that every job is acted on once.

use serde::Serialize;

use super::act::{self, JobAct, Reschedule};
use super::filter::{JobFilter, JobOrder};
use super::list::{count, ids};
use crate::error::StoreError;
use crate::store::act_result::ActResult;
use crate::store::session::{AsSession, Session};
use chrono::{DateTime, Utc};

/// The rows of one batch: they are changed within some tens of milliseconds.
const BATCH: u64 = 1_000;

/// How many jobs an act by filter was about, by result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ActCounts {
    /// Each result that occurred, with the number of jobs, in the order in which they occurred first.
    pub results: Vec<ResultCount>,
}

/// How many jobs had one result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResultCount {
    /// What was done, or why nothing was.
    pub result: ActResult,
    /// How many jobs.
    pub jobs: u64,
}

impl ActCounts {
    /// Returns how many jobs the act was about.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.results.iter().map(|one| one.jobs).sum()
    }

    /// Returns for how many of them it was done.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.results.iter().filter(|one| one.result.was_done()).map(|one| one.jobs).sum()
    }

    fn add(&mut self, result: ActResult) {
        match self.results.iter_mut().find(|known| known.result == result) {
            Some(known) => known.jobs += 1,
            None => self.results.push(ResultCount { result, jobs: 1 }),
        }
    }
}

/// What is done to the jobs of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// [`complete`](super::complete), with a reason.
    Complete(Option<String>),
    /// [`fail`](super::fail), with a reason.
    Fail(Option<String>),
    /// [`cancel`](super::cancel), with a reason.
    Cancel(Option<String>),
    /// [`delete`](super::delete).
    Delete,
    /// [`retry`](super::retry), due at a time; `None` is now.
    Retry(Option<DateTime<Utc>>),
    /// [`reschedule`](super::reschedule).
    Reschedule(Reschedule),
    /// [`release`](super::release).
    Release,
}

impl Act {
    /// Why it is done, where a reason belongs to the act.
    #[cfg(feature = "dashboard")]
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Complete(reason) | Self::Fail(reason) | Self::Cancel(reason) => reason.as_deref(),
            Self::Delete | Self::Retry(_) | Self::Reschedule(_) | Self::Release => None,
        }
    }

    /// Performs the act on these jobs.
    ///
    /// # Errors
    ///
    /// As the function of the act.
    pub fn perform(&self, conn: &mut impl AsSession, ids: &[i64]) -> Result<Vec<JobAct>, StoreError> {
        match self {
            Self::Complete(reason) => act::complete(conn, ids, reason.as_deref()),
            Self::Fail(reason) => act::fail(conn, ids, reason.as_deref()),
            Self::Cancel(reason) => act::cancel(conn, ids, reason.as_deref()),
            Self::Delete => act::delete(conn, ids),
            Self::Retry(run_at) => act::retry(conn, ids, *run_at),
            Self::Reschedule(changes) => act::reschedule(conn, ids, changes),
            Self::Release => act::release(conn, ids),
        }
    }
}

/// The jobs that a filter admits, to be acted on batch by batch. Made by [`matching`].
#[derive(Debug, Clone)]
#[must_use = "nothing is done until its batches are performed"]
pub struct Matching {
    filter: JobFilter,
    left: u64,
    counts: ActCounts,
}

/// Counts the jobs that the filter admits, at most `most`, those with the smallest ids. The filter's `limit` and `order` do not count. A filter
/// without a condition admits all jobs.
///
/// ```no_run
/// use mainspring::jobs::{self, Act, JobFilter, JobStatus};
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// let mut dead = JobFilter::new();
/// dead.state = JobStatus::Dead.into();
/// dead.task = Some("invoice.send".into());
/// let mut matching = jobs::matching(&mut conn, dead, 100_000)?;
/// println!("{} jobs are dead", matching.left());
/// while matching.perform_batch(&mut conn, &Act::Retry(None))? {
///     println!("{} are left", matching.left());
/// }
/// println!("{} live again", matching.counts().done());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`count`](super::count).
pub fn matching(conn: &mut impl AsSession, mut filter: JobFilter, most: u64) -> Result<Matching, StoreError> {
    filter.order = JobOrder::OldestFirst;
    let found = u64::try_from(count(conn, &filter)?).unwrap_or_default();
    Ok(Matching { filter, left: found.min(most), counts: ActCounts::default() })
}

impl Matching {
    /// Returns how many jobs are still to be acted on, at most.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Returns what became of the jobs so far.
    #[must_use]
    pub fn counts(&self) -> &ActCounts {
        &self.counts
    }

    /// Performs the act on the next 1,000 jobs, and returns `false` if there were none. Outside of a transaction of the caller, each
    /// batch is one of its own. Jobs that were added meanwhile come after all others, so no more are changed than were counted.
    ///
    /// # Errors
    ///
    /// As the function of the act. The batch can be tried again.
    pub fn perform_batch(&mut self, conn: &mut impl AsSession, act: &Act) -> Result<bool, StoreError> {
        let mut session: Session<'_> = conn.as_session();
        self.filter.limit = u32::try_from(self.left.min(BATCH)).unwrap_or_default();
        let next = if self.left > 0 { ids(&mut session, &self.filter)? } else { Vec::new() };
        let Some(last) = next.last() else {
            self.left = 0;
            return Ok(false);
        };
        let acts = act.perform(&mut session, &next)?;
        self.filter.after_id = Some(*last);
        self.left -= next.len() as u64;
        acts.iter().for_each(|one| self.counts.add(one.result));
        Ok(true)
    }
}
