//! The stream of events: bounded, and published without waiting. A subscriber that is too slow loses the oldest events and
//! learns how many. Without a subscriber no event is built.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError};

use crate::event::{Event, JobFacts};
use crate::lifecycle::{Left, Outcome};
use crate::lock::lock;
use crate::store::progress::Progress;
#[cfg(feature = "testing")]
use crate::test_hooks::{Record, TestHooks};

mod endings;

use self::endings::Endings;
pub(crate) use self::endings::Watch;

// The events of a busy process in one second.
const MAX_KEPT: usize = 16_384;

/// Publishes events to all subscribers.
pub(crate) struct EventBus {
    sender: Mutex<Option<broadcast::Sender<Event>>>,
    listeners: Arc<AtomicUsize>,
    endings: Endings,
    #[cfg(feature = "testing")]
    record: Option<Arc<Record>>,
}

/// The events of one scheduler since the subscription. See [`Scheduler::events`](crate::Scheduler::events).
pub struct EventStream {
    receiver: Option<broadcast::Receiver<Event>>,
    listeners: Arc<AtomicUsize>,
}

/// What is logged and published of an attempt once its outcome is stored.
#[derive(Debug)]
pub(crate) struct EndedAttempt {
    pub(crate) job: JobFacts,
    pub(crate) max_attempts: i16,
    pub(crate) took: Duration,
}

impl Default for EventBus {
    fn default() -> Self {
        Self {
            sender: Mutex::new(Some(broadcast::Sender::new(MAX_KEPT))),
            listeners: Arc::default(),
            endings: Endings::default(),
            #[cfg(feature = "testing")]
            record: None,
        }
    }
}

impl EventBus {
    /// A bus that also writes each event into the record of a test, if there is one.
    #[cfg(feature = "testing")]
    pub(crate) fn recording(test: Option<&TestHooks>) -> Self {
        let record = test.map(|hooks| Arc::clone(&hooks.record));
        Self { listeners: Arc::new(AtomicUsize::new(record.iter().len())), record, ..Self::default() }
    }

    /// Subscribes. The stream of a stopped scheduler is empty.
    pub(crate) fn subscribe(&self) -> EventStream {
        self.listeners.fetch_add(1, Ordering::SeqCst);
        let receiver = lock(&self.sender).as_ref().map(broadcast::Sender::subscribe);
        EventStream { receiver, listeners: Arc::clone(&self.listeners) }
    }

    /// Who waits for the end of which job.
    pub(crate) fn endings(&self) -> &Endings {
        &self.endings
    }

    pub(crate) fn has_subscribers(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) > 0
    }

    /// Publishes an event, which is built only if there is a subscriber.
    pub(crate) fn publish(&self, event: impl FnOnce() -> Event) {
        if !self.has_subscribers() {
            return;
        }
        if let Some(sender) = lock(&self.sender).as_ref() {
            let event = event();
            #[cfg(feature = "testing")]
            self.record.iter().for_each(|record| record.add(event.clone()));
            // The last subscriber may have gone meanwhile.
            let _ = sender.send(event);
        }
    }

    pub(crate) fn publish_progress(&self, Progress { id, percent, note, .. }: Progress) {
        self.publish(|| Event::JobProgress { id, percent: percent.try_into().unwrap_or_default(), note });
    }

    /// Publishes how an attempt ended, as it is stored now.
    pub(crate) fn publish_outcome(&self, ended: EndedAttempt, outcome: &Outcome, left: Left) {
        if left != Left::Waiting {
            self.endings.ended(ended.job.id);
        }
        self.publish(|| outcome_event(ended, outcome.clone(), left));
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        *lock(&self.sender) = None;
    }
}

// The state that the row has reached decides; the outcome says why.
fn outcome_event(ended: EndedAttempt, outcome: Outcome, left: Left) -> Event {
    let error = why_dead(&ended, &outcome, left);
    let EndedAttempt { job, took, .. } = ended;
    match (left, outcome) {
        (Left::Dead | Left::SetApart, _) => Event::JobDead { job, took, error },
        (_, Outcome::Succeeded | Outcome::Completed) => Event::JobSucceeded { job, took },
        (Left::Gone, outcome) => {
            Event::JobCancelled { job, took, reason: outcome.reason().unwrap_or_default().to_owned() }
        }
        (Left::Waiting, Outcome::Failed { error, delay, .. }) => {
            Event::JobFailed { job, took, error, next_in: delay }
        }
        (Left::Waiting, Outcome::Held { reason, .. }) => Event::JobHeld { job, took, reason },
        (Left::Waiting, Outcome::Snoozed { delay, .. }) => Event::JobSnoozed { job, next_in: delay },
        (Left::Waiting, Outcome::Interrupted | Outcome::Untouched | Outcome::Postponed { .. }) => {
            Event::JobInterrupted(job)
        }
        // Not reached: after these no job waits.
        (Left::Waiting, Outcome::Cancelled { reason } | Outcome::Discarded { reason }) => {
            Event::JobCancelled { job, took, reason }
        }
    }
}

/// Why a job is dead after this outcome: begins with what the outcome alone does not say.
pub(crate) fn why_dead(ended: &EndedAttempt, outcome: &Outcome, left: Left) -> String {
    let reason = match outcome {
        Outcome::Snoozed { .. } => "it snoozed",
        Outcome::Untouched | Outcome::Postponed { .. } => "it had not started",
        other => other.reason().unwrap_or(other.as_str()),
    };
    let is_expected = match outcome {
        Outcome::Failed { .. } => ended.job.attempt >= ended.max_attempts,
        Outcome::Discarded { .. } => true,
        _ => false,
    };
    match left {
        Left::SetApart => format!("set apart: {reason}"),
        Left::Dead if !is_expected => format!("superseded: {reason}"),
        Left::Dead | Left::Gone | Left::Waiting => reason.to_owned(),
    }
}

impl EventStream {
    /// Returns the next event, or `None` after the last event of a stopped scheduler.
    pub async fn next(&mut self) -> Option<Event> {
        match self.receiver.as_mut()?.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(missed)) => Some(Event::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.listeners.fetch_sub(1, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventStream")
    }
}
