//! What handlers have returned is stored in the transaction of their outcomes. A job whose handler returns nothing pays one look.

use std::collections::HashSet;

use diesel::sql_types::{Array, BigInt, Binary};

use super::{Settled, Settlement};
use crate::error::StoreError;
use crate::lifecycle::{Left, Outcome};
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Returns `true` if there is a value to store.
pub(super) fn has_value(settlement: &&Settlement) -> bool {
    settlement.value.is_some()
}

/// Stores the values of those jobs that have succeeded now.
pub(super) fn keep_values(
    conn: &mut impl AsSession,
    settlements: &[&Settlement],
    settled: &[Settled],
) -> Result<(), StoreError> {
    let gone = settled.iter().filter(|row| row.left == Left::Gone);
    let gone: HashSet<(i64, i64)> = gone.map(|row| (row.id, row.lease)).collect();
    let succeeded = settlements.iter().filter(|one| one.outcome == Outcome::Succeeded);
    let kept = succeeded.filter(|one| gone.contains(&(one.id, one.lease)));
    let (ids, values) = kept.filter_map(|one| Some((one.id, one.value.as_deref()?))).unzip();
    store_values(conn, ids, values)
}

/// Stores what handlers have returned, as JSON.
pub(crate) fn store_values(
    conn: &mut impl AsSession,
    ids: Vec<i64>,
    values: Vec<&[u8]>,
) -> Result<(), StoreError> {
    Statement::<()>::new(
        "INSERT INTO mainspring.results (job_id, finished_at, value) \
         SELECT r.id, mainspring.now(), r.value FROM unnest({}, {}) AS r(id, value) \
         ON CONFLICT (job_id) DO UPDATE SET finished_at = EXCLUDED.finished_at, value = EXCLUDED.value",
    )
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<Binary>, _>(values)
    .execute(conn)?;
    Ok(())
}
