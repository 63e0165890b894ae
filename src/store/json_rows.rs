//! Reads rows that the database returns as JSON. The names are the fields of our types, so that one name means one
//! thing in SQL, in Rust and in what programs read. Nothing on the way of a job calls this.

use diesel::result::Error as DieselError;
use diesel::sql_types::Text;
use serde::de::DeserializeOwned;

use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// Reads the statement's one column, a row each, as JSON.
pub(super) fn rows<T: DeserializeOwned>(
    conn: &mut impl AsSession,
    statement: Statement<'_, (Text,)>,
) -> Result<Vec<T>, StoreError> {
    let rows: Vec<(String,)> = statement.load(conn)?;
    rows.iter().map(|row| decoded(&row.0)).collect()
}

/// Reads JSON that the database returned.
pub(super) fn decoded<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::from_diesel(DieselError::DeserializationError(Box::new(error))))
}
