//! Claims the jobs that waited for others of this process: those start here as soon as the last of the others has ended.

use diesel::sql_types::{Array, BigInt, Bool, Integer, Text};

use super::{ClaimedJob, Columns, TAKEN};
use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Jobs that have ended in one process a moment ago, and for which others wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) jobs: Vec<i64>,
    /// No event that tells of them is before this one.
    pub(crate) told_from: i64,
}

/// Which children to claim, and for whom.
#[derive(Debug, Clone)]
pub(crate) struct ChildrenRequest {
    pub(crate) parents: Ended,
    pub(crate) worker_id: i32,
    pub(crate) lease: i64,
    pub(crate) limit: i64,
    pub(crate) tasks: Vec<String>,
    /// The versions of the tasks here, in their order.
    pub(crate) versions: Vec<i32>,
}

/// Whether all that follows from the endings was carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    All,
    /// There are other children, or other endings, or it is not known.
    NotAll,
}

// The state is compared as a text, so that the planner reads no index of all waiting jobs.
const CLAIM: &str = "WITH freed AS MATERIALIZED (SELECT * FROM mainspring.free_children({}, {}, {}, {}, {})) \
    UPDATE mainspring.jobs SET state = 'running', attempts = attempts + 1, lease = {}, worker_id = {}, \
    locked_at = mainspring.now(), run_at = greatest(run_at, mainspring.now()) \
    WHERE id = ANY (ARRAY(SELECT child FROM freed)) AND state::text = 'waiting'";

/// Claims the jobs that wait for nothing but these, at most `limit`, without a wait for any lock.
pub(crate) fn claim_children(
    conn: &mut impl AsSession,
    request: &ChildrenRequest,
) -> Result<(Vec<ClaimedJob>, Carried), StoreError> {
    let ChildrenRequest { parents, worker_id, lease, limit, tasks, versions } = request;
    let rows: Vec<(ClaimedJob, bool)> = Statement::<(Columns, Bool)>::new(format!(
        "{CLAIM} {TAKEN}, (SELECT bool_or(events_left) FROM freed)"
    ))
    .bind::<BigInt, _>(parents.told_from)
    .bind::<Array<BigInt>, _>(parents.jobs.clone())
    .bind::<Array<Text>, _>(tasks.clone())
    .bind::<Array<Integer>, _>(versions.clone())
    .bind::<BigInt, _>(*limit)
    .bind::<BigInt, _>(*lease)
    .bind::<Integer, _>(*worker_id)
    .load(conn)?;
    let is_all = rows.first().is_some_and(|(_, events_left)| !events_left);
    let carried = if is_all { Carried::All } else { Carried::NotAll };
    let mut jobs: Vec<ClaimedJob> = rows.into_iter().map(|(job, _)| job).collect();
    jobs.sort_unstable_by(super::in_order);
    Ok((jobs, carried))
}
