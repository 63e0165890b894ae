//! Claims jobs: `ready` rows become `running` under a lease. Does not know who runs them, or how.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, SmallInt, Text, Timestamptz};

use super::moment::Moment;
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

mod filtered;
mod payload;

pub(crate) use filtered::Filtered;
pub(crate) use payload::{Fetched, fetch_payload, fetch_payloads};

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
    pub(crate) most: Option<i64>,
}

/// A job as its row was when it was claimed.
#[derive(Debug, Clone, Queryable)]
pub(crate) struct ClaimedJob {
    pub(crate) id: i64,
    pub(crate) task: String,
    /// `None` where it is still in the database, because it is not small.
    pub(crate) payload: Option<String>,
    pub(crate) attempt: i16,
    pub(crate) max_attempts: i16,
    pub(crate) priority: i16,
    #[diesel(deserialize_as = Moment)]
    pub(crate) run_at: DateTime<Utc>,
    pub(crate) queue: Option<String>,
    pub(crate) key: Option<String>,
    #[diesel(deserialize_as = Moment)]
    pub(crate) turn_at: DateTime<Utc>,
    pub(crate) flagged: bool,
    /// Whether it goes before jobs of better priorities, because of its age.
    pub(crate) aged: bool,
    /// How often it has snoozed.
    pub(crate) snoozes: i64,
    /// How many processes in a row were lost while they had it.
    pub(crate) deaths: i16,
}

impl ClaimedJob {
    /// Its place among ready jobs.
    pub(crate) fn position(&self) -> Position {
        Position { priority: self.priority, turn_at: self.turn_at }
    }
}

/// The columns of a job that is about to run.
pub(super) type Columns = (
    BigInt,
    Text,
    Nullable<Text>,
    SmallInt,
    SmallInt,
    SmallInt,
    Timestamptz,
    Nullable<Text>,
    Nullable<Text>,
    Timestamptz,
    Bool,
    Bool,
    BigInt,
    SmallInt,
);

// A claim in the form `WHERE id = ANY (ARRAY(SELECT ..))`: a join with the subselect once flipped to a
// sequential scan when the table looked empty.
const TAKE: &str = "UPDATE mainspring.jobs SET state = 'running', attempts = attempts + 1, lease = {}, \
    worker_id = {}, locked_at = mainspring.now() WHERE id = ANY (";
// A thousand jobs come with a few megabytes at most. The first condition is of the size as stored, so that nothing is read
// that lies outside of the row; the second is of what a row holds compressed. Only then is the text written: a number such as
// `1e131071`, which a restore can bring, has ten bytes in a row and 131 kB as text. A row that lacks a value, as after a restore
// without constraints, fails no claim.
const TAKEN: &str = ") RETURNING id, task, CASE WHEN pg_column_size(payload) <= 2000 \
        AND (pg_column_compression(payload) IS NULL OR pg_column_size(jsonb_build_array(payload)) <= 8192) \
        AND octet_length(payload::text) <= 8192 THEN payload::text END, coalesce(attempts, 1::smallint), \
    coalesce(max_attempts, 1::smallint), coalesce(priority, 0::smallint), coalesce(run_at, '-infinity'), queue, key, \
    coalesce(turn_at, run_at, '-infinity'), flags IS NOT NULL, false, coalesce(snoozes, 0), coalesce(deaths, 0::smallint)";
// A range of the index of ready jobs: those of one task, from the position on. Jobs of other tasks are never looked at, and
// none that has flags.
const FROM_POSITION: &str = "state = 'ready' AND flags IS NULL \
    AND (priority, coalesce(turn_at, run_at)) >= ({}, coalesce({}, '-infinity'))";
const IN_ORDER: &str = "ORDER BY priority, coalesce(turn_at, run_at), id";

fn claim_of_one() -> String {
    format!(
        "{TAKE}ARRAY(SELECT id FROM mainspring.jobs WHERE task = {{}} AND {FROM_POSITION} {IN_ORDER} \
         LIMIT {{}} FOR UPDATE SKIP LOCKED){TAKEN}"
    )
}

