//! Settles claimed jobs: it stores how their attempts ended.
//!
//! Every write names the lease that it expects. A job whose lease is no longer held stays as it is, and is not in the
//! result. Which state a job goes to is decided in sql/jobs/state_after.sql. Only outcomes after which the row always goes
//! are stored without it, since nearly all jobs end like that.

use std::collections::HashSet;
use std::num::NonZeroI64;
use std::sync::Arc;

use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};

use super::moment::Moment;
use super::statement::{Statement, millis};
use crate::error::StoreError;
use crate::lifecycle::{History, Left, Outcome};
use crate::store::session::{AsSession, Session};

// Failed, snoozed and postponed jobs become due after their delay; others keep their time. All else is decided in `state_after`.
macro_rules! events {
    () => {
        "ARRAY(SELECT mainspring.new_event(u.id, u.outcome, u.lease, u.reason, \
             CASE WHEN u.outcome IN ('failed', 'snoozed', 'postponed') THEN mainspring.now() + u.delay * interval '1 millisecond' END, \
             u.payload) \
         FROM unnest({}, {}, {}, {}, {}, {}) AS u(id, lease, outcome, reason, delay, payload))"
    };
}

mod doubt;
mod each;
mod reclaim;
mod values;

pub(crate) use doubt::{Doubtful, stored_before};
pub(crate) use each::{Isolated, Trouble, TroubleKind, settle_isolating};
pub(crate) use reclaim::{Reclaimed, leased_to, reclaim_lease};
pub(crate) use values::store_values;
use values::{has_value, keep_values};

/// One job's outcome, and the lease under which it was reached.
#[derive(Debug, Clone)]
pub(crate) struct Settlement {
    pub(crate) id: i64,
    pub(crate) lease: i64,
    pub(crate) outcome: Outcome,
    /// What the handler has returned, as JSON.
    pub(crate) value: Option<Arc<[u8]>>,
}

impl Settlement {
    pub(crate) fn new(id: i64, lease: i64, outcome: Outcome) -> Self {
        Self { id, lease, outcome, value: None }
    }
}

/// What the store made of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) id: i64,
    pub(crate) lease: i64,
    pub(crate) left: Left,
    /// Since when the job is ready again, if it waits for a claim and for nothing else.
    pub(crate) ready_since: Option<Moment>,
    /// Of a job that is gone and for which others wait: the first event that tells of such a job of this settle. What follows is still
    /// to be carried over to them.
    pub(crate) told_from: Option<NonZeroI64>,
}

impl Settled {
    /// A job that is finished.
    fn gone((id, lease): (i64, i64), told_from: Option<NonZeroI64>) -> Self {
        Self { id, lease, left: Left::Gone, ready_since: None, told_from }
    }
}

type Columns = (BigInt, BigInt, Nullable<Bool>, Nullable<Timestamptz>);
type Row = (i64, i64, Option<bool>, Option<Moment>);

/// A job whose end, if it is one, others learn of in another way.
impl From<Row> for Settled {
    fn from((id, lease, is_dead, ready_since): Row) -> Self {
        Self { id, lease, left: is_dead.into(), ready_since, told_from: None }
    }
}

/// Settles the jobs, and returns those whose lease was still held. It fails when another transaction holds one of the rows
/// for longer than the `lock_timeout` of the connection.
pub(crate) fn settle(
    conn: &mut impl AsSession,
    settlements: &[Settlement],
    history: History,
) -> Result<Vec<Settled>, StoreError> {
    settle_all(conn, &settlements.iter().collect::<Vec<_>>(), history)
}

/// Settles the jobs whose rows no transaction holds, as [`settle`] does. Returns the ids of the others apart.
pub(crate) fn settle_free(
    conn: &mut impl AsSession,
    settlements: &[Settlement],
    history: History,
) -> Result<(Vec<Settled>, HashSet<i64>), StoreError> {
    conn.as_session().transaction(|conn| {
        let held = held_by_others(conn, &settlements.iter().collect::<Vec<_>>())?;
        let free: Vec<_> = settlements.iter().filter(|settlement| !held.contains(&settlement.id)).collect();
        Ok((settle_all(conn, &free, history)?, held))
    })
}

