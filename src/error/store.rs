//! What can go wrong in the store. Each text is one line without control characters, whatever it quotes: callers log it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::sentences::{exhausted, sentence};
use crate::database_error::DatabaseError;
use crate::stored::Stored;
use crate::text::one_line;

/// Why the store could not carry out a request.
#[derive(Clone, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A value breaks its limit; nothing was stored. The text names the field, the limit and what came.
    ///
    /// ```
    /// use mainspring::{Schema, StoreError};
    ///
    /// let refused = Schema::new("pg_jobs").unwrap_err();
    /// assert!(matches!(&refused, StoreError::Invalid { field, .. } if field == "schema"), "{refused}");
    /// ```
    #[error("{}{}", .place.map(|place| place.to_string()).unwrap_or_default(), one_line(sentence(.field, .expected, .got)))]
    #[non_exhaustive]
    Invalid {
        /// The field, by the name it has in SQL, such as `key` or `payload`.
        field: String,
        /// What is expected of it, as in `must be 1 to 512 characters`.
        expected: String,
        /// What came, as in `513`; empty where there is nothing to say. Of a payload it never holds a value.
        got: String,
        /// Which of several jobs it is.
        place: Option<JobPlace>,
    },
    /// There is one of this name already; nothing was stored.
    #[error("there is already a {what} `{}`", one_line(.name))]
    #[non_exhaustive]
    AlreadyExists {
        /// What has the name: `schedule`.
        what: String,
        /// The name.
        name: String,
    },
    /// There is none of this name; nothing was changed.
    #[error("there is no {what} `{}`", one_line(.name))]
    #[non_exhaustive]
    NotFound {
        /// What was looked for: `schedule`.
        what: String,
        /// The name that it does not have.
        name: String,
    },
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
    /// password. [`SchedulerBuilder::start`](crate::SchedulerBuilder::start) returns
    /// [`SchedulerError::Config`](crate::SchedulerError::Config) in its place.
    #[error("{}", one_line(.0))]
    Config(String),
    /// No connection to the database could be made. The text is libpq's, and holds no password.
    #[error("cannot connect to the database: {}", one_line(.0))]
    Connect(String),
    /// All connections of a pool are in use, and none came free in time; nothing was sent.
    #[error("{}", exhausted(.setting, *.size, *.waited))]
    #[non_exhaustive]
    PoolExhausted {
        /// The setting of the pool's size: [`pool_size`](crate::SchedulerBuilder::pool_size) or
        /// [`handler_pool_size`](crate::SchedulerBuilder::handler_pool_size).
        setting: &'static str,
        /// How many connections the pool may have.
        size: u32,
        /// How long the caller has waited for one.
        waited: Duration,
    },
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

/// As `Display`: this is what a program prints whose `main` returns the error.
impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which of several jobs an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobPlace {
    /// Its index in the input, counted from 0. Texts count from 1.
    pub index: usize,
    /// How many jobs there are.
    pub jobs: usize,
}

impl fmt::Display for JobPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {} of {}: ", self.index + 1, self.jobs)
    }
}
