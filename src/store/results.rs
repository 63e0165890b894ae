//! What handlers have returned, as callers and later jobs read it. It is stored by src/store/settle/values.rs.

use diesel::Queryable;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// How a job has ended that another one has waited for.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub(crate) struct Parent {
    pub(crate) id: i64,
    /// `succeeded`, `dead`, `cancelled`, `deleted`, or the state of one that has not ended; `None` where nothing is known.
    pub(crate) ending: Option<String>,
    /// Why it did not succeed.
    pub(crate) reason: Option<String>,
    /// JSON.
    pub(crate) value: Option<Vec<u8>>,
}

/// Returns what the handler of a job has returned, as JSON.
pub(crate) fn read_value(conn: &mut impl AsSession, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let rows: Vec<(Vec<u8>,)> =
        Statement::<(Binary,)>::new("SELECT value FROM mainspring.results WHERE job_id = {}")
            .bind::<BigInt, _>(id)
            .load(conn)?;
    Ok(rows.into_iter().next().map(|row| row.0))
}

/// Returns how the parents of a job have ended, in the order of their ids: those behind that one, so many at most.
pub(crate) fn parents_of(
    conn: &mut impl AsSession,
    child: i64,
    after: i64,
    most: i64,
) -> Result<Vec<Parent>, StoreError> {
    let text = "SELECT job_id, ending, reason, value FROM mainspring.parents_of({}, {}, {})";
    Statement::<(BigInt, Nullable<Text>, Nullable<Text>, Nullable<Binary>)>::new(text)
        .bind::<BigInt, _>(child)
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(most)
        .load(conn)
}