// Merges the tasks' index ranges lazily to see how many of the best jobs each task has, then locks that many of
// each. Rows that another claim holds are passed over in the second step, so a claim is never short because
// of them, and nothing is locked that is not taken.
fn claim_of_many(tasks: &[TaskShare]) -> String {
    let range = |task: &TaskShare| {
        let most = if task.most.is_some() { " LIMIT {}" } else { "" };
        format!(
            "(SELECT task, priority, coalesce(turn_at, run_at) AS turn, id FROM mainspring.jobs \
             WHERE task = {{}} AND {FROM_POSITION} {IN_ORDER}{most})"
        )
    };
    let ranges = tasks.iter().map(range).collect::<Vec<_>>().join(" UNION ALL ");
    let quota = format!(
        "WITH quota AS MATERIALIZED (SELECT task, count(*) AS jobs FROM (SELECT task FROM ({ranges}) AS merged \
         ORDER BY priority, turn, id LIMIT {{}}) AS best GROUP BY task) "
    );
    let locked = format!(
        "ARRAY(SELECT taken.id FROM quota CROSS JOIN LATERAL (SELECT id FROM mainspring.jobs \
         WHERE task = quota.task AND {FROM_POSITION} {IN_ORDER} LIMIT quota.jobs FOR UPDATE SKIP LOCKED) AS taken)"
    );
    format!("{quota}{TAKE}{locked}{TAKEN}")
}

/// Claims the best ready jobs, at most `limit`, best first. Never waits for a row.
pub(crate) fn claim(
    conn: &mut impl AsSession,
    request: &ClaimRequest,
) -> Result<Vec<ClaimedJob>, StoreError> {
    if request.tasks.is_empty() {
        return Ok(Vec::new());
    }
    let statement = match (&request.filtered, request.tasks.as_slice()) {
        (Some(filtered), _) => filtered.statement(request),
        (None, [task]) => one(request, task),
        (None, tasks) => many(request, tasks),
    };
    let mut claimed: Vec<ClaimedJob> = statement.load(conn)?;
    let aged = request.filtered.as_ref().is_some_and(|filtered| filtered.age_every.is_some());
    claimed.iter_mut().for_each(|job| job.aged = aged);
    claimed.sort_unstable_by(|one, other| match &request.filtered {
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
) -> Result<Vec<ClaimedJob>, StoreError> {
    let text = format!(
        "{TAKE}ARRAY(SELECT id FROM mainspring.jobs WHERE id = ANY ({{}}) AND state = 'ready' {IN_ORDER} \
         LIMIT {{}} FOR UPDATE SKIP LOCKED){TAKEN}"
    );
    let statement = leased(Statement::new(text), request)
        .bind::<Array<BigInt>, _>(jobs.to_vec())
        .bind::<BigInt, _>(request.limit);
    let mut claimed: Vec<ClaimedJob> = statement.load(conn)?;
    claimed.sort_unstable_by(in_order);
    Ok(claimed)
}

fn in_order(one: &ClaimedJob, other: &ClaimedJob) -> Ordering {
    (one.position(), one.id).cmp(&(other.position(), other.id))
}

type Claim = Statement<'static, Columns>;

fn one(request: &ClaimRequest, task: &TaskShare) -> Claim {
    let limit = task.most.map_or(request.limit, |most| most.min(request.limit));
    let statement = leased(Statement::new(claim_of_one()), request).bind::<Text, _>(task.task.clone());
    from_mark(statement, request).bind::<BigInt, _>(limit)
}

fn many(request: &ClaimRequest, tasks: &[TaskShare]) -> Claim {
    let mut statement = Statement::new(claim_of_many(tasks));
    for TaskShare { task, most } in tasks {
        statement = from_mark(statement.bind::<Text, _>(task.clone()), request);
        if let Some(most) = *most {
            statement = statement.bind::<BigInt, _>(most);
        }
    }
    from_mark(leased(statement.bind::<BigInt, _>(request.limit), request), request)
}

fn from_mark(statement: Claim, request: &ClaimRequest) -> Claim {
    statement
        .bind::<SmallInt, _>(request.position.map_or(i16::MIN, |position| position.priority))
        .bind::<Nullable<Timestamptz>, _>(request.position.map(|position| position.turn_at))
}

fn leased(statement: Claim, request: &ClaimRequest) -> Claim {
    statement.bind::<BigInt, _>(request.lease).bind::<Integer, _>(request.worker_id)
}

#[cfg(test)]
mod tests;
