//! The stream that tells a page when to read itself again, as server-sent events. It carries no data of a job.
//!
//! A stream ends by itself after some seconds, and the browser opens the next one. So a server of actix-web that stops gracefully
//! never waits long for one, and access is checked each time.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{ContentEncoding, HeaderName, HeaderValue};
use actix_web::http::{Method, header};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::stream::unfold;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout_at};

use super::failure::Failure;
use super::state::State;
use super::visit::Visit;

/// How often a stream looks. The streams share what they find.
const TICK: Duration = Duration::from_secs(1);
/// How long a stream lasts. Graceful stops of servers have twice that time by default.
const LASTS: Duration = Duration::from_secs(15);
/// How often it sends a comment when there is nothing to tell, so that a viewer who has gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How soon a browser opens the next stream, in milliseconds.
const RETRY: u32 = 1_000;

/// nginx passes on at once what has this header.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

#[derive(Deserialize)]
struct Wanted {
    /// The version of the page.
    #[serde(default)]
    since: String,
}

/// One stream.
pub(super) struct Watch {
    state: Arc<State>,
    phase: Phase,
    /// What the page shows.
    seen: String,
    ends_at: Instant,
    asked_with: Method,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opens,
    Watches,
    Over,
}

impl Watch {
    pub(super) fn new(visit: &Visit) -> Result<Self, Failure> {
        let Wanted { since } = visit.query()?;
        let place = visit.state.place().ok_or(Failure::TooManyStreams)?;
        // A browser that comes back names what it was told last.
        let last = visit.request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
        Ok(Self {
            state: Arc::clone(&visit.state),
            phase: Phase::Opens,
            seen: last.map_or(since, str::to_owned),
            ends_at: Instant::now() + LASTS,
            asked_with: visit.request.method().clone(),
            _place: place,
        })
    }

    pub(super) fn answer(self, mut response: HttpResponseBuilder) -> HttpResponse {
        response.content_type("text/event-stream").insert_header(UNBUFFERED);
        // A middleware that compresses would keep events back.
        response.insert_header((header::CONTENT_ENCODING, ContentEncoding::Identity));
        if self.asked_with == Method::HEAD {
            return response.finish();
        }
        response.streaming(unfold(self, |mut watch| async move {
            let text = watch.next().await?;
            Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), watch))
        }))
    }

    /// The next event or comment; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        match self.phase {
            Phase::Opens => {
                self.phase = Phase::Watches;
                let version = self.state.version().await;
                let event = if version == self.seen { "same" } else { "changed" };
                Some(format!("retry: {RETRY}\n{}", self.tell(event, version)))
            }
            Phase::Watches => self.watch().await,
            Phase::Over => None,
        }
    }

    async fn watch(&mut self) -> Option<String> {
        let state = Arc::clone(&self.state);
        let silent_until = (Instant::now() + HEARTBEAT).min(self.ends_at);
        tokio::select! {
            () = state.scheduler.ending() => {
                self.phase = Phase::Over;
                Some(self.tell("changed", String::new()))
            }
            changed = timeout_at(silent_until, changed(&state, &self.seen)) => match changed {
                Ok(version) => Some(self.tell("changed", version)),
                Err(_) => (silent_until < self.ends_at).then(|| ":\n\n".to_owned()),
            }
        }
    }

    fn tell(&mut self, event: &str, version: String) -> String {
        self.seen = version;
        format!("event: {event}\nid: {}\ndata: {}\n\n", self.seen, self.seen)
    }
}

/// Waits until there is another version, and returns it.
async fn changed(state: &State, seen: &str) -> String {
    loop {
        sleep(TICK).await;
        let version = state.version().await;
        if version != seen {
            return version;
        }
    }
}
