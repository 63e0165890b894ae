//! What can go wrong, each variant because a caller would act differently. Logs nothing.

use thiserror::Error;

/// Why the store could not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A field of a new job breaks its limit; nothing was stored. The text names the field, the limit
    /// and what came.
    #[error("{0}")]
    Invalid(String),
    /// The payload could not be written as JSON; nothing was stored.
    #[error("payload of task `{task}` cannot be written as JSON")]
    Payload {
        /// The task whose payload it is.
        task: &'static str,
        /// What serde said.
        source: serde_json::Error,
    },
    /// A migration could not be applied; the schema is as it was before.
    #[error("cannot migrate the schema mainspring: {0}")]
    Migration(String),
    /// The database refused a statement, or could not be reached.
    #[error("database error: {0}")]
    Database(diesel::result::Error),
}

impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error};
        match &error {
            Error::DatabaseError(DatabaseErrorKind::Unknown, facts)
                if facts.hint() == Some("Nothing was stored.") =>
            {
                Self::Invalid(facts.message().to_owned())
            }
            _ => Self::Database(error),
        }
    }
}