// Locks the free rows in no order, since it waits for none. A row that it could not lock and that is still there is held.
fn held_by_others(
    conn: &mut impl AsSession,
    settlements: &[&Settlement],
) -> Result<HashSet<i64>, StoreError> {
    let mut ids = |lock: &str| -> Result<HashSet<i64>, StoreError> {
        let rows: Vec<(i64,)> = Statement::<(BigInt,)>::new(format!(
            "SELECT j.id FROM mainspring.jobs AS j JOIN unnest({{}}, {{}}) AS s(id, lease) \
             ON j.id = s.id AND j.lease = s.lease {lock}"
        ))
        .bind::<Array<BigInt>, _>(column(settlements, |settlement| settlement.id))
        .bind::<Array<BigInt>, _>(column(settlements, |settlement| settlement.lease))
        .load(conn)?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    };
    let free = ids("FOR UPDATE OF j SKIP LOCKED")?;
    Ok(&ids("")? - &free)
}

fn settle_all(
    conn: &mut impl AsSession,
    settlements: &[&Settlement],
    history: History,
) -> Result<Vec<Settled>, StoreError> {
    // Rows are locked in the order of their ids, as in enqueueing, so two statements never wait for each other in a circle.
    // Two statements in one transaction may. That ends with the `lock_timeout` of the connection.
    let mut in_order = settlements.to_vec();
    in_order.sort_unstable_by_key(|settlement| settlement.id);
    let (stored, owed): (Vec<_>, Vec<_>) =
        in_order.into_iter().partition(|settlement| settlement.outcome == Outcome::Completed);
    let (finished, returned): (Vec<_>, Vec<_>) =
        owed.into_iter().partition(|settlement| settlement.outcome.leaves_the_table());
    let has_values = settlements.iter().any(has_value);
    let store = |conn: &mut Session<'_>| -> Result<Vec<Settled>, StoreError> {
        let mut settled = Vec::with_capacity(settlements.len());
        // The transaction that has stored them has notified those that wait for them.
        let gone = |&&Settlement { id, lease, .. }: &&Settlement| Settled::gone((id, lease), None);
        settled.extend(stored.iter().map(gone));
        if !finished.is_empty() {
            settled.extend(finish(conn, &finished, history)?);
        }
        if has_values {
            keep_values(conn, settlements, &settled)?;
        }
        if !returned.is_empty() {
            settled.extend(return_jobs(conn, &returned, history)?);
        }
        Ok(settled)
    };
    // In one transaction: if only one statement was stored, a second try would take its jobs for lost.
    if (finished.is_empty() || returned.is_empty()) && !has_values {
        store(&mut conn.as_session())
    } else {
        conn.as_session().transaction(store)
    }
}

/// Settles one job as succeeded inside the caller's transaction. Returns false if its lease is no longer held: then the
/// transaction must not commit.
pub(crate) fn complete(
    conn: &mut impl AsSession,
    (id, lease): (i64, i64),
    history: History,
) -> Result<bool, StoreError> {
    // The connection is the application's, whose planner could choose to read the whole table. The function prevents that.
    let held: (bool,) = Statement::<(Bool,)>::new("SELECT mainspring.complete_attempt({}, {}, {})")
        .bind::<BigInt, _>(id)
        .bind::<BigInt, _>(lease)
        .bind::<Bool, _>(history.is_kept())
        .get_result(conn)?;
    Ok(held.0)
}

// Jobs that wait for others are handled after the commit, see sql/waits/. The table of events is not touched unless there are some.
const FINISH: &str = "WITH gone AS (\
    DELETE FROM mainspring.jobs AS j USING unnest({}, {}) AS s(id, lease) \
    WHERE j.id = s.id AND j.lease = s.lease RETURNING j.id, j.lease, j.linked), \
    told AS (INSERT INTO mainspring.wait_events (job_id, ending) \
    SELECT id, CASE WHEN id = ANY ({}) THEN 'cancelled' ELSE 'succeeded' END FROM gone WHERE linked RETURNING id) \
    SELECT id, lease, CASE WHEN linked THEN (SELECT min(t.id) FROM told AS t) ELSE 0 END FROM gone";

