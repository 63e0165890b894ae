//! Admits parked jobs of queues, and promotes scheduled jobs that have become due: the ways by which a waiting
//! job comes nearer to being claimed. Does not claim.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, SmallInt, Text, Timestamptz};

use super::claim::Position;
use super::statement::{Statement, millis};
use crate::error::StoreError;
use crate::store::session::AsSession;

/// What an admission did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) admitted: usize,
    /// The best job admitted, where the next claim has to look.
    pub(crate) position: Option<Position>,
    /// Queues whose row another session held.
    pub(crate) locked: Vec<String>,
    /// Whether any of the jobs admitted has flags.
    pub(crate) flagged: bool,
    /// Queues whose rate lets the next job through after so long.
    pub(crate) tokens_in: Vec<(String, Duration)>,
    /// The tasks of the jobs admitted.
    pub(crate) tasks: Vec<String>,
    pub(crate) results: Vec<AdmissionResult>,
}

/// What is known of a queue before an admission, so that nothing is read that is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AdmissionHint {
    /// Before this priority and `run_at` no jobs are parked.
    pub(crate) parked_from: Option<Position>,
    /// Where the queue's row was last seen.
    pub(crate) row_at: Option<String>,
}

/// What an admission saw of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdmissionResult {
    pub(crate) queue: String,
    /// False if the queue had no room or token, was paused, or was locked: then nothing is known of its parked jobs.
    pub(crate) scanned: bool,
    /// The first job's place among the parked ones, its priority and `run_at`.
    pub(crate) first: Option<Position>,
    /// Where the queue's row is now.
    pub(crate) row_at: Option<String>,
}

type Columns = (
    Text,
    Integer,
    Bool,
    Nullable<SmallInt>,
    Nullable<Timestamptz>,
    Nullable<Array<Text>>,
    Nullable<Bool>,
    Nullable<BigInt>,
    Nullable<Timestamptz>,
    Bool,
    Nullable<Text>,
);
type Row = (
    String,
    i32,
    bool,
    Option<i16>,
    Option<DateTime<Utc>>,
    Option<Vec<String>>,
    Option<bool>,
    Option<i64>,
    Option<DateTime<Utc>>,
    bool,
    Option<String>,
);

/// Admits the best parked jobs of the queues, as many as each has room and tokens for. Never waits for a row.
///
/// The hints are in the order of the queues; those that are missing mean nothing. The queues' turns begin where the jobs of the
/// tasks `known` begin that are ready, from `floor` on.
pub(crate) fn admit(
    conn: &mut impl AsSession,
    queues: &[String],
    hints: &[AdmissionHint],
    known: &[String],
    floor: Option<Position>,
) -> Result<Admission, StoreError> {
    let rows: Vec<Row> = Statement::<Columns>::new(
        "SELECT queue_name, admitted, locked, least_priority, oldest, tasks, flagged, token_in, first_run_at, scanned, \
         row_at::text FROM mainspring.admit({}, {}, {}, {}, {}, {}, {}::text[]::tid[])",
    )
    .bind::<Array<Text>, _>(queues)
    .bind::<Array<Text>, _>(known)
    .bind::<Nullable<SmallInt>, _>(floor.map(|position| position.priority))
    .bind::<Nullable<Timestamptz>, _>(floor.map(|position| position.turn_at))
    .bind::<Array<Nullable<SmallInt>>, _>(column(hints, |hint| Some(hint.parked_from?.priority)))
    .bind::<Array<Nullable<Timestamptz>>, _>(column(hints, |hint| Some(hint.parked_from?.turn_at)))
    .bind::<Array<Nullable<Text>>, _>(column(hints, |hint| hint.row_at.as_deref()))
    .load(conn)?;
    let mut admission = Admission::default();
    for (
        queue,
        admitted,
        locked,
        priority,
        turn_at,
        tasks,
        flagged,
        token_in,
        first_run_at,
        scanned,
        row_at,
    ) in rows
    {
        admission.flagged |= flagged.unwrap_or_default();
        admission.tasks.extend(tasks.unwrap_or_default());
        admission.admitted += usize::try_from(admitted).unwrap_or_default();
        admission.position = lower(
            admission.position,
            priority.zip(turn_at).map(|(p, at)| Position { priority: p, turn_at: at }),
        );
        let first = priority.zip(first_run_at).map(|(priority, at)| Position { priority, turn_at: at });
        admission.results.push(AdmissionResult { queue: queue.clone(), scanned, first, row_at });
        if locked {
            admission.locked.push(queue);
        } else if let Some(millis) = token_in {
            admission.tokens_in.push((queue, Duration::from_millis(millis.unsigned_abs())));
        }
    }
    Ok(admission)
}

fn column<'a, T>(hints: &'a [AdmissionHint], get: impl Fn(&'a AdmissionHint) -> Option<T>) -> Vec<Option<T>> {
    hints.iter().map(get).collect()
}

