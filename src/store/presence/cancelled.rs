//! The attempts of a worker that were cancelled. It finds them itself.

use diesel::sql_types::{BigInt, Integer, Text};

use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// A job, the lease under which it runs, and why it was cancelled.
pub(crate) type CancelledAttempt = ((i64, i64), String);

/// The attempts of the worker that have been cancelled.
pub(crate) fn cancelled_attempts(
    conn: &mut impl AsSession,
    worker_id: i32,
) -> Result<Vec<CancelledAttempt>, StoreError> {
    let rows: Vec<(i64, i64, String)> = Statement::<(BigInt, BigInt, Text)>::new(
        "SELECT id, lease, cancel_reason FROM mainspring.jobs \
         WHERE worker_id = {} AND state = 'running' AND cancel_reason IS NOT NULL",
    )
    .bind::<Integer, _>(worker_id)
    .load(conn)?;
    Ok(rows.into_iter().map(|(id, lease, reason)| ((id, lease), reason)).collect())
}
