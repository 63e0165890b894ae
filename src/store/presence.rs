//! The rows of workers: a process registers, sends heartbeats, and leaves. Any process finds lost workers, and requeues
//! their jobs. Does not know what a worker does with its jobs.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::Queryable;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, SmallInt, Text, Timestamptz};

use super::claim::Position;
use super::moment::Moment;
use super::statement::{Statement, millis};
use crate::error::StoreError;
use crate::lifecycle::{BETWEEN_SUSPECTS, Left, SUSPECTED_AFTER};
use crate::store::session::AsSession;

mod beat;
mod cancelled;
mod new_id;
mod orphans;
mod register;

pub(crate) use beat::{Beat, Heartbeat, beat};
pub(crate) use cancelled::{CancelledAttempt, cancelled_attempts};
pub(crate) use new_id::register_under_new_id;
pub(crate) use orphans::{Orphan, find_orphans, rescue_orphans};
pub(crate) use register::{NewWorker, register};

// Time alone decides, by the server's clock. Of two different time-outs the longer one counts, since the gaps of the one who
// judges are known by its own. No time of a restored row is out of the range in which the server computes.
macro_rules! patience {
    () => {
        "greatest(least(w.timeout, interval '100 years'), me.timeout)"
    };
}

// Where the clock of the server was set back, the row of a dead worker lies ahead. A living one has stored the lower time.
macro_rules! is_late {
    () => {
        concat!(
            "(w.heartbeat_at <= mainspring.now() - ",
            patience!(),
            " OR w.heartbeat_at > mainspring.now() + ",
            patience!(),
            ")"
        )
    };
}

const NEXT_LOSS: &str = concat!(
    "SELECT min(ceil(extract(epoch FROM greatest(me.steady_since + ",
    patience!(),
    ", CASE WHEN ",
    is_late!(),
    " THEN mainspring.now() ELSE w.heartbeat_at + ",
    patience!(),
    " END) - mainspring.now()) * 1000))::bigint, \
     coalesce(extract(epoch FROM max(least(w.timeout, interval '1 day'))) * 1000, 0)::bigint \
     FROM mainspring.workers AS me, mainspring.workers AS w WHERE me.id = {} AND w.id <> me.id"
);

/// What a worker knows of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Others {
    /// How long until one of them counts as lost, if none beats until then. Zero or less if one may be lost now, `None` where
    /// there is none.
    pub(crate) next_loss: Option<TimeDelta>,
    /// The longest of their time-outs that a scheduler may have.
    pub(crate) longest_timeout: Duration,
}

/// Looks at the other workers.
pub(crate) fn others(conn: &mut impl AsSession, worker_id: i32) -> Result<Others, StoreError> {
    let (next_loss, longest): (Option<i64>, i64) = Statement::<(Nullable<BigInt>, BigInt)>::new(NEXT_LOSS)
        .bind::<Integer, _>(worker_id)
        .get_result(conn)?;
    let longest_timeout = Duration::from_millis(longest.unsigned_abs());
    Ok(Others { next_loss: next_loss.map(TimeDelta::milliseconds), longest_timeout })
}

/// A job of a lost worker.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub(crate) struct RescuedJob {
    pub(crate) id: i64,
    pub(crate) task: String,
    /// The attempt that was lost.
    pub(crate) attempt: i16,
    /// How many processes in a row were lost with it, this one included.
    pub(crate) deaths: i16,
    #[diesel(deserialize_as = Option<bool>)]
    pub(crate) left: Left,
    pub(crate) priority: i16,
    #[diesel(deserialize_as = Moment)]
    pub(crate) run_at: DateTime<Utc>,
    pub(crate) queue: Option<String>,
    pub(crate) worker_id: i32,
    /// Why it is dead, if it is.
    pub(crate) why_dead: String,
    /// Why it could not be taken, or is set apart.
    pub(crate) problem: Option<String>,
}

