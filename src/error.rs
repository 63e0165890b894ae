//! What can go wrong, each variant because a caller would act differently. Logs nothing. Each text is one line without control
//! characters, whatever it quotes: callers log it.

use std::sync::Arc;
use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use thiserror::Error;

pub use crate::database_error::DatabaseError;
pub(crate) use crate::database_error::{is_lost, text_of};
pub use crate::stored::Stored;
use crate::text::one_line;

/// Why the store could not carry out a request.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A value breaks its limit; nothing was stored. The text names the field, the limit and what came.
    #[error("{}", one_line(.0))]
    Invalid(String),
    /// The payload could not be written as JSON; nothing was stored.
    #[error("payload of task `{}` cannot be written as JSON: {}", one_line(.task), one_line(.error))]
    Payload {
        /// The task whose payload it is.
        task: String,
        /// What serde reports.
        error: Arc<serde_json::Error>,
    },
    /// A migration could not be applied; the schema is as it was before.
    #[error("cannot migrate the schema {}", one_line(.0))]
    Migration(String),
    /// The database was migrated by a newer version of Mainspring that this one cannot work with.
    #[error(
        "the schema {} is at migration {}, newer than this program's {known}: update the program",
        one_line(.schema), one_line(.found)
    )]
    SchemaTooNew {
        /// The schema's name.
        schema: String,
        /// The newest migration in the database.
        found: String,
        /// The newest migration this program has.
        known: String,
    },
    /// The database lacks migrations or newer functions, and the caller chose not to migrate.
    #[error("the schema {} lacks {missing}: run `mainspring migrate`, or let start migrate", one_line(.schema))]
    SchemaTooOld {
        /// The schema's name.
        schema: String,
        /// The migrations, oldest first, or the release of the functions.
        missing: String,
    },
    /// The schema is not there, or not whole: it was dropped, or never made. The text names it.
    #[error("the schema {}: run `mainspring migrate`, or start the scheduler again", one_line(.0))]
    SchemaMissing(String),
    /// Another session holds the lock of the migrations. The text names it; waiting may help.
    #[error("{}", one_line(.0))]
    Locked(String),
    /// The role lacks a privilege. The text names what it may not use, and is followed by the server's.
    #[error("the role has no privilege on {}", one_line(.0))]
    Denied(String),
    /// The server refuses every connection of this kind: a wrong password, no such role or database, no privilege to connect.
    /// Waiting cannot help. The text is libpq's, and holds no password.
    #[error("the database rejects the connection: {}", one_line(.0))]
    Rejected(String),
    /// The server accepts no writes: it is a standby, or was made read-only. Nothing was stored. The text is the server's or
    /// libpq's, and holds no password. Waiting helps where the address leads to a new primary soon.
    #[error(
        "the database server accepts no writes, so it is a standby or was made read-only: {}; let the URL lead to the \
         primary, for example by naming all hosts",
        one_line(.0)
    )]
    ReadOnly(String),
    /// libpq refuses to connect as the connection string, the environment or a service file asks: the string is malformed, an
    /// option is unknown or has a wrong value, or TLS does not come about. Waiting cannot help. The text is libpq's, and holds no
    /// password. [`SchedulerBuilder::start`](crate::SchedulerBuilder::start) returns [`SchedulerError::Config`] in its place.
    #[error("{}", one_line(.0))]
    Config(String),
    /// No connection to the database could be made. The text is libpq's, and holds no password.
    #[error("cannot connect to the database: {}", one_line(.0))]
    Connect(String),
    /// Another transaction holds a key for longer than `key_timeout`. Nothing was stored. It can be enqueued again.
    #[error(
        "another transaction has held a job with one of these keys for {waited:.1?}: {}; end it, or enqueue again later",
        one_line(.keys)
    )]
    KeyHeld {
        /// The keys of the jobs, at most five of them.
        keys: String,
        /// How long the enqueue has waited.
        waited: Duration,
    },
    /// The database has not replied in time.
    #[error("the database has not replied for {waited:.1?}{}", .stored.as_clause())]
    TimedOut {
        /// How long the caller has waited.
        waited: Duration,
        /// Whether the request was carried out.
        stored: Stored,
    },
    /// The scheduler stopped, or its queue failed, before the database had replied. A job may or may not be stored.
    #[error("the scheduler stopped before the database replied: it may have carried out the request")]
    Interrupted,
    /// So many jobs wait to be stored that this process accepts no more; nothing was stored. The limits are
    /// [`max_waiting_jobs`](crate::SchedulerBuilder::max_waiting_jobs) and
    /// [`max_waiting_bytes`](crate::SchedulerBuilder::max_waiting_bytes).
    #[error("{jobs} jobs of {bytes} bytes wait to be stored already: try again later")]
    Overloaded {
        /// How many jobs wait.
        jobs: usize,
        /// The size of their payloads.
        bytes: usize,
    },
    /// The connection broke, or the database refused a statement. When the connection broke during an enqueue, the
    /// job may or may not have been stored: a key makes it safe to enqueue again.
    #[error(transparent)]
    Database(DatabaseError),
}

/// The name of a constraint that a refusal by Mainspring's own SQL carries. Diesel hides its SQLSTATE `MS400`.
const REFUSED: &str = "mainspring_refused";

