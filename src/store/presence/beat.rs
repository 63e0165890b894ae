//! The heartbeat: one statement that changes one row. The protocol is in docs/notes/leases.md.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text, Timestamptz};

use crate::error::StoreError;
use crate::store::moment::Moment;
use crate::store::session::{AsSession, Session};
use crate::store::statement::Statement;

/// A heartbeat: whose it is, its number, and where the worker's row was last seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beat<'a> {
    pub(crate) worker_id: i32,
    /// What the worker has registered with. A row with another one belongs to another worker.
    pub(crate) origin: i64,
    /// Higher than that of every heartbeat before.
    pub(crate) number: i64,
    /// What is wrong with the worker, for those who look from outside.
    pub(crate) problems: &'a [&'static str],
    pub(crate) row_at: Option<&'a str>,
}

/// What a heartbeat learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heartbeat {
    /// The row is there, at this place. The server received the heartbeat at that time by its own clock.
    Alive { row_at: String, received_at: DateTime<Utc> },
    /// The row is there, and a newer heartbeat was faster.
    Superseded,
    /// The row is gone, or is another worker's: another process took this worker for lost, and requeued its jobs.
    Lost,
}

// It stores the time at which the server received it, even if it waits for a lock. After a gap the count starts one interval
// later, at the second heartbeat behind the gap. An interval is a fifth of the time-out (config.rs).
macro_rules! beat {
    ($where:literal) => {
        concat!(
            "UPDATE mainspring.workers AS me SET heartbeat_at = mainspring.now(), beat = {}, problems = {}, \
                steady_since = CASE WHEN me.server_start = pg_postmaster_start_time() \
                    AND mainspring.now() BETWEEN me.heartbeat_at AND me.heartbeat_at + me.timeout / 2 \
                    THEN me.steady_since ELSE mainspring.now() + me.timeout / 5 END, \
                server_start = pg_postmaster_start_time() \
             WHERE me.id = {} AND me.origin = {} AND me.beat < {}",
            $where,
            " RETURNING me.ctid::text, me.heartbeat_at"
        )
    };
}

/// Sends a heartbeat. By its id, every dead version of the row would be passed that an old snapshot keeps.
pub(crate) fn beat(conn: &mut impl AsSession, beat: Beat<'_>) -> Result<Heartbeat, StoreError> {
    let send = |conn: &mut Session<'_>, text: &'static str, row_at: Option<&str>| {
        let statement = Statement::<(Text, Timestamptz)>::new(text)
            .bind::<BigInt, _>(beat.number)
            .bind::<Array<Text>, _>(beat.problems)
            .bind::<Integer, _>(beat.worker_id)
            .bind::<BigInt, _>(beat.origin)
            .bind::<BigInt, _>(beat.number);
        let statement = match row_at {
            Some(row_at) => statement.bind::<Text, _>(row_at),
            None => statement,
        };
        statement.load::<(String, Moment)>(conn)
    };
    let mut conn = conn.as_session();
    let at_place = beat
        .row_at
        .map(|row_at| send(&mut conn, beat!(" AND me.ctid = {}::tid"), Some(row_at)))
        .transpose()?;
    let rows = match at_place {
        Some(rows) if !rows.is_empty() => rows,
        _ => send(&mut conn, beat!(""), None)?,
    };
    match rows.into_iter().next() {
        Some((row_at, Moment(received_at))) => Ok(Heartbeat::Alive { row_at, received_at }),
        None if is_registered(&mut conn, beat)? => Ok(Heartbeat::Superseded),
        None => Ok(Heartbeat::Lost),
    }
}

fn is_registered(conn: &mut Session<'_>, beat: Beat<'_>) -> Result<bool, StoreError> {
    let text = "SELECT EXISTS (SELECT FROM mainspring.workers WHERE id = {} AND origin = {})";
    let (found,): (bool,) = Statement::<(Bool,)>::new(text)
        .bind::<Integer, _>(beat.worker_id)
        .bind::<BigInt, _>(beat.origin)
        .get_result(conn)?;
    Ok(found)
}
