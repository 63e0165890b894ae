//! Leases that this process does not know of, or no longer: they are looked for, and their jobs are taken back.

use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};

use super::{Trouble, TroubleKind};
use crate::error::StoreError;
use crate::lifecycle::History;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// What was taken back.
#[derive(Debug, Default)]
pub(crate) struct Reclaimed {
    /// How many jobs are no longer leased.
    pub(crate) jobs: usize,
    pub(crate) troubles: Vec<Trouble>,
}

/// Takes back the jobs of a claim whose reply was lost, and which one of these ids has made. A job in trouble keeps none of
/// the others.
pub(crate) fn reclaim_lease(
    conn: &mut impl AsSession,
    worker_ids: &[i32],
    lease: i64,
    history: History,
) -> Result<Reclaimed, StoreError> {
    let rows = Statement::<(BigInt, Nullable<Bool>, Nullable<Text>)>::new(
        "SELECT m.job_id, m.job_state = 'dead', m.job_problem FROM mainspring.move_or_isolate(ARRAY(\
         SELECT mainspring.new_event(j.id, 'untouched', j.lease) \
         FROM mainspring.jobs AS j WHERE j.state = 'running' AND j.worker_id = ANY ({}) AND j.lease = {}), {}) AS m",
    )
    .bind::<Array<Integer>, _>(worker_ids)
    .bind::<BigInt, _>(lease)
    .bind::<Bool, _>(history.is_kept())
    .load(conn)?;
    Ok(Reclaimed::of(rows))
}

impl Reclaimed {
    /// From rows of `move_or_isolate`: the job, whether it is dead, and the problem.
    pub(crate) fn of(rows: Vec<(i64, Option<bool>, Option<String>)>) -> Self {
        let found = rows.len();
        let troubles: Vec<Trouble> =
            rows.into_iter().filter_map(|(id, is_dead, problem)| Trouble::of(id, is_dead, problem)).collect();
        let stuck = troubles.iter().filter(|trouble| trouble.kind == TroubleKind::Stuck).count();
        Self { jobs: found - stuck, troubles }
    }
}

/// The jobs that are leased to the ids of a worker, and their leases. An id whose row has another origin is another worker's.
/// What was claimed before a row was there was claimed by a worker that had the same id. It may live for a time-out.
pub(crate) fn leased_to(
    conn: &mut impl AsSession,
    worker_ids: &[i32],
    origin: i64,
) -> Result<Vec<(i64, i64)>, StoreError> {
    Statement::<(BigInt, BigInt)>::new(
        "SELECT id, lease FROM mainspring.jobs WHERE state = 'running' AND worker_id = ANY (ARRAY(\
            SELECT i.id FROM unnest({}) AS i(id) WHERE NOT EXISTS (\
                SELECT FROM mainspring.workers AS w WHERE w.id = i.id AND w.origin <> {}))) \
         AND NOT EXISTS (SELECT FROM mainspring.workers AS w WHERE w.id = worker_id AND locked_at < w.started_at \
            AND w.started_at > mainspring.now() - w.timeout)",
    )
    .bind::<Array<Integer>, _>(worker_ids)
    .bind::<BigInt, _>(origin)
    .load(conn)
}
