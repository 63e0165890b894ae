//! What is over: partitions of the history and dead jobs that have been kept long enough. Reads nothing else.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel::{Connection, RunQueryDsl};

use super::statement::{Statement, millis};
use crate::error::StoreError;

/// Makes the partitions of the history for the days around now, and answers how many were missing.
pub(crate) fn prepare_history(conn: &mut PgConnection) -> Result<i32, StoreError> {
    let made =
        Statement::<(Integer,)>::new("SELECT mainspring.prepare_history()").get_result::<(i32,)>(conn)?;
    Ok(made.0)
}

/// Drops the partitions of the history whose last moment is older than the retention, and answers their names.
pub(crate) fn drop_history(conn: &mut PgConnection, retention: Duration) -> Result<Vec<String>, StoreError> {
    conn.transaction(|conn| {
        // The lock that making partitions takes too; whoever does not get it leaves the work to the other.
        let rows: Vec<(String,)> = Statement::<(Text,)>::new(
            "SELECT c.relname::text FROM pg_catalog.pg_inherits AS i \
             JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid \
             WHERE i.inhparent = 'mainspring.history'::regclass AND c.relname ~ '^history_[0-9]{8}$' \
             AND (to_date(right(c.relname::text, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC' \
                 < clock_timestamp() - {} * interval '1 millisecond' \
             AND pg_try_advisory_xact_lock(1836216166, 1)",
        )
        .bind::<BigInt, _>(millis(retention))
        .load(conn)?;
        for (partition,) in &rows {
            conn.batch_execute(&format!("DROP TABLE IF EXISTS mainspring.{partition}"))?;
        }
        Ok(rows.into_iter().map(|row| row.0).collect())
    })
}

/// Deletes dead jobs that died longer ago than the retention, at most `limit`, oldest first.
pub(crate) fn delete_dead(
    conn: &mut PgConnection,
    retention: Duration,
    limit: i64,
) -> Result<usize, StoreError> {
    let deleted = Statement::<()>::new(
        "DELETE FROM mainspring.jobs WHERE id = ANY (ARRAY(SELECT id FROM mainspring.jobs WHERE state = 'dead' \
         AND updated_at < clock_timestamp() - {} * interval '1 millisecond' ORDER BY updated_at LIMIT {} \
         FOR UPDATE SKIP LOCKED))",
    )
    .bind::<BigInt, _>(millis(retention))
    .bind::<BigInt, _>(limit)
    .execute(conn)?;
    Ok(deleted)
}
