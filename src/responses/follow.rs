//! Sends the updates of one job to a browser, as server-sent events.

use std::collections::hash_map::DefaultHasher;
use std::future::ready;
use std::hash::{Hash, Hasher};

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::StreamExt;
use futures_util::stream::{self, unfold};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::body::response;
use super::server_sent::{COMMENT, HEARTBEAT, LASTS, RETRY, event, last_event_id, streaming};
use crate::error::{SchedulerError, StoreError};
use crate::scheduler::{Follow, JobUpdate};
use crate::stored::Stored;

/// How many streams of jobs a process sends at once.
const MOST_STREAMS: usize = 1_000;

static STREAMS: Semaphore = Semaphore::const_new(MOST_STREAMS);

/// Streams the state, the progress and the outcome of a job to a browser, as [server-sent events][sse].
///
/// ```
/// use actix_web::{HttpRequest, HttpResponse, web};
/// use mainspring::{Scheduler, SchedulerError, responses};
///
/// async fn progress(app: web::Data<Scheduler>, id: web::Path<i64>, request: HttpRequest) -> Result<HttpResponse, SchedulerError> {
///     // Who may see this job is the application's to check.
///     responses::follow(app.jobs().follow(*id), &request).await
/// }
/// # let _ = progress;
/// ```
///
/// | event | data |
/// |---|---|
/// | `update` | a [`JobUpdate`] as JSON: `{"id": 7, "state": "running", "error": null, "value": null, "attempts": 1, "progress": 40, "progress_note": "page 4"}` |
/// | `end` | the same of a job that is over, with its `error` or its `value` |
/// | `gone` | `{"id": 7}`: there is no such job any more. It was deleted, or it has ended and no history of it is kept |
///
/// ```js
/// const events = new EventSource("/imports/4711/progress");
/// events.addEventListener("update", (event) => bar.value = JSON.parse(event.data).progress ?? 0);
/// events.addEventListener("end", (event) => { show(JSON.parse(event.data)); events.close(); });
/// ```
///
/// - Each event has an id. A browser that lost its connection names it, and gets the present state if that is another one.
/// - A stream lasts for 15 seconds, and the browser opens the next one: so access is checked again, and a server that stops waits for
///   none for long. While nothing changes, a comment comes every 5 seconds.
/// - A process sends at most 1,000 streams at once. Others get 503, with `Retry-After`. A browser would give up then, so one that comes
///   back while there is no place, or no database, gets a stream that tells it to come again in two seconds.
/// - A browser that was told the end, and comes back all the same, gets 204, after which it stays away.
///
/// # Errors
///
/// [`StoreError::NotFound`](crate::StoreError::NotFound) if there is no such job, and what [`Jobs::follow`](crate::Jobs::follow) says.
///
/// [sse]: https://html.spec.whatwg.org/multipage/server-sent-events.html
#[cfg_attr(docsrs, doc(cfg(feature = "actix-web")))]
pub async fn follow(mut updates: Follow, request: &HttpRequest) -> Result<HttpResponse, SchedulerError> {
    let comes_back = last_event_id(request).is_some();
    let Ok(place) = STREAMS.try_acquire() else {
        if comes_back {
            return Ok(once(request, COME_AGAIN.to_owned()));
        }
        let full = "too many streams are open: try again later";
        return Ok(response(StatusCode::SERVICE_UNAVAILABLE, full, None, Stored::No));
    };
    let told = match updates.next().await {
        Some(Ok(update)) => Told::of(update),
        Some(Err(error)) if comes_back => return Ok(once(request, ended_by(&error, updates.job()))),
        Some(Err(error)) => return Err(error),
        None => return Ok(HttpResponse::NoContent().finish()),
    };
    let is_known = last_event_id(request) == Some(told.id.as_str());
    if is_known && told.name == END {
        return Ok(HttpResponse::NoContent().finish());
    }
    let first = if is_known { COMMENT.to_owned() } else { told.text() };
    let sending = Sending {
        updates,
        next: Some(format!("{RETRY}{first}")),
        ends_at: Instant::now() + LASTS,
        _place: place,
    };
    Ok(streaming(head(), request.method(), unfold(sending, Sending::step)))
}

fn head() -> HttpResponseBuilder {
    let mut head = HttpResponse::Ok();
    head.insert_header((CACHE_CONTROL, "no-store"));
    head
}

fn once(request: &HttpRequest, text: String) -> HttpResponse {
    streaming(head(), request.method(), stream::once(ready(text)))
}

// A browser gives up at any other status, and comes again by itself after a stream.
fn ended_by(error: &SchedulerError, job: i64) -> String {
    match error {
        SchedulerError::Store(StoreError::NotFound { .. }) => gone(job),
        _ => COME_AGAIN.to_owned(),
    }
}

fn gone(job: i64) -> String {
    event("gone", "gone", &format!("{{\"id\":{job}}}"))
}

const END: &str = "end";
const COME_AGAIN: &str = "retry: 2000\n\n";

/// An update as an event.
struct Told {
    name: &'static str,
    /// Of the data, so that any process knows what a browser was sent.
    id: String,
    data: String,
}

impl Told {
    fn of(update: JobUpdate) -> Self {
        let name = if update.outcome.state.is_over() { END } else { "update" };
        // It has string keys only, and its value is JSON.
        let data = serde_json::to_string(&update).unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        data.hash(&mut hasher);
        Self { name, id: format!("{:016x}", hasher.finish()), data }
    }

    fn text(&self) -> String {
        event(self.name, &self.id, &self.data)
    }
}

/// A stream on its way.
struct Sending {
    updates: Follow,
    next: Option<String>,
    ends_at: Instant,
    _place: SemaphorePermit<'static>,
}

impl Sending {
    async fn step(mut self) -> Option<(String, Self)> {
        if let Some(text) = self.next.take() {
            return Some((text, self));
        }
        let silent_until = (Instant::now() + HEARTBEAT).min(self.ends_at);
        let text = match timeout_at(silent_until, self.updates.next()).await {
            Err(_) if silent_until < self.ends_at => COMMENT.to_owned(),
            Ok(Some(Ok(update))) => Told::of(update).text(),
            Ok(Some(Err(SchedulerError::Store(StoreError::NotFound { .. })))) => gone(self.updates.job()),
            // The browser comes back, to another process if this one stops.
            Err(_) | Ok(None | Some(Err(_))) => return None,
        };
        Some((text, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_thousand_places_and_each_is_given_back() {
        let take = || STREAMS.try_acquire().ok();
        let places: Vec<_> = std::iter::from_fn(take).collect();
        assert_eq!(places.len(), MOST_STREAMS);
        drop(places);
        assert!(take().is_some());
    }
}
