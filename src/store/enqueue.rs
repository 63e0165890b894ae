//! Adds jobs and removes them by key, in the transaction of the connection. The SQL function behind it is the one home of
//! enqueueing, and decides what a taken key means.

use std::borrow::Cow;
use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Bool, Nullable, SmallInt, Text, Timestamptz};

use super::encoding::naming;
use super::moment::Moment;
use super::statement::Statement;
use crate::error::{Problem, StoreError};
use crate::job::payload::has_exponent;
use crate::job::{Defaults, Enqueue, NewJob, Task, bounds};
use crate::store::session::{AsSession, in_transaction};

mod added;
mod binds;
mod statements;
mod workflow;

pub(crate) use self::added::{Added, WaitsFor};
pub(crate) use self::binds::enqueue_span;
use self::binds::{bound, has_keys, wait_lists};
pub(super) use self::binds::{given, texts, trace_contexts};
use self::statements::{ADD, ADD_PROMPTLY, Adding, waiting, with_task_options};
pub(super) use self::workflow::add_workflow;

impl<T: Task> Enqueue<T> {
    /// Adds the job on the caller's own connection, and returns its id. Inside a transaction the job is invisible until the
    /// commit, and gone after a rollback. Workers are notified at the commit.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when a field breaks its limit: nothing is stored, the error names the field, the limit and what
    /// came, and a transaction of the caller can go on. [`StoreError::Database`] when the database refuses for another reason,
    /// which ends the transaction.
    ///
    /// Two limits are known to the database alone, and end the transaction too: that of a batch which grows under its key, and
    /// characters that the encoding of the database lacks.
    pub fn insert(self, conn: &mut impl AsSession) -> Result<i64, StoreError> {
        NewJob::try_from(self)?.insert(conn)
    }
}

impl NewJob {
    /// Adds the job, as [`Enqueue::insert`] does.
    ///
    /// # Errors
    ///
    /// As [`Enqueue::insert`].
    pub fn insert(self, conn: &mut impl AsSession) -> Result<i64, StoreError> {
        insert_many(conn, &[self])?.first().copied().ok_or_else(StoreError::no_row)
    }
}

/// Adds jobs of any tasks on the caller's own connection in one statement, all or none. Returns their ids in the order of
/// the input. The same key twice acts as if the jobs were added one after the other. Batches of ten thousand are fine.
///
/// ```no_run
/// use mainspring::NewJob;
/// use mainspring::jobs::insert_many;
/// use serde_json::json;
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// let jobs: Vec<_> = (0..10_000).map(|n| NewJob::new("invoice.send", &json!({"invoice": n}))).collect();
/// let ids = insert_many(&mut conn, &jobs)?;
/// assert_eq!(ids.len(), jobs.len());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`Enqueue::insert`]; the text begins with the place of the bad job, counted from 1: `job 3 of 10: ..`.
pub fn insert_many(conn: &mut impl AsSession, jobs: &[NewJob]) -> Result<Vec<i64>, StoreError> {
    let span = enqueue_span(jobs);
    let stored = span.within(|| enqueue(conn, jobs));
    let stored = stored.map(|jobs| jobs.into_iter().map(|job| job.id).collect());
    span.stored(&stored);
    stored
}

/// Adds the jobs in one statement, all or none, and returns them in the order of the input.
pub(crate) fn enqueue(conn: &mut impl AsSession, jobs: &[NewJob]) -> Result<Vec<Added>, StoreError> {
    add(conn, jobs, ADD)
}

/// Adds the jobs as [`enqueue`] does, or none of them if another transaction holds one of their keys: then it returns `None`.
pub(crate) fn enqueue_promptly(
    conn: &mut impl AsSession,
    jobs: &[NewJob],
) -> Result<Option<Vec<Added>>, StoreError> {
    if !has_keys(jobs) {
        return add(conn, jobs, ADD).map(Some);
    }
    let added = add(conn, jobs, ADD_PROMPTLY)?;
    Ok(Some(added).filter(|added| added.len() == jobs.len()))
}

