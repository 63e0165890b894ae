//! Names the field that a database of another encoding than UTF-8 cannot hold. The driver hides the code of that error, so
//! each text is sent alone: only what the encoding lacks is refused then.

use diesel::sql_types::Text;
use diesel::{RunQueryDsl, sql_query};

use super::session::{AsSession, in_transaction};
use crate::error::{Problem, StoreError};

/// The error of a statement that was sent these texts, with the name of the first field that the encoding lacks.
///
/// In a transaction that has failed nothing can be sent, and the error stays as it is.
pub(super) fn naming<'f, 'a>(
    conn: &mut impl AsSession,
    error: StoreError,
    fields: impl IntoIterator<Item = (&'f str, &'a str)>,
) -> StoreError {
    let mut session = conn.as_session();
    let StoreError::Database(refusal) = &error else { return error };
    if !error.is_refusal() || in_transaction(&mut session) {
        return error;
    }
    for (field, text) in fields.into_iter().filter(|(_, text)| !text.is_ascii()) {
        let sent = sql_query("SELECT $1 IS NULL").bind::<Text, _>(text).execute(&mut *session);
        if sent.is_err_and(|error| StoreError::from_diesel(error).is_refusal()) {
            let expected = format!("has a character that the encoding of the database lacks: {refusal}");
            return Problem::new(field.to_owned(), expected, "").into();
        }
    }
    error
}
