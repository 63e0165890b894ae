//! Finds the jobs that stand in the way, after the server has refused a statement that moves many. Those whose data it refuses
//! are set apart. Does not know who moves jobs, or when.

use diesel::Queryable;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};

use super::claim::{TaskShare, column};
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// A job that cannot be moved, and why.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub(crate) struct Unmovable {
    pub(crate) id: i64,
    pub(crate) task: String,
    #[diesel(deserialize_as = bool)]
    pub(crate) fate: Fate,
    pub(crate) problem: String,
}

/// What became of a job that cannot be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    SetApart,
    /// It is as it was, and may be movable later.
    Kept,
}

impl From<bool> for Fate {
    fn from(is_dead: bool) -> Self {
        if is_dead { Self::SetApart } else { Self::Kept }
    }
}

/// Waiting jobs, and those of them that cannot be moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tried {
    pub(crate) movable: Vec<i64>,
    pub(crate) unmovable: Vec<Unmovable>,
}

/// Tries the scheduled jobs that are due, the first ones by time.
pub(crate) fn try_due(conn: &mut impl AsSession, limit: i64) -> Result<Tried, StoreError> {
    let due = "SELECT id FROM mainspring.jobs WHERE state = 'scheduled' AND run_at <= mainspring.now() \
        ORDER BY run_at, id LIMIT {}";
    try_each(conn, Statement::new(due).bind::<BigInt, _>(limit))
}

/// Tries the parked jobs of a queue, the best ones.
pub(crate) fn try_parked(conn: &mut impl AsSession, queue: &str, limit: i64) -> Result<Tried, StoreError> {
    let parked = "SELECT id FROM mainspring.jobs WHERE state = 'parked' AND queue = {} \
        ORDER BY priority, run_at, id LIMIT {}";
    try_each(conn, Statement::new(parked).bind::<Text, _>(queue).bind::<BigInt, _>(limit))
}

/// Tries the ready jobs of tasks, of each the best ones, with and without flags. Those with flags are not among the movable
/// ones, since the caller may have to leave them alone.
pub(crate) fn try_ready(
    conn: &mut impl AsSession,
    tasks: &[TaskShare],
    limit: i64,
) -> Result<Tried, StoreError> {
    let mut tried = try_ready_where(conn, tasks, limit, ("IS NULL", ""))?;
    let flagged = try_ready_where(conn, tasks, limit, ("IS NOT NULL", "j.flags, "))?;
    tried.unmovable.extend(flagged.unmovable);
    Ok(tried)
}

fn try_ready_where(
    conn: &mut impl AsSession,
    tasks: &[TaskShare],
    limit: i64,
    (flags, first): (&str, &str),
) -> Result<Tried, StoreError> {
    let ready = format!(
        "SELECT r.id FROM unnest({{}}, {{}}, {{}}) AS t(task, most, newest) CROSS JOIN LATERAL (\
         SELECT j.id FROM mainspring.jobs AS j WHERE j.state = 'ready' AND j.flags {flags} AND j.task = t.task \
         AND coalesce(j.version, 0) <= t.newest ORDER BY {first}j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT least(t.most, {{}})) AS r"
    );
    let statement = Statement::new(ready)
        .bind::<Array<Text>, _>(column(tasks, |share| share.task.clone()))
        .bind::<Array<Nullable<BigInt>>, _>(column(tasks, |share| share.most))
        .bind::<Array<Integer>, _>(column(tasks, |share| share.version))
        .bind::<BigInt, _>(limit);
    try_each(conn, statement)
}

fn try_each(conn: &mut impl AsSession, candidates: Statement<'_, (BigInt,)>) -> Result<Tried, StoreError> {
    let ids: Vec<i64> = candidates.load(conn)?.into_iter().map(|row: (i64,)| row.0).collect();
    let unmovable: Vec<Unmovable> = Statement::<(BigInt, Text, Bool, Text)>::new(
        "SELECT job_id, job_task, job_state = 'dead', job_problem FROM mainspring.unmovable_jobs({})",
    )
    .bind::<Array<BigInt>, _>(&ids)
    .load(conn)?;
    let is_movable = |id: &i64| unmovable.iter().all(|job| job.id != *id);
    Ok(Tried { movable: ids.into_iter().filter(is_movable).collect(), unmovable })
}
