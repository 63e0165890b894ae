//! An error of the database as the server or the driver reported it. Diesel's type stays inside.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

use crate::text::one_line;

/// What the server reported of a statement that it refused, or the driver of a connection that broke.
///
/// Its text is one line with the server's detail and hint. Where a constraint is violated, the server's detail quotes the row
/// with its payload: then [`detail`](Self::detail) alone has it.
#[derive(Debug, Clone)]
pub struct DatabaseError(pub(crate) Arc<DieselError>);

impl DatabaseError {
    /// Returns the server's detail.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.facts()?.details()
    }

    /// Returns the server's hint.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.facts()?.hint()
    }

    /// Returns the name of the constraint that the statement violated.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        self.facts()?.constraint_name()
    }

    pub(crate) fn facts(&self) -> Option<&(dyn DatabaseErrorInformation + Send + Sync)> {
        match &*self.0 {
            DieselError::DatabaseError(_, facts) => Some(&**facts),
            _ => None,
        }
    }

    /// Whether the server sent the error, and not the driver for a connection that broke.
    pub(crate) fn is_reply(&self) -> bool {
        matches!(&*self.0, DieselError::DatabaseError(..)) && !is_lost(&self.0)
    }
}

/// Whether the error is that of a lost connection.
pub(crate) fn is_lost(error: &DieselError) -> bool {
    use DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    matches!(error, DieselError::DatabaseError(ClosedConnection | UnableToSendCommand, _))
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database error: {}", one_line(text_of(&self.0)))
    }
}

impl StdError for DatabaseError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The text of Diesel's error is the text of its source, so the chain goes on below that.
        self.0.source()?.source()
    }
}

/// The error's text in one line, with the server's detail and hint.
pub(crate) fn text_of(error: &DieselError) -> String {
    let DieselError::DatabaseError(kind, facts) = error else { return error.to_string() };
    let detail = if quotes_the_row(*kind) { None } else { facts.details() };
    let parts = [Some(facts.message()), detail, facts.hint()];
    let parts = parts.into_iter().flatten().map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    parts.collect::<Vec<_>>().join("; ")
}

// The server's detail then shows values of the row.
fn quotes_the_row(kind: DatabaseErrorKind) -> bool {
    matches!(
        kind,
        DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ExclusionViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::RestrictViolation
    )
}
