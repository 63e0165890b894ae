//! What the handles share: a verb of the store runs on one of the scheduler's connections whose commits are durable.
//! Nothing is decided here.

use std::sync::Arc;

use crate::store::Session;

use crate::actors::queue::QueueActor;
use crate::engine::Wake;
use crate::error::{SchedulerError, StoreError};
use crate::shared::Shared;

/// Runs verbs on the connections of one scheduler.
#[derive(Clone)]
pub(super) struct Verbs {
    shared: Arc<Shared>,
}

impl Verbs {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Runs a verb.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SchedulerError> {
        self.shared.do_durably(verb).await
    }

    /// Runs a verb that may make jobs due, and wakes the QueueActor. A process ignores the notifications that it sent
    /// itself, so they serve other processes only.
    pub(super) async fn run_and_wake<T: Send + 'static>(
        &self,
        wake: Wake,
        verb: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SchedulerError> {
        let done = self.run(verb).await?;
        self.shared.send::<QueueActor, _>(wake);
        Ok(done)
    }
}
