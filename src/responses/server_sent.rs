//! A response of server-sent events. The streams of this crate end by themselves after some seconds, and the browser opens the next
//! one: so a server of actix-web that stops gracefully never waits long for one, and access is checked each time.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header::{ContentEncoding, HeaderName, HeaderValue};
use actix_web::http::{Method, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::{Stream, StreamExt};

/// How long a stream lasts. Graceful stops of servers have twice that time by default.
pub(crate) const LASTS: Duration = Duration::from_secs(15);
/// How often it sends [`COMMENT`] when there is nothing to tell, so that a viewer who has gone is noticed.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);
pub(crate) const COMMENT: &str = ":\n\n";
/// The first line of a stream: how soon a browser opens the next one, in milliseconds.
pub(crate) const RETRY: &str = "retry: 1000\n";

/// nginx passes on at once what has this header.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Returns the id that a browser which comes back was sent last.
pub(crate) fn last_event_id(request: &HttpRequest) -> Option<&str> {
    request.headers().get("last-event-id")?.to_str().ok()
}

/// Returns an event of one line of data.
pub(crate) fn event(name: &str, id: &str, data: &str) -> String {
    format!("event: {name}\nid: {id}\ndata: {data}\n\n")
}

/// Sends the events. A request by HEAD gets none.
pub(crate) fn streaming(
    mut response: HttpResponseBuilder,
    method: &Method,
    events: impl Stream<Item = String> + 'static,
) -> HttpResponse {
    response.content_type("text/event-stream").insert_header(UNBUFFERED);
    // A middleware that compresses would keep events back.
    response.insert_header((header::CONTENT_ENCODING, ContentEncoding::Identity));
    if method == Method::HEAD {
        return response.finish();
    }
    response.streaming(events.map(|text| Ok::<_, Infallible>(Bytes::from(text))))
}
