//! Registration of a worker that had an id before. Does not know why it lost that one.

use super::{JobsLeft, unregister};
use crate::error::StoreError;
use crate::store::session::Session;

/// Registers by that statement, under an id that the worker never had: the sequence of ids may have been set back.
pub(crate) fn register_under_new_id(
    conn: &mut Session<'_>,
    used: &[i32],
    origin: i64,
    mut register: impl FnMut(&mut Session<'_>) -> Result<i32, StoreError>,
) -> Result<i32, StoreError> {
    conn.transaction(|conn| {
        loop {
            let id = register(conn)?;
            if !used.contains(&id) {
                return Ok(id);
            }
            unregister(conn, id, origin, JobsLeft::None)?;
        }
    })
}
