//! Responses of actix-web, with one form of JSON for all errors. A route returns what a verb returned:
//!
//! ```
//! use actix_web::{http::StatusCode, web};
//! use mainspring::jobs::{Act, Job, JobAct};
//! use mainspring::schedules::{ScheduleFilter, ScheduleRow};
//! use mainspring::{NewSchedule, Scheduler, SchedulerError};
//!
//! type App = web::Data<Scheduler>;
//!
//! async fn job(app: App, id: web::Path<i64>) -> Result<Job, SchedulerError> {
//!     app.jobs().require(*id).await // 200, or 404
//! }
//!
//! async fn cancel(app: App, id: web::Path<i64>) -> Result<JobAct, SchedulerError> {
//!     app.jobs().act_on(*id, Act::Cancel(None)).await // 200, 202, 404 or 409
//! }
//!
//! async fn list(app: App, filter: web::Query<ScheduleFilter>) -> Result<web::Json<Vec<ScheduleRow>>, SchedulerError> {
//!     app.schedules().list(filter.into_inner()).await.map(web::Json)
//! }
//!
//! async fn create(app: App, new: web::Json<NewSchedule>) -> Result<(ScheduleRow, StatusCode), SchedulerError> {
//!     Ok((app.schedules().create(new.into_inner()).await?, StatusCode::CREATED)) // 201, 400 or 409
//! }
//!
//! async fn delete(app: App, name: web::Path<String>) -> Result<(), SchedulerError> {
//!     app.schedules().delete(&*name).await // 204, or 404
//! }
//!
//! fn routes(config: &mut web::ServiceConfig) {
//!     mainspring::responses::configure(config); // also for bodies, paths and queries that do not fit
//!     config.route("/jobs/{id}", web::get().to(job)).route("/jobs/{id}/cancel", web::post().to(cancel));
//!     config.route("/schedules", web::get().to(list)).route("/schedules", web::post().to(create));
//!     config.route("/schedules/{name}", web::delete().to(delete));
//! }
//! # let _ = actix_web::App::new().configure(routes);
//! ```
//!
//! | value | status | body |
//! |---|---|---|
//! | [`Job`], [`ScheduleRow`], [`ScheduleFire`], [`QueueStatus`] | 200 | the fields of the type, by their names |
//! | [`JobAct`] that was done | 200; 202 for `cancelling` | `{"id": 7, "result": "cancelled"}` |
//! | [`JobAct`] that was not | 409; 404 for `unknown` | the same, with `error` |
//! | [`Waited`] | 200 for `Ended`, 202 for `TimedOut`, 404 for `Gone` | the [`Job`]; for `Gone` an error |
//! | [`JobOutcome`] | 200, or 202 for a job that is not over | `{"id": 7, "state": "succeeded", "error": null, "value": 42}` |
//! | [`follow`] | 200, 204, 404, 503 | server-sent events |
//! | [`Accepted`] | 202 | `{"id": 7}`, the id of a job that was added |
//! | `()` | 204 | none |
//! | [`StoreError`], [`SchedulerError`] | as [`StoreError`] says | `{"error": "key must be ..", "field": "key"}` |
//! | [`Error`], for routes with checks and tables of their own | as [`Error`] says | the same |
//!
//! Names of fields and of states are stable. A list is a `web::Json`. The routes do not know who calls: that is the
//! application's to check.
//!
//! [`Job`]: crate::jobs::Job
//! [`JobAct`]: crate::jobs::JobAct
//! [`JobOutcome`]: crate::JobOutcome
//! [`QueueStatus`]: crate::queues::QueueStatus
//! [`ScheduleFire`]: crate::schedules::ScheduleFire
//! [`ScheduleRow`]: crate::schedules::ScheduleRow
//! [`Waited`]: crate::Waited

// What a client may not know, such as the texts of the database, stays out of errors.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};

use self::body::{TRY_AGAIN_AFTER, general, response};
use crate::error::{SchedulerError, StoreError};

mod body;
mod error;
mod extractors;
mod faults;
mod follow;
mod results;
pub(crate) mod server_sent;

pub use self::error::Error;
pub use self::extractors::{configure, json_config};
pub use self::follow::follow;
pub use self::results::Accepted;

/// A client's mistakes have their text and their field. Every other error has a general text.
///
/// The cause of a response of 500 or 503 is logged at error, under the target `mainspring::responses`: at most one line a minute
/// for each kind of cause, with the count of the others. The others are logged at debug.
///
/// | error | status |
/// |---|---|
/// | [`Invalid`](StoreError::Invalid) | 400, with `field` |
/// | [`NotFound`](StoreError::NotFound) | 404 |
/// | [`AlreadyExists`](StoreError::AlreadyExists) | 409 |
/// | [`KeyHeld`](StoreError::KeyHeld) | 409, with `Retry-After` |
/// | [`Overloaded`](StoreError::Overloaded) | 429, with `Retry-After` |
/// | a database or a connection that is out of reach, a reply that is late | 503, with `Retry-After` |
/// | all others | 500 |
///
/// Where the request may have been carried out, the body has `"stored": "unknown"`.
#[cfg_attr(docsrs, doc(cfg(feature = "actix-web")))]
impl ResponseError for StoreError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Invalid { .. } => StatusCode::BAD_REQUEST,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::AlreadyExists { .. } | Self::KeyHeld { .. } => StatusCode::CONFLICT,
            Self::Overloaded { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Locked(_) => StatusCode::SERVICE_UNAVAILABLE,
            other if other.is_out_of_reach() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        faults::log(self.into(), status, self);
        let text = match self {
            Self::Invalid { .. } | Self::NotFound { .. } | Self::AlreadyExists { .. } => self.to_string(),
            Self::KeyHeld { .. } => "another request holds the key: try again later".to_owned(),
            _ => general(status).to_owned(),
        };
        let field = match self {
            Self::Invalid { field, .. } => Some(field.as_str()),
            _ => None,
        };
        let mut response = response(status, &text, field, self.stored());
        if matches!(self, Self::KeyHeld { .. }) {
            response.headers_mut().insert(RETRY_AFTER, TRY_AGAIN_AFTER.into());
        }
        response
    }
}

/// As that of [`StoreError`]. A scheduler that is stopped is 503, with `Retry-After`: another instance may serve the request.
#[cfg_attr(docsrs, doc(cfg(feature = "actix-web")))]
impl ResponseError for SchedulerError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Store(error) => error.status_code(),
            Self::Stopped | Self::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
            Self::Config(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Store(error) => error.error_response(),
            Self::Stopped | Self::Interrupted | Self::Config(_) => {
                let status = self.status_code();
                faults::log(self.into(), status, self);
                response(status, general(status), None, self.stored())
            }
        }
    }
}

/// Logs the cause of a response that has a form of its own, as it would be logged with this one's.
#[cfg(feature = "dashboard")]
pub(crate) fn log_cause(error: &SchedulerError) {
    faults::log(error.into(), error.status_code(), error);
}

#[cfg(test)]
mod tests;
