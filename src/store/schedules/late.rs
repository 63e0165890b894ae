//! The schedules that are due and could not be fired: which still wait, and who holds what they need. Changes nothing.

use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};

use super::trouble::LateFire;
use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

// No more than this many are reported at once.
const MOST: i64 = 100;

/// Returns the schedules that are due for more than a second, without those in `except`: another transaction holds their rows.
pub(crate) fn held_rows(
    conn: &mut impl AsSession,
    lines: &[String],
    except: &[i64],
) -> Result<Vec<LateFire>, StoreError> {
    let rows: Vec<(i64, String, Option<i32>)> = Statement::<(BigInt, Text, Nullable<Integer>)>::new(
        "SELECT s.id, s.name, (SELECT l.pid FROM pg_locks AS l WHERE l.locktype = 'transactionid' AND l.granted \
             AND l.transactionid = s.xmax AND l.mode = 'ExclusiveLock' AND l.pid <> pg_backend_pid() LIMIT 1) \
         FROM mainspring.schedules AS s WHERE s.next_fire_at <= mainspring.now() - interval '1 second' \
             AND s.id <> ALL ({}) AND NOT EXISTS (SELECT FROM mainspring.all_paused) \
             AND CASE s.owner WHEN 'people' THEN true ELSE s.name = ANY ({}) END ORDER BY s.next_fire_at LIMIT {}",
    )
    .bind::<Array<BigInt>, _>(except)
    .bind::<Array<Text>, _>(lines)
    .bind::<BigInt, _>(MOST)
    .load(conn)?;
    let late = |(id, name, holder): (i64, String, Option<i32>)| {
        let holder = holder.map_or_else(|| "another transaction".to_owned(), |pid| format!("process {pid}"));
        LateFire { id, name, reason: format!("{holder} holds its row") }
    };
    Ok(rows.into_iter().map(late).collect())
}

/// Makes a fire of the schedule and takes it back, waiting for locks a little longer than a fire does. Meanwhile
/// [`holders_of_locks`] can be asked on another connection what the session waits for, whose process `begun` receives.
pub(crate) fn rehearse(
    conn: &mut impl AsSession,
    id: i64,
    begun: impl FnOnce(i32),
) -> Result<(), StoreError> {
    begun(Statement::<(Integer,)>::new("SELECT pg_backend_pid()").get_result::<(i32,)>(conn)?.0);
    let rehearsed: Result<(), StoreError> = conn.as_session().transaction(|conn| {
        Statement::<()>::new("SELECT set_config('lock_timeout', '300ms', true)").execute(conn)?;
        Statement::<()>::new(
            "SELECT mainspring.fire_schedules(ARRAY[{}], ARRAY[mainspring.now()], ARRAY[mainspring.now()], ARRAY[false], true)",
        )
        .bind::<BigInt, _>(id)
        .execute(conn)?;
        Err(StoreError::no_row())
    });
    drop(rehearsed);
    Ok(())
}

/// Returns the processes that hold the locks which this one waits for.
pub(crate) fn holders_of_locks(conn: &mut impl AsSession, waiting: i32) -> Result<Vec<i32>, StoreError> {
    let rows: Vec<(i32,)> = Statement::<(Integer,)>::new("SELECT DISTINCT unnest(pg_blocking_pids({}))")
        .bind::<Integer, _>(waiting)
        .load(conn)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Returns which of these schedules still wait for their next fire to be made or found.
pub(crate) fn still_waiting(conn: &mut impl AsSession, ids: &[i64]) -> Result<Vec<i64>, StoreError> {
    let rows: Vec<(i64,)> = Statement::<(BigInt,)>::new(
        "SELECT id FROM mainspring.schedules WHERE id = ANY ({}) \
         AND (next_fire_at <= mainspring.now() OR plan_after IS NOT NULL)",
    )
    .bind::<Array<BigInt>, _>(ids)
    .load(conn)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

#[cfg(test)]
mod tests;
