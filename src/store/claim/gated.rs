//! The gates of a claim: the limits that some of its tasks have over all processes. The statement locks them before it takes
//! jobs, and records what it took. A claim without such a task pays nothing for them.

use diesel::Queryable;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, SmallInt, Text, Timestamptz};

use super::{ClaimRequest, ClaimedJob, Columns, Position, TaskShare};
use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// How a claim passes the limit that a task has over all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GateShare {
    pub(crate) counts: Counts,
    /// Where the claim begins to read the jobs of the task.
    pub(crate) from: Option<Position>,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// Jobs that run, and perhaps a rate too.
    Slots,
    /// A rate alone.
    Tokens,
}

/// What a claim saw of the limit of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GateResult {
    pub(crate) task: String,
    pub(crate) state: GateState,
}

/// See the SQL function `enter_task_gate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GateState {
    /// No job was ready, so the limit was not looked at.
    Idle,
    /// Another session held the limit.
    Locked,
    /// It let so many jobs through. If that is fewer than were requested because of the rate, the next token comes after so
    /// many milliseconds.
    Open { room: i64, token_in: Option<i64> },
}

/// A claim's jobs, and what it saw of the limits of their tasks.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    pub(crate) jobs: Vec<ClaimedJob>,
    pub(crate) gates: Vec<GateResult>,
}

impl From<Vec<ClaimedJob>> for Claimed {
    fn from(jobs: Vec<ClaimedJob>) -> Self {
        Self { jobs, gates: Vec::new() }
    }
}

type GatedColumns = (Columns, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>);

#[derive(Queryable)]
struct GatedRow {
    job: ClaimedJob,
    status: Option<String>,
    room: Option<i64>,
    token_in: Option<i64>,
}

/// How many jobs the gate of the next bound task lets through.
pub(super) const ROOM: &str = "(SELECT g.room FROM gate AS g WHERE g.task = {})";

// A row of `gate` follows the jobs, in the columns of a job that does not exist. The function is called for its effect, once all
// jobs are taken.
const BEFORE: &str = "WITH gate AS MATERIALIZED (\
        SELECT g.* FROM mainspring.enter_task_gates({}, {}, {}, {}, {}) AS g), \
    taken(id, task, payload, attempts, max_attempts, priority, run_at, queue, key, turn_at, flags, aged, snoozes, deaths, \
    trace_context, created_at, version) AS (";
const AFTER: &str = ") SELECT t.*, NULL::text, NULL::bigint, NULL::bigint FROM taken AS t \
        WHERE (SELECT mainspring.hold_task_slots({}, array_agg(u.task), array_agg(u.id)) FROM taken AS u \
            WHERE u.task IN (SELECT g.task FROM gate AS g)) \
    UNION ALL SELECT 0, g.task, NULL, 1::smallint, 1::smallint, 0::smallint, '-infinity', NULL, NULL, '-infinity', NULL::text[], \
        false, 0, 0::smallint, NULL, NULL, NULL, g.status, g.room, g.token_in FROM gate AS g";

/// Claims what the text and its bound values claim, within the limits of the tasks.
pub(super) fn claim_gated(
    conn: &mut impl AsSession,
    request: &ClaimRequest,
    text: &str,
    bind: impl FnOnce(Statement<'static, GatedColumns>) -> Statement<'static, GatedColumns>,
) -> Result<Claimed, StoreError> {
    let gates: Vec<(&TaskShare, GateShare)> =
        request.tasks.iter().filter_map(|share| Some((share, share.gate?))).collect();
    let column = |get: fn(Position) -> i16| -> Vec<i16> {
        gates.iter().map(|(_, gate)| gate.from.map_or(i16::MIN, get)).collect()
    };
    let statement = Statement::<GatedColumns>::new(format!("{BEFORE}{text}{AFTER}"))
        .bind::<Array<Text>, _>(gates.iter().map(|(share, _)| share.task.clone()).collect::<Vec<_>>())
        .bind::<Array<SmallInt>, _>(column(|from| from.priority))
        .bind::<Array<Nullable<Timestamptz>>, _>(
            gates.iter().map(|(_, gate)| gate.from.map(|from| from.turn_at)).collect::<Vec<_>>(),
        )
        .bind::<Bool, _>(request.filtered.as_ref().is_some_and(|filtered| filtered.flagged))
        .bind::<BigInt, _>(request.limit);
    let rows: Vec<GatedRow> = bind(statement).bind::<BigInt, _>(request.lease).load(conn)?;
    let mut claimed = Claimed::default();
    for GatedRow { job, status, room, token_in } in rows {
        let Some(status) = status else {
            claimed.jobs.push(job);
            continue;
        };
        let state = match status.as_str() {
            "idle" => GateState::Idle,
            "locked" => GateState::Locked,
            _ => GateState::Open { room: room.unwrap_or_default(), token_in },
        };
        claimed.gates.push(GateResult { task: job.task, state });
    }
    Ok(claimed)
}