fn add(conn: &mut impl AsSession, jobs: &[NewJob], adding: Adding) -> Result<Vec<Added>, StoreError> {
    for (index, job) in jobs.iter().enumerate() {
        if let Some(problem) = bounds::problem_of(job) {
            return Err(problem.at(index, jobs.len()));
        }
    }
    refuse_too_large(conn, jobs)?;
    let delays = given(jobs, |job| job.options.run_in.map(|delay| delay.as_micros() as i64));
    let text = if delays.is_some() { adding.delayed } else { adding.plain };
    let typed: Vec<bool> = jobs.iter().map(|job| job.defaults == Defaults::OfDatabase).collect();
    let named = typed.contains(&false).then(|| typed.contains(&true).then_some(typed));
    let waits = wait_lists(jobs);
    let text = if named.is_some() { with_task_options(text).into() } else { Cow::Borrowed(text) };
    let text = if waits.is_some() { waiting(&text).into() } else { text };
    let statement = bound(Statement::<Columns>::new(text), jobs);
    let statement = match delays {
        Some(delays) => statement.bind::<Array<Nullable<BigInt>>, _>(delays),
        None => statement,
    };
    let statement = match named {
        Some(mask) => statement.bind::<Nullable<Array<Bool>>, _>(mask),
        None => statement,
    };
    let statement = match waits {
        Some(lists) => statement.bind::<Array<Nullable<Text>>, _>(lists),
        None => statement,
    };
    let rows: Vec<Row> = statement.load(conn).map_err(|error| naming(conn, error, texts(jobs)))?;
    Ok(in_input_order(rows, jobs))
}

// Up to this length no payload breaks the limit: it is read back with half as many bytes more at most, but for exponents, and the
// limit is 1,000 bytes at least.
const SURELY_SMALL: usize = 600;

// Only the database knows the limit of a payload, and its refusal would end a transaction of the caller. So it is looked up there
// for payloads that may be too large.
fn refuse_too_large(conn: &mut impl AsSession, jobs: &[NewJob]) -> Result<(), StoreError> {
    let mut session = conn.as_session();
    let is_small = |job: &NewJob| job.payload.len() <= SURELY_SMALL && !has_exponent(&job.payload);
    if !in_transaction(&mut session) || jobs.iter().all(is_small) {
        return Ok(());
    }
    let (limit,): (i64,) =
        Statement::<(BigInt,)>::new("SELECT mainspring.payload_limit()").get_result(&mut session)?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    for (index, job) in jobs.iter().enumerate() {
        if job.payload.len() <= most / 3 * 2 && !has_exponent(&job.payload) {
            continue;
        }
        let (bytes,): (i64,) = Statement::<(BigInt,)>::new("SELECT octet_length({}::jsonb::text)::bigint")
            .bind::<Text, _>(job.payload.as_str())
            .get_result(&mut session)?;
        if bytes > limit {
            let problem = Problem::new("payload", format!("must be at most {limit} bytes"), bytes);
            return Err(problem.at(index, jobs.len()));
        }
    }
    Ok(())
}

/// Removes the job under `key`. A waiting job is deleted, and its id returned. A running job loses its key and is not
/// retried. An unknown key changes nothing and is no error.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses or cannot be reached.
pub fn remove(conn: &mut impl AsSession, key: &str) -> Result<Option<i64>, StoreError> {
    let removed = Statement::<(Nullable<BigInt>,)>::new("SELECT mainspring.remove_job({})")
        .text("key", key)
        .get_result::<(Option<i64>,)>(conn)?;
    Ok(removed.0)
}

type Columns = (BigInt, BigInt, SmallInt, Timestamptz, Nullable<Bool>, Nullable<BigInt>);
// Whether a job is parked is unknown of one that waits for others.
type Row = (i64, i64, i16, Moment, Option<bool>, Option<i64>);

// Jobs without keys come in order with ordinal 0. Those with keys come in the order of their keys.
fn in_input_order(mut rows: Vec<Row>, jobs: &[NewJob]) -> Vec<Added> {
    rows.sort_by_key(|row| row.0);
    let added = |((_, id, priority, run_at, parked, due_in), job): (Row, &NewJob)| Added {
        id,
        priority,
        run_at: run_at.0,
        scheduled: due_in.is_some(),
        due_in: Duration::from_millis(due_in.unwrap_or_default().unsigned_abs()),
        waits_for: match &job.options.queue {
            _ if parked.is_none() => WaitsFor::Others,
            _ if parked == Some(false) => WaitsFor::Claim,
            Some(queue) => WaitsFor::Queue(queue.clone()),
            None => WaitsFor::QueueOfTask,
        },
        flagged: !job.options.flags.is_empty(),
    };
    rows.into_iter().zip(jobs).map(added).collect()
}
