//! The error of an application's own routes, in the form of ours.

use std::fmt;

use actix_web::error::BlockingError;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use r2d2::Error as PoolError;

use super::body::{general, response};
use super::faults::{self, Kind};
use crate::error::{SchedulerError, StoreError};
use crate::stored::Stored;
use crate::text::one_line;

/// Why a route of the application fails: one error for its own checks, its own tables and this crate. The response has the form of
/// all others:
///
/// ```
/// use actix_web::http::StatusCode;
/// use actix_web::web;
/// use diesel::r2d2::{ConnectionManager, Pool};
/// use diesel::sql_types::{BigInt, Text};
/// use diesel::{Connection, PgConnection, RunQueryDsl, sql_query};
/// use mainspring::responses::Error;
/// use mainspring::{Enqueue, Task};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Publish { title: String }
/// impl Task for Publish { const NAME: &'static str = "report.publish"; }
///
/// async fn publish(
///     database: web::Data<Pool<ConnectionManager<PgConnection>>>,
///     task: web::Json<Publish>,
/// ) -> Result<(String, StatusCode), Error> {
///     if task.title.is_empty() {
///         return Err(Error::invalid("title", "must not be empty"));
///     }
///     let add = move || {
///         let mut conn = database.get()?; // no connection: 503
///         conn.transaction(|conn| {
///             let report = sql_query("INSERT INTO reports (title) VALUES ($1)").bind::<Text, _>(&task.title);
///             report.execute(conn)?; // an error of Diesel: 404 for no row, 503 without the server, else 500
///             Ok::<_, Error>(Enqueue::new(task.into_inner()).insert(conn)?) // an error of ours
///         })
///     };
///     let job = web::block(add).await??;
///     Ok((format!("{job}"), StatusCode::CREATED))
/// }
/// # let _ = publish;
/// ```
///
/// | made by | status | body |
/// |---|---|---|
/// | [`Error::invalid`] | 400 | `{"error": "title must not be empty", "field": "title"}` |
/// | [`Error::not_found`] | 404 | ``{"error": "there is no report `7`"}`` |
/// | [`Error::new`] | the given one | `{"error": "the given text"}`; a general text from 500 on |
/// | `?` on a [`StoreError`] or [`SchedulerError`] | as they say | as they say |
/// | `?` on an error of Diesel | 404 for `NotFound`, 409 for a unique constraint; else as [`StoreError::from_diesel`] says | a general text |
/// | `?` on an error of an r2d2 pool | 503, with `Retry-After` | a general text |
/// | `?` on the error of `web::block` | 503, with `Retry-After` | a general text, and `"stored": "unknown"` |
///
/// The cause of a status from 500 on is logged, as those of [`StoreError`] are.
#[derive(Debug)]
#[must_use = "an error does nothing until a route returns it"]
pub struct Error(Cause);

#[derive(Debug)]
enum Cause {
    /// The application's own finding.
    Own {
        status: StatusCode,
        text: String,
        field: Option<String>,
    },
    Library(SchedulerError),
}

impl Error {
    /// Fails with a status, and with a text for the client. From status 500 on the text is logged, and the client gets a general one.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self(Cause::Own { status, text: text.into(), field: None })
    }

    /// Fails with 400: a field of the request is not as expected. The second text continues the first, as in `must not be empty`.
    pub fn invalid(field: impl Into<String>, expected: impl fmt::Display) -> Self {
        let field = field.into();
        Self(Cause::Own {
            status: StatusCode::BAD_REQUEST,
            text: format!("{field} {expected}"),
            field: Some(field),
        })
    }

    /// Fails with 404: there is no such thing, as in ``there is no report `7` ``.
    pub fn not_found(what: &str, name: impl fmt::Display) -> Self {
        StoreError::not_found(what, &name.to_string()).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Own { text, .. } => one_line(text).fmt(f),
            Cause::Library(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Cause::Own { .. } => None,
            Cause::Library(error) => error.source(),
        }
    }
}

/// As the table of [`Error`] says.
#[cfg_attr(docsrs, doc(cfg(feature = "actix-web")))]
impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match &self.0 {
            Cause::Own { status, .. } => *status,
            Cause::Library(error) => error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match &self.0 {
            Cause::Own { status, .. } if status.is_server_error() => {
                faults::log(Kind::Application(status.as_u16()), *status, self);
                response(*status, general(*status), None, Stored::No)
            }
            Cause::Own { status, text, field } => response(*status, text, field.as_deref(), Stored::No),
            Cause::Library(error) => error.error_response(),
        }
    }
}

impl From<SchedulerError> for Error {
    fn from(error: SchedulerError) -> Self {
        Self(Cause::Library(error))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self(Cause::Library(error.into()))
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::new(StatusCode::NOT_FOUND, "there is no such row"),
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                Self::new(StatusCode::CONFLICT, "there is already such a row")
            }
            other => StoreError::from_diesel(other).into(),
        }
    }
}

impl From<PoolError> for Error {
    fn from(error: PoolError) -> Self {
        StoreError::Connect(error.to_string()).into()
    }
}

/// The work panicked or was stopped, perhaps after a commit.
impl From<BlockingError> for Error {
    fn from(_: BlockingError) -> Self {
        SchedulerError::Interrupted.into()
    }
}