const FINISH_WITH_HISTORY: &str = "WITH gone AS (\
    DELETE FROM mainspring.jobs AS j USING unnest({}, {}, {}, {}) AS s(id, lease, outcome, reason) \
    WHERE j.id = s.id AND j.lease = s.lease RETURNING j.*, s.outcome, s.reason), \
    kept AS (INSERT INTO mainspring.history (finished_at, started_at, created_at, run_at, id, worker_id, \
    priority, attempts, deaths, outcome, task, queue, key, reason, errors) \
    SELECT mainspring.now(), locked_at, created_at, run_at, id, worker_id, priority, attempts, nullif(deaths, 0), \
    outcome, task, queue, key, reason, errors FROM gone), \
    told AS (INSERT INTO mainspring.wait_events (job_id, ending) SELECT id, outcome FROM gone WHERE linked RETURNING id) \
    SELECT id, lease, CASE WHEN linked THEN (SELECT min(t.id) FROM told AS t) ELSE 0 END FROM gone";

fn finish(
    conn: &mut impl AsSession,
    finished: &[&Settlement],
    history: History,
) -> Result<Vec<Settled>, StoreError> {
    let text = if history.is_kept() { FINISH_WITH_HISTORY } else { FINISH };
    let mut statement = Statement::<(BigInt, BigInt, BigInt)>::new(text)
        .bind::<Array<BigInt>, _>(column(finished, |settlement| settlement.id))
        .bind::<Array<BigInt>, _>(column(finished, |settlement| settlement.lease));
    if history.is_kept() {
        statement = statement
            .bind::<Array<Text>, _>(column(finished, |settlement| settlement.outcome.as_str()))
            .bind::<Array<Nullable<Text>>, _>(column(finished, |settlement| settlement.outcome.reason()));
    } else {
        let cancelled = finished.iter().filter(|one| one.outcome != Outcome::Succeeded);
        statement = statement.bind::<Array<BigInt>, _>(cancelled.map(|one| one.id).collect::<Vec<_>>());
    }
    // An event, or 0 for none: two thousand of them come at once, and an option would be twice as large.
    let rows: Vec<(i64, i64, i64)> = statement.load(conn)?;
    let gone = |(id, lease, told_from)| Settled::gone((id, lease), NonZeroI64::new(told_from));
    Ok(rows.into_iter().map(gone).collect())
}

const RETURN: &str = concat!(
    "SELECT m.job_id, m.job_lease, m.job_state = 'dead', CASE WHEN m.job_state = 'ready' THEN m.job_run_at END \
     FROM mainspring.move_jobs(",
    events!(),
    ", {}) AS m"
);

fn return_jobs(
    conn: &mut impl AsSession,
    returned: &[&Settlement],
    history: History,
) -> Result<Vec<Settled>, StoreError> {
    let statement = bind_events(Statement::<Columns>::new(RETURN), returned);
    let rows: Vec<Row> = statement.bind::<Bool, _>(history.is_kept()).load(conn)?;
    Ok(rows.into_iter().map(Settled::from).collect())
}

fn bind_events<'a, Columns>(
    statement: Statement<'a, Columns>,
    settlements: &[&'a Settlement],
) -> Statement<'a, Columns> {
    statement
        .bind::<Array<BigInt>, _>(column(settlements, |settlement| settlement.id))
        .bind::<Array<BigInt>, _>(column(settlements, |settlement| settlement.lease))
        .bind::<Array<Text>, _>(column(settlements, |settlement| settlement.outcome.as_str()))
        .bind::<Array<Nullable<Text>>, _>(column(settlements, |settlement| settlement.outcome.reason()))
        .bind::<Array<BigInt>, _>(column(settlements, |settlement| millis(settlement.outcome.delay())))
        .bind::<Array<Nullable<Text>>, _>(column(settlements, |settlement| {
            settlement.outcome.remaining_payload()
        }))
}

fn column<'a, T>(settlements: &[&'a Settlement], get: impl Fn(&'a Settlement) -> T) -> Vec<T> {
    settlements.iter().map(|settlement| get(settlement)).collect()
}

#[cfg(test)]
mod tests;
