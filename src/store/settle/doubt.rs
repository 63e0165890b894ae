//! Outcomes whose earlier statement got no reply: it may have stored them.

use diesel::sql_types::{Array, BigInt, Integer};

use super::{Columns, Row, Settled};
use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// An outcome that may be stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Doubtful {
    /// The job and its lease.
    pub(crate) key: (i64, i64),
    /// For which the job was claimed.
    pub(crate) worker_id: i32,
}

// Others take the jobs of a worker only together with its row. While the row is there, the lease has ended by an outcome.
const STORED_BEFORE: &str = "SELECT s.id, s.lease, j.state = 'dead', CASE WHEN j.state = 'ready' THEN j.run_at END \
    FROM unnest({}, {}, {}) AS s(id, lease, worker_id) \
    JOIN mainspring.workers AS w ON w.id = s.worker_id AND w.origin = {} \
    LEFT JOIN mainspring.jobs AS j ON j.id = s.id WHERE j.lease IS DISTINCT FROM s.lease";

/// Returns which of the outcomes were stored by an earlier statement, unless they were stored now.
pub(crate) fn stored_before(
    conn: &mut impl AsSession,
    doubtful: &[Doubtful],
    origin: i64,
    now: &[Settled],
) -> Result<Vec<Settled>, StoreError> {
    let mut open = doubtful.to_vec();
    open.retain(|one| !now.iter().any(|settled| (settled.id, settled.lease) == one.key));
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = Statement::<Columns>::new(STORED_BEFORE)
        .bind::<Array<BigInt>, _>(open.iter().map(|one| one.key.0).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(open.iter().map(|one| one.key.1).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(open.iter().map(|one| one.worker_id).collect::<Vec<_>>())
        .bind::<BigInt, _>(origin)
        .load(conn)?;
    Ok(rows.into_iter().map(Settled::from).collect())
}
