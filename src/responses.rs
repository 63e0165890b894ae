//! Errors as responses of actix-web. What a client may not know, such as the texts of the database, stays out of them.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::error::{SchedulerError, StoreError, Stored};

mod faults;

/// After how many seconds a client tries again: longer than a heartbeat that finds the database again.
const TRY_AGAIN_AFTER: u32 = 2;

/// The body of an error.
#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// `unknown` where the request may have been carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<&'a str>,
}

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

fn general(status: StatusCode) -> &'static str {
    match status {
        StatusCode::TOO_MANY_REQUESTS => "too many requests wait: try again later",
        StatusCode::SERVICE_UNAVAILABLE => "the service is not available: try again later",
        _ => "internal error",
    }
}

fn response(status: StatusCode, error: &str, field: Option<&str>, stored: Stored) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.insert_header((RETRY_AFTER, TRY_AGAIN_AFTER));
    }
    let stored = match stored {
        Stored::No => None,
        Stored::Yes => Some("yes"),
        Stored::Unknown => Some("unknown"),
    };
    response.json(Body { error, field, stored })
}

#[cfg(test)]
mod tests;
