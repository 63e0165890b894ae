//! Bodies, paths and queries that do not fit, as responses in the form of our errors.

use actix_web::error::{InternalError, JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::StatusCode;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError, web};

use super::body::response;
use crate::stored::Stored;
use crate::text::one_line;

/// Lets an application reply in the form of our errors where a JSON body, a path or a query does not fit the type that a route
/// expects. It is for `App::configure`, or for that of a scope:
///
/// ```
/// use actix_web::App;
///
/// let app = App::new().configure(mainspring::responses::configure);
/// # let _ = app;
/// ```
///
/// | what does not fit | status |
/// |---|---|
/// | a path, such as `/jobs/abc` | 404 |
/// | a path that no route has, or no route with this method | 404 |
/// | a query or a JSON body | 400 |
/// | a body that is no JSON by its content type | 415 |
/// | a body that is too large: 2 MB unless [`json_config`] sets another limit | 413 |
///
/// The text is that of serde, which may repeat what the client sent. It is not logged.
///
/// A `default_service` that the application sets after this one takes its place. `web::resource` replies to other methods itself, with
/// 405 and no body, unless it has a `default_service`.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .app_data(json_config())
        .app_data(web::PathConfig::default().error_handler(|error, _| path_error(&error)))
        .app_data(web::QueryConfig::default().error_handler(|error, _| query_error(&error)))
        .default_service(web::to(no_route));
}

async fn no_route(request: HttpRequest) -> HttpResponse {
    let text = format!("there is no route {} {}", request.method(), one_line(request.path()));
    response(StatusCode::NOT_FOUND, &text, None, Stored::No)
}

/// Returns the part of [`configure`] that is for JSON bodies, for an application with a limit of its own. Call it after `configure`:
///
/// ```
/// use actix_web::App;
/// use mainspring::responses;
///
/// let app = App::new().configure(responses::configure).app_data(responses::json_config().limit(64 << 10));
/// # let _ = app;
/// ```
#[must_use]
pub fn json_config() -> web::JsonConfig {
    web::JsonConfig::default().error_handler(|error, _| json_error(&error))
}

/// Which field a text of serde, or one of ours, is about.
fn field_of(text: &str) -> Option<&str> {
    let quoted = ["missing field `", "unknown field `", "duplicate field `"];
    if let Some(rest) = quoted.iter().find_map(|before| text.strip_prefix(before)) {
        return rest.split('`').next();
    }
    let (field, _) = text.split_once(" must ")?;
    field.chars().all(|c| c.is_ascii_lowercase() || c == '_').then_some(field)
}

fn json_error(error: &JsonPayloadError) -> Error {
    match error {
        JsonPayloadError::Deserialize(error) => {
            refused(StatusCode::BAD_REQUEST, "the body does not fit", &error.to_string())
        }
        JsonPayloadError::ContentType => refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body does not fit",
            "its content type must be application/json",
        ),
        JsonPayloadError::Overflow { limit } | JsonPayloadError::OverflowKnownLength { limit, .. } => {
            refused(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is too large",
                &format!("at most {limit} bytes are accepted"),
            )
        }
        other => refused(other.status_code(), "the body cannot be read", &other.to_string()),
    }
}

fn path_error(error: &PathError) -> Error {
    refused(StatusCode::NOT_FOUND, "the path does not fit", &error.to_string())
}

fn query_error(error: &QueryPayloadError) -> Error {
    match error {
        QueryPayloadError::Deserialize(error) => {
            refused(StatusCode::BAD_REQUEST, "the query does not fit", &error.to_string())
        }
        other => refused(other.status_code(), "the query does not fit", &other.to_string()),
    }
}

// The error itself, which a logger of the application may see, does not repeat what the client sent.
fn refused(status: StatusCode, what: &'static str, why: &str) -> Error {
    let text = format!("{what}: {}", one_line(why));
    InternalError::from_response(what, response(status, &text, field_of(why), Stored::No)).into()
}

#[cfg(test)]
mod tests {
    use super::field_of;

    #[test]
    fn a_text_of_serde_or_of_ours_names_its_field() {
        for (text, field) in [
            ("missing field `expression` at line 1 column 2", Some("expression")),
            ("unknown field `colour`, expected one of `task`, `queue`", Some("colour")),
            (
                "catch_up must be an integer from 0 to 10000, or null, got a string at line 1 column 9",
                Some("catch_up"),
            ),
            ("a schedule must have the fields name, task", None),
            ("its content type must be application/json", None),
            ("invalid type: map, expected a string", None),
            ("", None),
        ] {
            assert_eq!(field_of(text), field, "{text}");
        }
    }
}
