//! What a scheduler does otherwise under the test kit: it keeps all its events, and it can be cut off from the database. That jobs
//! run on request follows from the presence of these hooks. Knows neither the kit nor the scheduler.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::event::Event;
use crate::lock::lock;

/// The ties of one scheduler to its test.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestHooks {
    /// Shared by all schedulers of the test.
    pub(crate) record: Arc<Record>,
    cut_off: Arc<AtomicBool>,
}

/// Every event of a test so far. Unlike a stream it loses none.
#[derive(Debug, Default)]
pub(crate) struct Record {
    events: Mutex<Vec<Event>>,
    added: watch::Sender<usize>,
}

impl TestHooks {
    /// Hooks of a scheduler whose events go to that record.
    pub(crate) fn new(record: &Arc<Record>) -> Self {
        Self { record: Arc::clone(record), ..Self::default() }
    }

    /// Lets the scheduler open no connection any more.
    pub(crate) fn cut_off(&self) {
        self.cut_off.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::SeqCst)
    }
}

impl Record {
    pub(crate) fn add(&self, event: Event) {
        let mut events = lock(&self.events);
        events.push(event);
        self.added.send_replace(events.len());
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        lock(&self.events).len()
    }

    /// The events from this place on.
    pub(crate) fn since(&self, place: usize) -> Vec<Event> {
        lock(&self.events).get(place..).unwrap_or_default().to_vec()
    }

    /// Receives the number of events, whenever one is added.
    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.added.subscribe()
    }
}
