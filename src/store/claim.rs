//! Claims jobs: `ready` rows become `running` under a lease. Does not know who runs them, or how.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, SmallInt, Text, Timestamptz};

use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

mod children;
mod filtered;
mod gated;
mod payload;
mod row;

pub(crate) use children::{Carried, ChildrenRequest, Ended, claim_children};
pub(crate) use filtered::Filtered;
pub(crate) use gated::{Claimed, Counts, GateResult, GateShare, GateState};
pub(crate) use payload::{Fetched, fetch_payload, fetch_payloads};
pub(crate) use row::ClaimedJob;
pub(super) use row::Columns;
#[cfg(test)]
pub(crate) use row::Origin;

/// Where the scan for ready jobs starts. Rows before it have been claimed, so only their dead index entries are
/// left there, which pile up while any transaction of the database holds its snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) priority: i16,
    /// The job's turn: its `run_at`, unless it came through the gate of a queue.
    pub(crate) turn_at: DateTime<Utc>,
}

/// What to claim.
#[derive(Debug, Clone)]
pub(crate) struct ClaimRequest {
    pub(crate) worker_id: i32,
    /// Unique to this claim: it fences every later write about these jobs.
    pub(crate) lease: i64,
    pub(crate) position: Option<Position>,
    pub(crate) limit: i64,
    /// The tasks whose jobs are claimed.
    pub(crate) tasks: Vec<TaskShare>,
    /// Looks at jobs with flags too, or in another order; the position is not used then.
    pub(crate) filtered: Option<Filtered>,
}

/// A task, and how many of its jobs a claim may take at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskShare {
    pub(crate) task: String,
    /// Payloads of newer versions cannot be read here.
    pub(crate) version: i32,
    pub(crate) most: Option<i64>,
    /// `None` if the task has no limit over all processes.
    pub(crate) gate: Option<GateShare>,
}

impl TaskShare {
    // The index does not have the version. It is compared in the row, which the scan reads in any case.
    fn readable_rows(&self) -> String {
        format!("coalesce(version, 0) <= {}", self.version)
    }
}

/// One value of each task, in their order.
pub(crate) fn column<T>(tasks: &[TaskShare], get: impl Fn(&TaskShare) -> T) -> Vec<T> {
    tasks.iter().map(get).collect()
}

impl ClaimRequest {
    fn is_gated(&self) -> bool {
        self.tasks.iter().any(|share| share.gate.is_some())
    }

    /// Where to begin to read the jobs of a task.
    fn start_of(&self, share: &TaskShare) -> Option<Position> {
        share.gate.map_or(self.position, |gate| gate.from)
    }
}

// A claim in the form `WHERE id = ANY (ARRAY(SELECT ..))`: a join with the subselect once flipped to a
// sequential scan when the table looked empty.
const TAKE: &str = "UPDATE mainspring.jobs SET state = 'running', attempts = attempts + 1, lease = {}, \
    worker_id = {}, locked_at = mainspring.now() WHERE id = ANY (";
// A thousand jobs come with a few megabytes at most. The first condition is of the size as stored, so that nothing is read
// that lies outside of the row; the second is of what a row holds compressed. Only then is the text written: a number such as
// `1e131071`, which a restore can bring, has ten bytes in a row and 131 kB as text. A row that lacks a value, as after a restore
// without constraints, fails no claim.
const TAKEN: &str = "RETURNING id, task, CASE WHEN pg_column_size(payload) <= 2000 \
        AND (pg_column_compression(payload) IS NULL OR pg_column_size(jsonb_build_array(payload)) <= 8192) \
        AND octet_length(payload::text) <= 8192 THEN payload::text END, coalesce(attempts, 1::smallint), \
    coalesce(max_attempts, 1::smallint), coalesce(priority, 0::smallint), coalesce(run_at, '-infinity'), queue, key, \
    coalesce(turn_at, run_at, '-infinity'), CASE WHEN array_ndims(flags) = 1 THEN flags END, false, coalesce(snoozes, 0), coalesce(deaths, 0::smallint), \
    trace_context, CASE WHEN trace_context IS NOT NULL THEN created_at END, version";
