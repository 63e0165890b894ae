//! Drops partitions of the history and dead jobs that have been kept long enough.

use std::time::Duration;

use diesel::sql_types::{BigInt, Integer, Text};

use super::statement::{Statement, millis};
use crate::error::StoreError;
use crate::store::session::AsSession;

/// Creates the missing partitions of the history for the days around now, and returns how many those were.
pub(crate) fn prepare_history(conn: &mut impl AsSession) -> Result<i32, StoreError> {
    let made =
        Statement::<(Integer,)>::new("SELECT mainspring.prepare_history()").get_result::<(i32,)>(conn)?;
    Ok(made.0)
}

/// Drops the partitions of the history whose last moment is older than the retention, and returns their names.
pub(crate) fn drop_history(
    conn: &mut impl AsSession,
    retention: Duration,
) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> =
        Statement::<(Text,)>::new("SELECT mainspring.drop_history({} * interval '1 millisecond')")
            .bind::<BigInt, _>(millis(retention))
            .load(conn)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// How dead jobs are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// All or none.
    Together,
    /// Each that can be deleted, after deleting them together has failed.
    OneByOne,
}

/// Deletes dead jobs that died longer ago than the retention, at most `limit`, oldest first. Returns how many those were.
pub(crate) fn delete_dead(
    conn: &mut impl AsSession,
    retention: Duration,
    limit: i64,
    way: Deletion,
) -> Result<i64, StoreError> {
    let function = match way {
        Deletion::Together => "delete_dead_jobs",
        Deletion::OneByOne => "delete_each_dead",
    };
    let deleted: (i64,) = Statement::<(BigInt,)>::new(format!(
        "SELECT mainspring.{function}({{}} * interval '1 millisecond', {{}})"
    ))
    .bind::<BigInt, _>(millis(retention))
    .bind::<BigInt, _>(limit)
    .get_result(conn)?;
    Ok(deleted.0)
}
