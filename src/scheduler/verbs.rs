//! What the handles share: a verb of the store runs on one of the scheduler's connections whose commits are durable.
//! Nothing is decided here.

use std::sync::Arc;
use std::time::Duration;

use crate::actors::queue::QueueActor;
use crate::config::Part;
use crate::engine::Wake;
use crate::error::{SchedulerError, StoreError};
use crate::shared::Shared;
use crate::store::settings::REPLY_TIMEOUT;
use crate::store::{Durability, Session};

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
        self.run_within(REPLY_TIMEOUT, verb).await
    }

    /// Runs a verb, and waits for at most that long. Fails if the scheduler has stopped.
    pub(super) async fn run_within<T: Send + 'static>(
        &self,
        timeout: Duration,
        verb: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SchedulerError> {
        if self.is_over() {
            return Err(SchedulerError::Stopped);
        }
        let done = self.shared.store.run_gated(Durability::Durable, timeout, |conn, _| verb(conn), |_| false);
        Ok(done.await?)
    }

    // A scheduler that runs no jobs has no actors.
    fn is_over(&self) -> bool {
        match self.shared.config.part {
            Part::Worker => self.shared.address::<QueueActor>().is_none(),
            Part::Client => self.shared.is_stopping(),
        }
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
