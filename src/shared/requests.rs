//! What handles and running jobs send to the QueueActor.

use actix::Recipient;

use super::{EnqueueInSpan, ProgressPosted, Shared, interrupted};
use crate::config::Part;
use crate::engine::Load;
use crate::error::SchedulerError;
use crate::job::NewJob;
use crate::store::enqueue::{enqueue_span, insert_many};
use crate::store::gate::Gate;
use crate::store::{Durability, Session};

impl Shared {
    /// Adds a job through the QueueActor.
    pub(crate) async fn enqueue(&self, job: NewJob) -> Result<i64, SchedulerError> {
        let ids = self.enqueue_many(vec![job]).await?;
        ids.first().copied().ok_or(SchedulerError::Interrupted)
    }

    /// Adds jobs through the QueueActor, all or none. Payloads are judged here, on the caller's thread.
    pub(crate) async fn enqueue_many(&self, mut jobs: Vec<NewJob>) -> Result<Vec<i64>, SchedulerError> {
        self.known.complete(&mut jobs)?;
        if self.config.part == Part::Client {
            return self.enqueue_directly(jobs).await;
        }
        let queue = self.addresses.get::<Recipient<EnqueueInSpan>>().ok_or(SchedulerError::Stopped)?;
        let span = enqueue_span(&jobs);
        let stored = queue.send(EnqueueInSpan { jobs }).await;
        let stored = stored.map_err(interrupted).and_then(|ids| Ok(ids?));
        span.stored(&stored);
        stored
    }

    // Without a QueueActor, the statement is the request's own.
    async fn enqueue_directly(&self, jobs: Vec<NewJob>) -> Result<Vec<i64>, SchedulerError> {
        if self.is_stopping() {
            return Err(SchedulerError::Stopped);
        }
        let timeout = self.config.enqueue_timeout + Load::of(&jobs).allowance();
        let insert = move |conn: &mut Session<'_>, _: &Gate| insert_many(conn, &jobs);
        Ok(self.store.run_gated(Durability::Durable, timeout, insert, |_| false).await?)
    }

    /// Reports that a job has posted progress.
    pub(crate) fn progress_posted(&self) {
        if let Some(queue) = self.addresses.get::<Recipient<ProgressPosted>>() {
            queue.do_send(ProgressPosted);
        }
    }
}