// A range of the index of ready jobs: those of one task, from the position on. Jobs of other tasks are never looked at, and
// none that has flags.
const FROM_POSITION: &str = "state = 'ready' AND flags IS NULL \
    AND (priority, coalesce(turn_at, run_at)) >= ({}, coalesce({}, '-infinity'))";
// The same, from the position that the quota of a task has with it.
const FROM_MARK: &str = "state = 'ready' AND flags IS NULL \
    AND (priority, coalesce(turn_at, run_at)) >= (quota.from_priority, coalesce(quota.from_turn, '-infinity'))";
// Of these jobs, as many of each task as its gate lets through.
const WITHIN_GATES: &str = "ARRAY(SELECT c.id FROM (SELECT j.id, j.task, row_number() OVER (PARTITION BY j.task \
        ORDER BY j.priority, coalesce(j.turn_at, j.run_at), j.id) AS nth \
        FROM mainspring.jobs AS j WHERE j.id = ANY ({}) AND j.state = 'ready') AS c \
    LEFT JOIN gate AS g ON g.task = c.task WHERE g.task IS NULL OR c.nth <= g.room)";
const IN_ORDER: &str = "ORDER BY priority, coalesce(turn_at, run_at), id";

fn claim_of_one(task: &TaskShare) -> String {
    let room = gated::ROOM;
    let most = if task.gate.is_some() { format!("least({{}}, {room})") } else { "{}".to_owned() };
    format!(
        "{TAKE}ARRAY(SELECT id FROM mainspring.jobs WHERE task = {{}} AND {FROM_POSITION} AND {} {IN_ORDER} \
         LIMIT {most} FOR UPDATE SKIP LOCKED)) {TAKEN}",
        task.readable_rows()
    )
}

// Merges the tasks' index ranges lazily to see how many of the best jobs each task has, then locks that many of
// each. Rows that another claim holds are passed over in the second step, so a claim is never short because
// of them, and nothing is locked that is not taken. With gates, each task has a position of its own.
fn claim_of_many(request: &ClaimRequest) -> String {
    let (mark, marked, from) = match request.is_gated() {
        false => ("", "", FROM_POSITION),
        true => (", {} AS from_priority, {} AS from_turn", ", from_priority, from_turn", FROM_MARK),
    };
    let range = |share: &TaskShare| {
        let most = match (share.gate, share.most) {
            (Some(_), _) => format!(" LIMIT least({{}}, {})", gated::ROOM),
            (None, Some(_)) => " LIMIT {}".to_owned(),
            (None, None) => String::new(),
        };
        format!(
            "(SELECT task, {} AS newest, priority, coalesce(turn_at, run_at) AS turn, id{mark} FROM mainspring.jobs \
             WHERE task = {{}} AND {FROM_POSITION} AND {} {IN_ORDER}{most})",
            share.version,
            share.readable_rows()
        )
    };
    let ranges = request.tasks.iter().map(range).collect::<Vec<_>>().join(" UNION ALL ");
    let quota = format!(
        "WITH quota AS MATERIALIZED (SELECT task, newest{marked}, count(*) AS jobs FROM (SELECT task, newest{marked} FROM ({ranges}) AS merged \
         ORDER BY priority, turn, id LIMIT {{}}) AS best GROUP BY task, newest{marked}) "
    );
    let locked = format!(
        "ARRAY(SELECT taken.id FROM quota CROSS JOIN LATERAL (SELECT id FROM mainspring.jobs \
         WHERE task = quota.task AND coalesce(version, 0) <= quota.newest AND {from} {IN_ORDER} LIMIT quota.jobs \
         FOR UPDATE SKIP LOCKED) AS taken)"
    );
    format!("{quota}{TAKE}{locked}) {TAKEN}")
}

