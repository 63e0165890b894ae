//! Admits parked jobs of queues, and promotes scheduled jobs that have become due: the ways by which a waiting
//! job comes nearer to being claimed. Does not claim.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::Queryable;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, SmallInt, Text, Timestamptz};

use super::claim::Position;
use super::moment::Moment;
use super::statement::{Statement, millis};
use super::waits::EventsLeft;
use crate::error::StoreError;
use crate::store::session::AsSession;

mod seen;

pub(crate) use self::seen::{AdmissionHint, AdmissionResult, ParkedJobs};

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
    /// The greatest version of their payloads.
    pub(crate) newest: i32,
    pub(crate) results: Vec<AdmissionResult>,
}

impl Admission {
    /// That of a queue which another session held.
    pub(crate) fn of_locked(queue: &str) -> Self {
        Self { locked: vec![queue.to_owned()], ..Self::default() }
    }

    /// Adds what another admission did.
    pub(crate) fn add(&mut self, other: Self) {
        self.admitted += other.admitted;
        self.position = lower(self.position, other.position);
        self.locked.extend(other.locked);
        self.flagged |= other.flagged;
        self.tokens_in.extend(other.tokens_in);
        self.tasks.extend(other.tasks);
        self.newest = self.newest.max(other.newest);
        self.results.extend(other.results);
    }
}

type Columns = (
    Text,
    Integer,
    Nullable<SmallInt>,
    Nullable<Timestamptz>,
    Nullable<Array<Text>>,
    Nullable<Bool>,
    Nullable<BigInt>,
    Nullable<Timestamptz>,
    Bool,
    Nullable<Text>,
    Nullable<Integer>,
);
#[derive(Queryable)]
struct Row {
    queue: String,
    admitted: i32,
    priority: Option<i16>,
    turn_at: Option<Moment>,
    tasks: Option<Vec<String>>,
    flagged: Option<bool>,
    token_in: Option<i64>,
    first_run_at: Option<Moment>,
    #[diesel(deserialize_as = bool)]
    scan: ParkedJobs,
    /// `None` if another session held the queue's row.
    row_at: Option<String>,
    newest: Option<i32>,
}

impl Row {
    fn place(&self, at: Option<Moment>) -> Option<Position> {
        Some(Position { priority: self.priority?, turn_at: at?.0 })
    }
}

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
        "SELECT queue_name, admitted, least_priority, oldest, tasks, flagged, token_in, first_run_at, scanned, \
         row_at::text, newest FROM mainspring.admit({}, {}, {}, {}, {}, {}, {}::text[]::tid[])",
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
    for row in rows {
        admission.position = lower(admission.position, row.place(row.turn_at));
        let (first, queue) = (row.place(row.first_run_at), row.queue);
        admission.flagged |= row.flagged.unwrap_or_default();
        admission.tasks.extend(row.tasks.unwrap_or_default());
        admission.newest = admission.newest.max(row.newest.unwrap_or_default());
        admission.admitted += usize::try_from(row.admitted).unwrap_or_default();
        let (scan, row_at) = (row.scan, row.row_at);
        if row_at.is_none() {
            admission.locked.push(queue.clone());
        } else if let Some(millis) = row.token_in {
            admission.tokens_in.push((queue.clone(), Duration::from_millis(millis.unsigned_abs())));
        }
        admission.results.push(AdmissionResult { queue, scan, first, row_at });
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
    /// The greatest version of their payloads.
    pub(crate) newest: i32,
    /// In how long the next scheduled job is due, by the database's clock.
    pub(crate) next_due_in: Option<Duration>,
    /// Whether jobs have ended for which others may wait. No notification may have come of that.
    pub(crate) parents_ended: EventsLeft,
}

// Jobs due since then, or all of them. Those before it have been promoted, so only their dead index entries are left there.
const SINCE: &str = "run_at >= coalesce(mainspring.now() - {} * interval '1 millisecond', '-infinity')";

/// Which of the scheduled jobs that are due a promotion takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Due<'a> {
    All,
    /// Those that came due since a promotion that left none, so long ago.
    Within(Duration),
    /// These, of which each can be moved.
    Of(&'a [i64]),
}

/// Promotes scheduled jobs that are due, at most `limit`, and looks when the next one will be. Rows that another session is
/// promoting are left to it.
pub(crate) fn promote(conn: &mut impl AsSession, limit: i64, due: Due<'_>) -> Result<Promotion, StoreError> {
    let (since, of) = match due {
        Due::All => (None, None),
        Due::Within(since) => (Some(millis(since)), None),
        Due::Of(jobs) => (None, Some(jobs)),
    };
    let only = if of.is_some() { "AND id = ANY ({})" } else { "" };
    let mut statement = Statement::<(Nullable<Text>, SmallInt, Timestamptz, Text, Bool, Integer)>::new(format!(
        "UPDATE mainspring.jobs SET state = mainspring.waiting_state(queue, run_at, mainspring.now()), \
         turn_at = NULL, updated_at = mainspring.now() WHERE id = ANY (ARRAY(SELECT id FROM mainspring.jobs \
         WHERE state = 'scheduled' AND run_at <= mainspring.now() AND {SINCE} {only} ORDER BY run_at, id LIMIT {{}} \
         FOR UPDATE SKIP LOCKED)) RETURNING queue, coalesce(priority, 0::smallint), \
             coalesce(run_at, '-infinity'), coalesce(task, ''), flags IS NOT NULL, coalesce(version, 0)"
    ))
    .bind::<Nullable<BigInt>, _>(since);
    if let Some(jobs) = of {
        statement = statement.bind::<Array<BigInt>, _>(jobs.to_vec());
    }
    let rows: Vec<(Option<String>, i16, Moment, String, bool, i32)> =
        statement.bind::<BigInt, _>(limit).load(conn)?;
    let (next_due_in, parents_ended) = look_ahead(conn, since)?;
    let mut promotion =
        Promotion { promoted: rows.len(), next_due_in, parents_ended, ..Promotion::default() };
    for (queue, priority, Moment(turn_at), task, flagged, version) in rows {
        promotion.tasks.push(task);
        promotion.newest = promotion.newest.max(version);
        let position = Position { priority, turn_at };
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

// In how long the next scheduled job is due, at most a day; and whether there are endings to be carried over.
fn look_ahead(
    conn: &mut impl AsSession,
    since: Option<i64>,
) -> Result<(Option<Duration>, EventsLeft), StoreError> {
    let (millis, events): (Option<i64>, bool) = Statement::<(Nullable<BigInt>, Bool)>::new(format!(
        "SELECT (SELECT ceil(extract(epoch FROM least(greatest(run_at, mainspring.now()), mainspring.now() + interval '1 day') \
             - mainspring.now()) * 1000)::bigint \
         FROM mainspring.jobs WHERE state = 'scheduled' AND {SINCE} ORDER BY run_at, id LIMIT 1), \
         EXISTS (SELECT FROM mainspring.wait_events)"
    ))
    .bind::<Nullable<BigInt>, _>(since)
    .get_result(conn)?;
    let parents_ended = if events { EventsLeft::More } else { EventsLeft::None };
    Ok((millis.map(|millis| Duration::from_millis(millis.unsigned_abs())), parents_ended))
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