impl StoreError {
    /// Returns whether the request was carried out although it failed. For an enqueue, whether the jobs are stored.
    #[must_use]
    pub fn stored(&self) -> Stored {
        match self {
            Self::TimedOut { stored, .. } => *stored,
            Self::Interrupted => Stored::Unknown,
            Self::Database(error) if !error.is_reply() => Stored::Unknown,
            Self::Invalid(_)
            | Self::Payload { .. }
            | Self::Migration(_)
            | Self::SchemaTooNew { .. }
            | Self::SchemaTooOld { .. }
            | Self::SchemaMissing(_)
            | Self::Locked(_)
            | Self::Denied(_)
            | Self::Rejected(_)
            | Self::ReadOnly(_)
            | Self::Config(_)
            | Self::Connect(_)
            | Self::KeyHeld { .. }
            | Self::Overloaded { .. }
            | Self::Database(_) => Stored::No,
        }
    }

    // No `From`, which would be public: Diesel's type stays out of the API.
    pub(crate) fn from_diesel(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(_, facts) if facts.constraint_name() == Some(REFUSED) => {
                Self::Invalid(facts.message().to_owned())
            }
            DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => {
                Self::ReadOnly(text_of(&error))
            }
            _ => Self::Database(DatabaseError(Arc::new(error))),
        }
    }

    /// The error of a statement that returned no row.
    pub(crate) fn no_row() -> Self {
        Self::from_diesel(DieselError::NotFound)
    }

    /// Whether the server replied that it refuses the statement, which then changed nothing.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::SchemaMissing(_) | Self::Denied(_) | Self::KeyHeld { .. } => true,
            Self::Database(error) => error.is_reply(),
            Self::Payload { .. }
            | Self::Migration(_)
            | Self::SchemaTooNew { .. }
            | Self::SchemaTooOld { .. }
            | Self::Locked(_)
            | Self::Rejected(_)
            | Self::ReadOnly(_)
            | Self::TimedOut { .. }
            | Self::Overloaded { .. }
            | Self::Interrupted
            | Self::Config(_)
            | Self::Connect(_) => false,
        }
    }

    /// Whether the database, or a connection to it, was out of reach.
    pub(crate) fn is_out_of_reach(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::ReadOnly(_)
            | Self::TimedOut { .. }
            | Self::Interrupted
            | Self::Overloaded { .. } => true,
            Self::Database(error) => is_lost(&error.0),
            Self::Invalid(_)
            | Self::Payload { .. }
            | Self::Migration(_)
            | Self::SchemaTooNew { .. }
            | Self::SchemaTooOld { .. }
            | Self::SchemaMissing(_)
            | Self::Locked(_)
            | Self::Denied(_)
            | Self::Rejected(_)
            | Self::Config(_)
            | Self::KeyHeld { .. } => false,
        }
    }

    /// Whether the schema is not one that this program can work with.
    pub(crate) fn is_about_schema(&self) -> bool {
        matches!(self, Self::SchemaTooNew { .. } | Self::SchemaTooOld { .. } | Self::SchemaMissing(_))
    }

    /// Whether waiting cannot help: the database replied, and refused for good.
    pub(crate) fn is_permanent(&self) -> bool {
        match self {
            Self::Invalid(_)
            | Self::Payload { .. }
            | Self::Migration(_)
            | Self::SchemaTooNew { .. }
            | Self::SchemaTooOld { .. }
            | Self::SchemaMissing(_)
            | Self::Denied(_)
            | Self::Rejected(_)
            | Self::Config(_) => true,
            Self::ReadOnly(_)
            | Self::Connect(_)
            | Self::Locked(_)
            | Self::KeyHeld { .. }
            | Self::TimedOut { .. }
            | Self::Overloaded { .. }
            | Self::Interrupted
            | Self::Database(_) => false,
        }
    }

    /// Whether the database replied, so that it was there.
    pub(crate) fn is_reply(&self) -> bool {
        match self {
            Self::Database(error) => error.is_reply(),
            Self::Config(_) | Self::Connect(_) | Self::TimedOut { .. } | Self::Interrupted => false,
            _ => true,
        }
    }
}

/// Why the scheduler could not carry out a request.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SchedulerError {
    /// The set-up is wrong; nothing was started. The text names the setting, what was expected and what came.
    #[error("{}", one_line(.0))]
    Config(String),
    /// The scheduler is stopped, and has not accepted the request.
    #[error("the scheduler is stopped")]
    Stopped,
    /// The scheduler was stopped before it replied, or one of its actors failed and is being restarted. The request may or may
    /// not have been carried out.
    #[error(
        "the scheduler stopped, or its queue failed, before it replied: the request may have been carried out"
    )]
    Interrupted,
    /// The store refused, or could not be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SchedulerError {
    /// Returns whether the request was carried out although it failed. For an enqueue, whether the jobs are stored. A key makes
    /// it safe to repeat an enqueue whose result is unknown:
    ///
    /// ```
    /// use mainspring::{Enqueue, Scheduler, SchedulerError, Stored, Task};
    ///
    /// async fn enqueue_once<T: Task + Clone>(scheduler: &Scheduler, task: T, key: &str) -> Result<i64, SchedulerError> {
    ///     let job = || Enqueue::new(task.clone()).key(key);
    ///     match scheduler.enqueue(job()).await {
    ///         Err(error) if error.stored() == Stored::Unknown => scheduler.enqueue(job()).await,
    ///         other => other,
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn stored(&self) -> Stored {
        match self {
            Self::Config(_) | Self::Stopped => Stored::No,
            Self::Interrupted => Stored::Unknown,
            Self::Store(error) => error.stored(),
        }
    }
}
