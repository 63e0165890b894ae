//! The one form of a response that is an error.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use serde::Serialize;

use crate::stored::Stored;

/// After how many seconds a client tries again: longer than a heartbeat that finds the database again.
pub(super) const TRY_AGAIN_AFTER: u32 = 2;

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

/// Returns the response. Where a client should try again, it has `Retry-After`.
pub(super) fn response(status: StatusCode, error: &str, field: Option<&str>, stored: Stored) -> HttpResponse {
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

/// Returns the text for a client that may not know the cause.
pub(super) fn general(status: StatusCode) -> &'static str {
    match status {
        StatusCode::TOO_MANY_REQUESTS => "too many requests wait: try again later",
        StatusCode::SERVICE_UNAVAILABLE => "the service is not available: try again later",
        _ => "internal error",
    }
}
