//! Deletes many rows in portions, so that no statement holds its locks for long.

use crate::error::StoreError;

/// The rows of one portion: they are deleted within some tens of milliseconds.
pub(super) const PORTION: u32 = 1_000;

/// Calls `delete_portion` until it deletes nothing, and returns how many rows were deleted.
pub(super) fn in_portions(
    mut delete_portion: impl FnMut() -> Result<i64, StoreError>,
) -> Result<i64, StoreError> {
    let mut total = 0;
    loop {
        let deleted = delete_portion()?;
        total += deleted;
        if deleted == 0 {
            return Ok(total);
        }
    }
}
