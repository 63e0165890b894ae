//! What can go wrong, each variant because a caller would act differently. Logs nothing.

use std::sync::Arc;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use thiserror::Error;

/// Why the store could not do what it was asked.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A field of a new job breaks its limit; nothing was stored. The text names the field, the limit
    /// and what came.
    #[error("{0}")]
    Invalid(String),
    /// The payload could not be written as JSON; nothing was stored.
    #[error("payload of task `{task}` cannot be written as JSON: {source}")]
    Payload {
        /// The task whose payload it is.
        task: String,
        /// What serde said.
        source: Arc<serde_json::Error>,
    },
    /// A migration could not be applied; the schema is as it was before.
    #[error("cannot migrate the schema mainspring: {0}")]
    Migration(String),
    /// The database was migrated by a newer version of Mainspring that this one cannot work with.
    #[error(
        "the schema mainspring is at migration {found}, newer than this program's {known}: update the program"
    )]
    SchemaTooNew {
        /// The newest migration in the database.
        found: String,
        /// The newest migration this program has.
        known: String,
    },
    /// The database lacks migrations or newer functions, and the caller asked not to migrate.
    #[error("the schema mainspring lacks {missing}: run `mainspring migrate`, or let start migrate")]
    SchemaTooOld {
        /// The migrations, oldest first, or the release of the functions.
        missing: String,
    },
    /// The schema is not there, or not whole: it was dropped, or never made.
    #[error(
        "the schema mainspring is not there or not whole ({0}): run `mainspring migrate`, or start the scheduler again"
    )]
    SchemaMissing(String),
    /// No connection to the database could be made. The text is libpq's, and holds no password.
    #[error("cannot connect to the database: {0}")]
    Connect(String),
    /// The connection broke, or the database refused a statement. When the connection broke during an enqueue, the
    /// job may or may not have been stored: a key makes it safe to ask again.
    #[error("database error: {0}")]
    Database(#[source] Arc<DieselError>),
}

impl StoreError {
    /// Whether waiting cannot help: the database answered, and refused for good.
    pub(crate) fn is_permanent(&self) -> bool {
        match self {
            Self::Connect(text) => {
                ["authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied"]
                    .iter()
                    .any(|sign| text.contains(sign))
            }
            Self::Invalid(_)
            | Self::Payload { .. }
            | Self::Migration(_)
            | Self::SchemaTooNew { .. }
            | Self::SchemaTooOld { .. }
            | Self::SchemaMissing(_) => true,
            Self::Database(_) => false,
        }
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(DatabaseErrorKind::Unknown, facts)
                if facts.hint() == Some("Nothing was stored.") =>
            {
                Self::Invalid(facts.message().to_owned())
            }
            DieselError::DatabaseError(_, facts) if is_missing_schema(facts.message()) => {
                Self::SchemaMissing(facts.message().to_owned())
            }
            _ => Self::Database(Arc::new(error)),
        }
    }
}

// Diesel keeps no SQLSTATE; the names of the schema and its parts are in the text, in whatever language.
fn is_missing_schema(message: &str) -> bool {
    let missing = message.ends_with("does not exist");
    missing && (message.contains("\"mainspring") || message.contains(" mainspring."))
}

/// Why the scheduler could not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SchedulerError {
    /// The set-up is wrong; nothing was started. The text names the setting, what was expected and what came.
    #[error("{0}")]
    Config(String),
    /// The scheduler is stopped, or was stopped before it answered.
    #[error("the scheduler is stopped")]
    Stopped,
    /// One of the scheduler's actors failed before it answered; it is being restarted. What was asked for may or may not
    /// have been done.
    #[error("the scheduler's queue failed before it answered: try again")]
    Interrupted,
    /// The store refused, or could not be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
}
