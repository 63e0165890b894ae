//! Orphans: running jobs whose worker has no row. A search finds them, and a later statement takes those that still are. How long
//! a search waits between the two is decided elsewhere.

use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};

use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::settle::Reclaimed;
use crate::store::statement::Statement;

/// A job, and the lease under which it runs.
pub(crate) type Orphan = (i64, i64);

// The gaps between the ids of workers; the last one is open to the greatest id. OFFSET 0 keeps the planner from reading all
// running jobs.
const FIND: &str = "SELECT k.id, k.lease \
    FROM (SELECT w.id AS after, lead(w.id) OVER (ORDER BY w.id) AS before \
        FROM (SELECT 0 AS id UNION ALL SELECT id FROM mainspring.workers) AS w) AS gap \
    CROSS JOIN LATERAL (SELECT j.id, j.lease FROM mainspring.jobs AS j WHERE j.state = 'running' \
        AND j.worker_id > gap.after AND j.worker_id < coalesce(gap.before, {}) OFFSET 0) AS k";

/// Finds the jobs of workers that have no row. A worker leaves such a job behind when its last claim reaches the server after it
/// has left. It may also live: a person deletes a row at any time.
pub(crate) fn find_orphans(conn: &mut impl AsSession) -> Result<Vec<Orphan>, StoreError> {
    Statement::<(BigInt, BigInt)>::new(FIND).bind::<Integer, _>(i32::MAX).load(conn)
}

// A job that was requeued since is under another lease, or under none. The state is compared as a text, so that the planner reads
// no index of all running jobs.
const RESCUE: &str = "SELECT m.job_id, m.job_state = 'dead', m.job_problem FROM (SELECT ARRAY(\
    SELECT mainspring.new_event(r.id, 'lost', r.lease, 'worker lost: it left without settling the job') \
    FROM unnest({}, {}) AS o(id, lease) JOIN mainspring.jobs AS r ON r.id = o.id AND r.lease = o.lease \
    WHERE r.state::text = 'running' AND NOT EXISTS (SELECT FROM mainspring.workers AS w WHERE w.id = r.worker_id) \
    FOR UPDATE OF r SKIP LOCKED) AS events OFFSET 0) AS e \
    CROSS JOIN LATERAL mainspring.move_or_isolate(e.events, true) AS m WHERE cardinality(e.events) > 0";

/// Requeues those among these jobs that are still orphans, under the same lease.
pub(crate) fn rescue_orphans(conn: &mut impl AsSession, orphans: &[Orphan]) -> Result<Reclaimed, StoreError> {
    let (jobs, leases): (Vec<i64>, Vec<i64>) = orphans.iter().copied().unzip();
    let rows = Statement::<(BigInt, Nullable<Bool>, Nullable<Text>)>::new(RESCUE)
        .bind::<Array<BigInt>, _>(jobs)
        .bind::<Array<BigInt>, _>(leases)
        .load(conn)?;
    Ok(Reclaimed::of(rows))
}