/// The names of queues that have parked jobs, at most `limit`, after `after` in the order of names. Costs one probe of
/// the index a queue, however many jobs are parked.
pub(crate) fn queues_with_parked_jobs(
    conn: &mut impl AsSession,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = Statement::<(Text,)>::new(
        "WITH RECURSIVE names(queue) AS (\
         (SELECT queue FROM mainspring.jobs WHERE state = 'parked' AND queue > {} ORDER BY queue LIMIT 1) \
         UNION ALL SELECT (SELECT j.queue FROM mainspring.jobs AS j WHERE j.state = 'parked' AND j.queue > names.queue \
         ORDER BY j.queue LIMIT 1) FROM names WHERE names.queue IS NOT NULL) \
         SELECT queue FROM names WHERE queue IS NOT NULL LIMIT {}",
    )
    .bind::<Text, _>(after)
    .bind::<BigInt, _>(limit)
    .load(conn)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// What a promotion did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Promotion {
    pub(crate) promoted: usize,
    pub(crate) position: Option<Position>,
    /// Queues whose jobs have come due and wait to be admitted, from these places on.
    pub(crate) queues: BTreeMap<String, Position>,
    /// Whether any of the jobs that became ready has flags.
    pub(crate) flagged: bool,
    /// The tasks of the jobs promoted.
    pub(crate) tasks: Vec<String>,
    /// In how long the next scheduled job is due, by the database's clock.
    pub(crate) next_due_in: Option<Duration>,
}

// Jobs due since then, or all of them. Those before it have been promoted, so only their dead index entries are left there.
const SINCE: &str = "run_at >= coalesce(mainspring.now() - {} * interval '1 millisecond', '-infinity')";

/// Promotes scheduled jobs that are due, at most `limit`, and looks when the next one will be. Rows that
/// another session is promoting are left to it. `since` is how long ago a promotion left none that was due then.
pub(crate) fn promote(
    conn: &mut impl AsSession,
    limit: i64,
    since: Option<Duration>,
) -> Result<Promotion, StoreError> {
    let since = since.map(millis);
    type Row = (Option<String>, i16, DateTime<Utc>, String, bool);
    let rows: Vec<Row> =
        Statement::<(Nullable<Text>, SmallInt, Timestamptz, Text, Bool)>::new(
            format!("UPDATE mainspring.jobs SET state = mainspring.waiting_state(queue, run_at, mainspring.now()), \
             turn_at = NULL, updated_at = mainspring.now() WHERE id = ANY (ARRAY(SELECT id FROM mainspring.jobs \
             WHERE state = 'scheduled' AND run_at <= mainspring.now() AND {SINCE} ORDER BY run_at, id LIMIT {{}} \
             FOR UPDATE SKIP LOCKED)) RETURNING queue, priority, run_at, task, flags IS NOT NULL"),
        )
        .bind::<Nullable<BigInt>, _>(since)
        .bind::<BigInt, _>(limit)
        .load(conn)?;
    let mut promotion =
        Promotion { promoted: rows.len(), next_due_in: next_due_in(conn, since)?, ..Promotion::default() };
    for (queue, priority, run_at, task, flagged) in rows {
        promotion.tasks.push(task);
        let position = Position { priority, turn_at: run_at };
        match queue {
            Some(queue) => {
                let first = promotion.queues.entry(queue).or_insert(position);
                *first = position.min(*first);
            }
            None => {
                promotion.flagged |= flagged;
                promotion.position = lower(promotion.position, Some(position));
            }
        }
    }
    promotion.tasks.sort_unstable();
    promotion.tasks.dedup();
    Ok(promotion)
}

// In how long the next scheduled job is due.
fn next_due_in(conn: &mut impl AsSession, since: Option<i64>) -> Result<Option<Duration>, StoreError> {
    let rows: Vec<(i64,)> = Statement::<(BigInt,)>::new(format!(
        "SELECT greatest(0, ceil(extract(epoch FROM run_at - mainspring.now()) * 1000))::bigint \
         FROM mainspring.jobs WHERE state = 'scheduled' AND {SINCE} ORDER BY run_at, id LIMIT 1"
    ))
    .bind::<Nullable<BigInt>, _>(since)
    .load(conn)?;
    Ok(rows.first().map(|row| Duration::from_millis(row.0.unsigned_abs())))
}

/// Notifies all listening processes of jobs that have become ready. A job may be ready although its turn lies ahead.
pub(crate) fn wake(
    conn: &mut impl AsSession,
    position: Position,
    queues: &[String],
) -> Result<(), StoreError> {
    Statement::<()>::new("SELECT mainspring.wake({}, least({}, mainspring.now()), {})")
        .bind::<Integer, _>(i32::from(position.priority))
        .bind::<Timestamptz, _>(position.turn_at)
        .bind::<Array<Text>, _>(queues)
        .execute(conn)?;
    Ok(())
}

/// The lower of two marks, where there are any.
pub(crate) fn lower(one: Option<Position>, other: Option<Position>) -> Option<Position> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
