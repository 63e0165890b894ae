//! The stream that tells a page when to read itself again, as server-sent events. It carries no data of a job.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::stream::unfold;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout_at};

use super::failure::Failure;
use super::state::State;
use super::visit::Visit;
use crate::responses::server_sent::{COMMENT, HEARTBEAT, LASTS, RETRY, event, last_event_id, streaming};

/// How often a stream looks. The streams share what they find.
const TICK: Duration = Duration::from_secs(1);
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
        let last = last_event_id(&visit.request);
        Ok(Self {
            state: Arc::clone(&visit.state),
            phase: Phase::Opens,
            seen: last.map_or(since, str::to_owned),
            ends_at: Instant::now() + LASTS,
            asked_with: visit.request.method().clone(),
            _place: place,
        })
    }

    pub(super) fn answer(self, response: HttpResponseBuilder) -> HttpResponse {
        let method = self.asked_with.clone();
        let events = unfold(self, |mut watch| async move { Some((watch.next().await?, watch)) });
        streaming(response, &method, events)
    }

    /// The next event or comment; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        match self.phase {
            Phase::Opens => {
                self.phase = Phase::Watches;
                let version = self.state.version().await;
                let event = if version == self.seen { "same" } else { "changed" };
                Some(format!("{RETRY}{}", self.tell(event, version)))
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
                Err(_) => (silent_until < self.ends_at).then(|| COMMENT.to_owned()),
            }
        }
    }

    fn tell(&mut self, name: &str, version: String) -> String {
        self.seen = version;
        event(name, &self.seen, &self.seen)
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
