//! The clock of a test's database. All SQL reads it by `mainspring.now()`, so that a test moves it by replacing that function.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable, Timestamptz};

use crate::error::StoreError;
use crate::store::moment::Moment;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Returns the time by the database's clock.
pub(crate) fn now(conn: &mut impl AsSession) -> Result<DateTime<Utc>, StoreError> {
    let row: (Moment,) = Statement::<(Timestamptz,)>::new("SELECT mainspring.now()").get_result(conn)?;
    Ok(row.0.0)
}

const MOVED_BY: &str =
    "SELECT (extract(epoch FROM {}::timestamptz - statement_timestamp()) * 1000000)::bigint";

// The heartbeats of this process go on in its own time. It has sent all of those that belong to the time between.
const BEAT: &str = "UPDATE mainspring.workers SET heartbeat_at = mainspring.now() WHERE origin = {}";

/// Sets the clock. It goes on from there. Returns by how many microseconds it is ahead of the server's own clock. The worker with
/// this origin counts as alive all the while.
pub(crate) fn move_clock(
    conn: &mut impl AsSession,
    to: DateTime<Utc>,
    origin: i64,
) -> Result<i64, StoreError> {
    conn.as_session().transaction(|conn| {
        let statement = Statement::<(BigInt,)>::new(MOVED_BY).bind::<Timestamptz, _>(to);
        let (moved,): (i64,) = statement.get_result(conn)?;
        conn.run(&format!(
            "CREATE OR REPLACE FUNCTION mainspring.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE \
             RETURN statement_timestamp() + interval '{moved} microseconds'"
        ))?;
        Statement::<()>::new(BEAT).bind::<BigInt, _>(origin).execute(conn)?;
        Ok(moved)
    })
}

/// Lets all schedules go on from now. No fire before counts as missed.
pub(crate) fn plan_from_now(conn: &mut impl AsSession) -> Result<(), StoreError> {
    let text = "UPDATE mainspring.schedules SET next_fire_at = NULL, plan_after = mainspring.now(), \
        making_up_until = NULL, late_since = NULL, late_reason = NULL WHERE next_fire_at IS NOT NULL";
    Statement::<()>::new(text).execute(conn).map(drop)
}

// A queue whose rate has no token left lets its next job through when it gains one.
const NEXT_DUE: &str = "SELECT min(d.at) FROM ( \
        SELECT min(j.run_at) AS at FROM mainspring.jobs AS j WHERE j.state = 'scheduled' AND j.run_at > {} \
        UNION ALL SELECT min(s.next_fire_at) FROM mainspring.schedules AS s WHERE s.next_fire_at > {} \
        UNION ALL SELECT mainspring.now() + min(mainspring.next_token_in(q.rate_limit, q.rate_period, t.tokens)) \
            * interval '1 millisecond' \
        FROM mainspring.queues AS q CROSS JOIN LATERAL (SELECT mainspring.tokens_at( \
            q.rate_limit, q.rate_period, q.tokens, q.tokens_at, mainspring.now()) AS tokens) AS t \
        WHERE q.rate_limit IS NOT NULL AND NOT q.paused AND t.tokens < 1 \
            AND EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.state = 'parked' AND j.queue = q.name)) AS d";

/// Returns when the next job or schedule is due, of those that are due after this time.
pub(crate) fn next_due(
    conn: &mut impl AsSession,
    after: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row: (Option<Moment>,) = Statement::<(Nullable<Timestamptz>,)>::new(NEXT_DUE)
        .bind::<Timestamptz, _>(after)
        .bind::<Timestamptz, _>(after)
        .get_result(conn)?;
    Ok(row.0.map(DateTime::from))
}
