//! Errors of Diesel as ours, and ours as errors of Diesel, for transactions that fail with those. Recognised by the names of
//! constraints, which the SQL functions `refuse` and `refuse_taken` give, as Diesel hides their SQLSTATEs.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::Arc;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};
use serde::Deserialize;

use super::store::{JobPlace, StoreError};
use crate::database_error::{DatabaseError, is_lost, text_of};

/// Of a value that breaks its limit, `MS400`.
const REFUSED: &str = "mainspring_refused";
/// Of a name that is taken, `MS409`.
const TAKEN: &str = "mainspring_taken";

/// For what cannot fail, where another input may.
impl From<Infallible> for StoreError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl StoreError {
    /// Returns what an error of Diesel means: the [`StoreError`] that was converted into it, or what the database has reported.
    ///
    /// A `StoreError` becomes an error of Diesel where a transaction has that as its error:
    ///
    /// ```
    /// use mainspring::diesel::result::Error as DieselError;
    /// use mainspring::{NewJob, StoreError};
    ///
    /// let refused = NewJob::from_json("invoice.send", "{").unwrap_err();
    /// let passed_on = DieselError::from(refused);
    /// assert!(matches!(StoreError::from_diesel(passed_on), StoreError::Invalid { field, .. } if field == "payload"));
    /// ```
    #[must_use]
    pub fn from_diesel(error: DieselError) -> Self {
        match error {
            DieselError::QueryBuilderError(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(inner) => Self::Database(DatabaseError(Arc::new(DieselError::QueryBuilderError(inner)))),
            },
            DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => {
                Self::ReadOnly(text_of(&error))
            }
            DieselError::DatabaseError(_, ref facts) => {
                refusal(&**facts).unwrap_or_else(|| Self::Database(DatabaseError(Arc::new(error))))
            }
            error => Self::Database(DatabaseError(Arc::new(error))),
        }
    }

    /// The error of a statement that returned no row.
    pub(crate) fn no_row() -> Self {
        Self::from_diesel(DieselError::NotFound)
    }

    pub(crate) fn not_found(what: &str, name: &str) -> Self {
        Self::NotFound { what: what.to_owned(), name: name.to_owned() }
    }
}

/// What the SQL function `refuse` writes into the detail of its error.
#[derive(Deserialize)]
struct Refusal {
    field: String,
    expected: String,
    #[serde(default)]
    got: String,
    /// Counted from 1.
    job: Option<usize>,
    of: Option<usize>,
}

/// What the SQL function `refuse_taken` writes.
#[derive(Deserialize)]
struct Taken {
    what: String,
    name: String,
}

fn refusal(facts: &(dyn DatabaseErrorInformation + Send + Sync)) -> Option<StoreError> {
    let detail = facts.details().unwrap_or_default();
    match facts.constraint_name() {
        Some(REFUSED) => Some(match serde_json::from_str(detail) {
            Ok(Refusal { field, expected, got, job, of }) => {
                let place = job.zip(of).map(|(job, jobs)| JobPlace { index: job.saturating_sub(1), jobs });
                StoreError::Invalid { field, expected, got, place }
            }
            // Older functions are installed, which write no detail.
            Err(_) => StoreError::Invalid {
                field: String::new(),
                expected: facts.message().to_owned(),
                got: String::new(),
                place: None,
            },
        }),
        Some(TAKEN) => {
            let Taken { what, name } = serde_json::from_str(detail).ok()?;
            Some(StoreError::AlreadyExists { what, name })
        }
        _ => None,
    }
}

/// Returns whether an error of Diesel shows that the database was out of reach.
pub(crate) fn shows_outage(error: &DieselError) -> bool {
    match error {
        DieselError::QueryBuilderError(inner) => {
            inner.downcast_ref().is_some_and(StoreError::is_out_of_reach)
        }
        error => is_lost(error),
    }
}

/// So that `?` works in a transaction whose error is Diesel's: `conn.transaction::<_, diesel::result::Error, _>(..)`. What the
/// server reported stays as it is. [`StoreError::from_diesel`] returns the other errors again.
impl From<StoreError> for DieselError {
    fn from(error: StoreError) -> Self {
        let own = match error {
            StoreError::Database(DatabaseError(error)) => match Arc::try_unwrap(error) {
                Ok(error) => return error,
                Err(shared) => StoreError::Database(DatabaseError(shared)),
            },
            own => own,
        };
        Self::QueryBuilderError(Box::<dyn StdError + Send + Sync>::from(own))
    }
}
