//! Which kind of failure an error is: what its callers do next.

use super::store::StoreError;
#[cfg(feature = "dashboard")]
use crate::database_error::DatabaseError;
use crate::database_error::is_lost;
use crate::stored::Stored;

impl StoreError {
    /// Returns whether the request was carried out although it failed. For an enqueue, whether the jobs are stored.
    #[must_use]
    pub fn stored(&self) -> Stored {
        match self {
            Self::TimedOut { stored, .. } => *stored,
            Self::Interrupted => Stored::Unknown,
            Self::Database(error) if !error.is_reply() => Stored::Unknown,
            Self::Invalid { .. }
            | Self::AlreadyExists { .. }
            | Self::NotFound { .. }
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
            | Self::PoolExhausted { .. }
            | Self::KeyHeld { .. }
            | Self::Overloaded { .. }
            | Self::Database(_) => Stored::No,
        }
    }

    /// Whether another transaction has changed a row that this one had read before.
    #[cfg(feature = "dashboard")]
    pub(crate) fn is_outrun(&self) -> bool {
        use diesel::result::{DatabaseErrorKind, Error};
        let Self::Database(DatabaseError(error)) = self else { return false };
        matches!(&**error, Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _))
    }

    /// Whether the server replied that it refuses the statement, which then changed nothing.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Invalid { .. }
            | Self::AlreadyExists { .. }
            | Self::NotFound { .. }
            | Self::SchemaMissing(_)
            | Self::Denied(_)
            | Self::KeyHeld { .. } => true,
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
            | Self::PoolExhausted { .. }
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
            // Without a connection there is nothing to wait for.
            Self::PoolExhausted { size, .. } => *size > 0,
            Self::Invalid { .. }
            | Self::AlreadyExists { .. }
            | Self::NotFound { .. }
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
            Self::Invalid { .. }
            | Self::AlreadyExists { .. }
            | Self::NotFound { .. }
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
            | Self::PoolExhausted { .. }
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
            Self::Config(_)
            | Self::Connect(_)
            | Self::PoolExhausted { .. }
            | Self::TimedOut { .. }
            | Self::Interrupted => false,
            _ => true,
        }
    }
}