/// A lost worker whose row cannot be removed, and why. Its jobs are still leased to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftWorker {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) problem: String,
}

/// What a rescue has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rescued {
    pub(crate) jobs: Vec<RescuedJob>,
    pub(crate) left: Vec<LeftWorker>,
}

type RescuedColumns = (
    BigInt,
    Text,
    SmallInt,
    SmallInt,
    Nullable<Bool>,
    SmallInt,
    Timestamptz,
    Nullable<Text>,
    Integer,
    Text,
    Nullable<Text>,
);

// This rescue and that of orphans read ranges of the index of running jobs in which no living worker has jobs. A living worker leaves many dead
// entries there while any transaction holds an old snapshot. OFFSET 0 keeps the planner from reading all running jobs.
// Nothing is moved, and no function called, where nothing is lost: nearly always.
// They wait for no row. A job that an application holds in a transaction is left to a later rescue of orphans.

macro_rules! lost_workers {
    () => {
        concat!(
            "SELECT w.id, w.name FROM mainspring.workers AS me, mainspring.workers AS w \
             WHERE me.id = {} AND me.server_start = pg_postmaster_start_time() \
                AND me.heartbeat_at BETWEEN mainspring.now() - me.timeout / 2 AND mainspring.now() + me.timeout / 5 \
                AND w.id <> me.id AND ",
            is_late!(),
            " AND me.steady_since <= mainspring.now() - ",
            patience!()
        )
    };
}

// A rescuer that is stopped or cut off between its statements holds rows that others then cannot rescue.
const END_IF_STOPPED: &str = "SET LOCAL idle_in_transaction_session_timeout = '2s'";

// Whoever finds the row gone, or waits until it is, gives up its jobs. So those of a worker whose row stays are not taken.
const REMOVE_LOST: &str = concat!(
    "WITH lost AS MATERIALIZED (",
    lost_workers!(),
    " FOR UPDATE OF w SKIP LOCKED), late AS MATERIALIZED (",
    lost_workers!(),
    ") SELECT l.id, l.name, mainspring.try_remove_worker(l.id) FROM lost AS l UNION ALL \
    SELECT l.id, l.name, 'another transaction holds the row' FROM late AS l WHERE l.id <> ALL (ARRAY(SELECT id FROM lost))"
);

// Suspects become due one after the other. A claim that took several of them would lose them all with its process.
const RESCUE: &str = "WITH lost AS (SELECT l.id, l.name FROM unnest({}, {}) AS l(id, name)), \
    held AS MATERIALIZED (SELECT r.id, r.lease, r.attempts, r.deaths, r.why_dead, l.id AS worker_id, l.name FROM lost AS l CROSS JOIN LATERAL (\
        SELECT k.id, k.lease, k.attempts, mainspring.deaths_after(k, 'lost') AS deaths, \
            CASE WHEN k.superseded THEN 'it was superseded' \
            WHEN k.cancel_reason IS NOT NULL THEN 'it was cancelled' ELSE 'it may be what kills its workers' END AS why_dead \
        FROM mainspring.jobs AS k WHERE k.state = 'running' AND k.worker_id = l.id \
        OFFSET 0 FOR UPDATE SKIP LOCKED) AS r), \
    placed AS (SELECT h.id, h.lease, h.name, row_number() OVER (PARTITION BY h.deaths >= {} ORDER BY h.id) - 1 AS place, \
        h.deaths >= {} AS is_suspect FROM held AS h) \
    SELECT m.job_id, m.job_task, coalesce(h.attempts, 0::smallint), h.deaths, m.job_state = 'dead', \
        m.job_priority, m.job_run_at, m.job_queue, \
        h.worker_id, h.why_dead, m.job_problem \
    FROM (SELECT ARRAY(SELECT mainspring.new_event(p.id, 'lost', p.lease, \
        format('worker lost: %s stopped without settling the job', p.name), \
        CASE WHEN p.is_suspect AND p.place > 0 THEN mainspring.now() + p.place * {} * interval '1 millisecond' END) \
        FROM placed AS p) AS events OFFSET 0) AS e \
    CROSS JOIN LATERAL mainspring.move_or_isolate(e.events, true) AS m JOIN held AS h ON h.id = m.job_id \
    WHERE cardinality(e.events) > 0";

