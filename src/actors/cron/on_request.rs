//! Fires when the test kit asks, so that a test knows which fires there were. Knows no actor.

use std::sync::Arc;
use std::time::Duration;

use actix::Message;
use tokio::sync::{mpsc, oneshot};

use super::ticks::Ticks;
use crate::error::StoreError;
use crate::shared::Shared;

/// Fires what is due by the database's clock, and returns when the jobs are stored. Sent by the test kit. If it is lost, the call
/// fails.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub(crate) struct FireDue;

type Reply = oneshot::Sender<Result<(), StoreError>>;

/// Where requests go.
pub(super) struct Requests(mpsc::UnboundedSender<Reply>);

/// Where they come from.
pub(super) struct Received(mpsc::UnboundedReceiver<Reply>);

pub(super) fn requests() -> (Requests, Received) {
    let (requests, received) = mpsc::unbounded_channel();
    (Requests(requests), Received(received))
}

impl Requests {
    /// Requests a round, and returns how it has ended.
    pub(super) fn fire(&self) -> impl Future<Output = Result<(), StoreError>> + use<> {
        let (reply, fired) = oneshot::channel();
        // Without a receiver the actor has ended, and the reply fails too.
        let _ = self.0.send(reply);
        async move { fired.await.unwrap_or(Err(StoreError::Interrupted)) }
    }
}

/// Fires what is due, for each request.
pub(super) async fn fire_for_each(shared: Arc<Shared>, mut received: Received) {
    let mut ticks = Ticks::new(shared);
    while let Some(reply) = received.0.recv().await {
        // Whatever time has passed between two requests, the scheduler was there.
        ticks.rests(Duration::MAX);
        let fired = loop {
            match ticks.next().await {
                // The stored fires are compared with those that this program computes, portion by portion.
                Ok(Duration::ZERO) => {}
                other => break other.map(drop),
            }
        };
        // The caller may have given up.
        let _ = reply.send(fired);
    }
}
