//! Removes a job by its key, at the request of an application. Knows nothing of the engine.

use actix::Message;

use crate::error::StoreError;
use crate::store::{Durability, Store, remove};

/// Removes the job under a key. Sent by applications. Returns the id of the waiting job that was deleted. A running job
/// loses its key and is not retried. An unknown key is not an error. If the message is lost, nothing has changed.
#[derive(Debug, Message)]
#[rtype(result = "Result<Option<i64>, StoreError>")]
#[must_use = "a message does nothing until it is sent to the QueueActor"]
pub struct Remove {
    /// The job's key.
    pub key: String,
}

impl Remove {
    /// Creates the message for a key.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into() }
    }

    pub(super) async fn perform(self, store: Store) -> Result<Option<i64>, StoreError> {
        store.run(Durability::Durable, move |conn| remove(conn, &self.key)).await
    }
}