/// Requeues the jobs of lost workers, whose attempts are given back, and removes those workers. Does nothing if the heartbeats
/// of this worker had a gap. The server checks that when it executes the statement, perhaps long after it was sent. Two
/// processes that rescue at the same time share the work. A job that cannot be moved is in the result with the problem, and
/// keeps none of the others. Neither does a worker whose row cannot be removed.
pub(crate) fn rescue(conn: &mut impl AsSession, worker_id: i32) -> Result<Rescued, StoreError> {
    conn.as_session().transaction(|conn| {
        Statement::<()>::new(END_IF_STOPPED).execute(conn)?;
        let lost: Vec<(i32, String, Option<String>)> =
            Statement::<(Integer, Text, Nullable<Text>)>::new(REMOVE_LOST)
                .bind::<Integer, _>(worker_id)
                .bind::<Integer, _>(worker_id)
                .load(conn)?;
        let (mut ids, mut names, mut left) = (Vec::new(), Vec::new(), Vec::new());
        for (id, name, problem) in lost {
            match problem {
                Some(problem) => left.push(LeftWorker { id, name, problem }),
                None => {
                    ids.push(id);
                    names.push(name);
                }
            }
        }
        if ids.is_empty() {
            return Ok(Rescued { jobs: Vec::new(), left });
        }
        let rescue = Statement::<RescuedColumns>::new(RESCUE)
            .bind::<Array<Integer>, _>(ids)
            .bind::<Array<Text>, _>(names)
            .bind::<SmallInt, _>(SUSPECTED_AFTER)
            .bind::<SmallInt, _>(SUSPECTED_AFTER)
            .bind::<BigInt, _>(millis(BETWEEN_SUSPECTS));
        Ok(Rescued { jobs: rescue.load(conn)?, left })
    })
}

impl RescuedJob {
    /// Whether it is still leased to the lost worker.
    pub(crate) fn is_stuck(&self) -> bool {
        self.problem.is_some() && self.left == Left::Waiting
    }

    /// Where it waits, if it does.
    pub(crate) fn position(&self) -> Position {
        Position { priority: self.priority, turn_at: self.run_at }
    }
}

/// Whether jobs may still be leased to a worker that leaves, as far as it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobsLeft {
    None,
    Possible,
}

/// Removes the worker's row, and returns whether it is gone. The row of another origin stays.
///
/// The row stays if the worker has not released all its jobs and some are leased to it, so that a rescue finds them. After
/// a full release nothing is checked: that would read the dead entries of all jobs since the last vacuum, which takes a sixth
/// of a second for a million. A job that the server has leased all the same is an orphan.
pub(crate) fn unregister(
    conn: &mut impl AsSession,
    worker_id: i32,
    origin: i64,
    jobs_left: JobsLeft,
) -> Result<bool, StoreError> {
    let unless_leased = match jobs_left {
        JobsLeft::None => "",
        JobsLeft::Possible => {
            "AND NOT EXISTS (SELECT 1 FROM mainspring.jobs AS j WHERE j.state = 'running' AND j.worker_id = w.id)"
        }
    };
    let text = "DELETE FROM mainspring.workers AS w WHERE w.id = {} AND w.origin = {} ";
    let gone = Statement::<()>::new(format!("{text}{unless_leased}"))
        .bind::<Integer, _>(worker_id)
        .bind::<BigInt, _>(origin)
        .execute(conn)?;
    Ok(gone > 0)
}

#[cfg(test)]
mod tests;