/// Claims the best ready jobs, at most `limit`, best first. Never waits for a row.
pub(crate) fn claim(conn: &mut impl AsSession, request: &ClaimRequest) -> Result<Claimed, StoreError> {
    if request.tasks.is_empty() {
        return Ok(Claimed::default());
    }
    let text = match (&request.filtered, request.tasks.as_slice()) {
        (Some(_), _) => filtered::text(request),
        (None, [task]) => claim_of_one(task),
        (None, _) => claim_of_many(request),
    };
    let mut claimed = if request.is_gated() {
        gated::claim_gated(conn, request, &text, |statement| bound(statement, request))?
    } else {
        bound(Statement::<Columns>::new(text), request).load(conn)?.into()
    };
    let aged = request.filtered.as_ref().is_some_and(|filtered| filtered.age_every.is_some());
    claimed.jobs.iter_mut().for_each(|job| job.aged = aged);
    claimed.jobs.sort_unstable_by(|one, other| match &request.filtered {
        Some(filtered) => filtered.order(one, other),
        None => in_order(one, other),
    });
    Ok(claimed)
}

/// Claims these jobs, at most `limit`, best first, after [`claim`] was refused: each of them can be moved.
pub(crate) fn claim_of(
    conn: &mut impl AsSession,
    request: &ClaimRequest,
    jobs: &[i64],
) -> Result<Claimed, StoreError> {
    let ids = if request.is_gated() { WITHIN_GATES } else { "{}" };
    let text = format!(
        "{TAKE}ARRAY(SELECT id FROM mainspring.jobs WHERE id = ANY ({ids}) AND state = 'ready' {IN_ORDER} \
         LIMIT {{}} FOR UPDATE SKIP LOCKED)) {TAKEN}"
    );
    let mut claimed = if request.is_gated() {
        gated::claim_gated(conn, request, &text, |statement| bound_to(statement, request, jobs))?
    } else {
        bound_to(Statement::<Columns>::new(text), request, jobs).load(conn)?.into()
    };
    claimed.jobs.sort_unstable_by(in_order);
    Ok(claimed)
}

fn in_order(one: &ClaimedJob, other: &ClaimedJob) -> Ordering {
    (one.position(), one.id).cmp(&(other.position(), other.id))
}

type Claim<C> = Statement<'static, C>;

fn bound<C>(statement: Claim<C>, request: &ClaimRequest) -> Claim<C> {
    match (&request.filtered, request.tasks.as_slice()) {
        (Some(filtered), _) => filtered.bound(statement, request),
        (None, [task]) => one(statement, request, task),
        (None, tasks) => many(statement, request, tasks),
    }
}

fn bound_to<C>(statement: Claim<C>, request: &ClaimRequest, jobs: &[i64]) -> Claim<C> {
    leased(statement, request).bind::<Array<BigInt>, _>(jobs.to_vec()).bind::<BigInt, _>(request.limit)
}

fn one<C>(statement: Claim<C>, request: &ClaimRequest, share: &TaskShare) -> Claim<C> {
    let limit = share.most.map_or(request.limit, |most| most.min(request.limit));
    let statement = leased(statement, request).bind::<Text, _>(share.task.clone());
    let statement = from_mark(statement, request.start_of(share)).bind::<BigInt, _>(limit);
    if share.gate.is_some() { statement.bind::<Text, _>(share.task.clone()) } else { statement }
}

fn many<C>(mut statement: Claim<C>, request: &ClaimRequest, tasks: &[TaskShare]) -> Claim<C> {
    for share in tasks {
        let from = request.start_of(share);
        if request.is_gated() {
            statement = from_mark(statement, from);
        }
        statement = from_mark(statement.bind::<Text, _>(share.task.clone()), from);
        match (share.gate, share.most) {
            (Some(_), most) => {
                statement = statement.bind::<Nullable<BigInt>, _>(most).bind::<Text, _>(share.task.clone());
            }
            (None, Some(most)) => statement = statement.bind::<BigInt, _>(most),
            (None, None) => {}
        }
    }
    let statement = leased(statement.bind::<BigInt, _>(request.limit), request);
    if request.is_gated() { statement } else { from_mark(statement, request.position) }
}

fn from_mark<C>(statement: Claim<C>, from: Option<Position>) -> Claim<C> {
    statement
        .bind::<SmallInt, _>(from.map_or(i16::MIN, |position| position.priority))
        .bind::<Nullable<Timestamptz>, _>(from.map(|position| position.turn_at))
}

fn leased<C>(statement: Claim<C>, request: &ClaimRequest) -> Claim<C> {
    statement.bind::<BigInt, _>(request.lease).bind::<Integer, _>(request.worker_id)
}

#[cfg(test)]
mod tests;
