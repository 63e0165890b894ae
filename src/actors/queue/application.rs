//! Handles what applications send: jobs to add and to remove, and the wait until none is ready. Each sender receives a reply.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use actix::{AsyncContext, Context, Handler, Message, ResponseFuture, WrapFuture};
use tokio::sync::oneshot;

use super::unknown_tasks::warn_of_unknown;
use super::{EnqueueMany, QueueActor, Remove, RunOnce};
use crate::attempt::panics::caught;
use crate::error::{SchedulerError, StoreError};
use crate::job::{Enqueue, NewJob, Task};
use crate::run_summary::RunSummary;
use crate::shared::EnqueueInSpan;
use crate::store::enqueue::enqueue_span;
use crate::trace::Relation;

impl<T: Task + 'static> Message for Enqueue<T> {
    type Result = Result<i64, StoreError>;
}

impl QueueActor {
    /// Accepts jobs that are complete. The future returns their ids once they are stored.
    fn accept(
        &mut self,
        jobs: Vec<NewJob>,
        ctx: &mut Context<Self>,
    ) -> impl Future<Output = Result<Vec<i64>, StoreError>> + use<> {
        let (reply, stored) = oneshot::channel();
        let foreign = self.shared.foreign_tasks(&jobs);
        self.engine.enqueue(jobs, reply, Instant::now());
        self.drive(ctx);
        if !foreign.is_empty() {
            ctx.spawn(warn_of_unknown(Arc::clone(&self.shared), foreign).into_actor(self));
        }
        async move { stored.await.unwrap_or(Err(StoreError::Interrupted)) }
    }

    /// Accepts jobs of a message, whose sender has opened no span. The span is in the trace in which the first job was made.
    fn accept_message(
        &mut self,
        mut jobs: Vec<NewJob>,
        ctx: &mut Context<Self>,
    ) -> impl Future<Output = Result<Vec<i64>, StoreError>> + use<> {
        let span = enqueue_span(&jobs);
        if let Some(context) = jobs.first().and_then(|job| job.options.trace_context) {
            span.follow(context, Relation::Parent);
        }
        let accepted = self.shared.known.complete(&mut jobs).map(|()| self.accept(jobs, ctx));
        // Nothing of interest runs in the span while the reply is awaited, so it is not entered for each poll.
        async move {
            let stored = match accepted {
                Ok(stored) => stored.await,
                Err(refused) => Err(refused),
            };
            span.stored(&stored);
            stored
        }
    }
}

impl<T: Task + 'static> Handler<Enqueue<T>> for QueueActor {
    type Result = ResponseFuture<Result<i64, StoreError>>;

    fn handle(&mut self, message: Enqueue<T>, ctx: &mut Context<Self>) -> Self::Result {
        // Serializing a payload runs the application's code: its panic must not end the actor for all.
        let job = caught(|| NewJob::try_from(message)).unwrap_or_else(|panic| {
            let error = serde::ser::Error::custom(format_args!("it {panic}"));
            Err(StoreError::Payload { task: T::NAME.to_owned(), error: Arc::new(error) })
        });
        let added = job.map(|job| self.accept_message(vec![job], ctx));
        Box::pin(async move {
            let ids = added?.await?;
            ids.first().copied().ok_or_else(StoreError::no_row)
        })
    }
}

impl Handler<EnqueueMany> for QueueActor {
    type Result = ResponseFuture<Result<Vec<i64>, StoreError>>;

    fn handle(&mut self, EnqueueMany { jobs }: EnqueueMany, ctx: &mut Context<Self>) -> Self::Result {
        Box::pin(self.accept_message(jobs, ctx))
    }
}

impl Handler<EnqueueInSpan> for QueueActor {
    type Result = ResponseFuture<Result<Vec<i64>, StoreError>>;

    fn handle(&mut self, EnqueueInSpan { jobs }: EnqueueInSpan, ctx: &mut Context<Self>) -> Self::Result {
        Box::pin(self.accept(jobs, ctx))
    }
}

impl Handler<Remove> for QueueActor {
    type Result = ResponseFuture<Result<Option<i64>, StoreError>>;

    fn handle(&mut self, remove: Remove, _: &mut Context<Self>) -> Self::Result {
        Box::pin(remove.perform(self.shared.store.clone()))
    }
}

impl Handler<RunOnce> for QueueActor {
    type Result = ResponseFuture<Result<RunSummary, SchedulerError>>;

    fn handle(&mut self, message: RunOnce, ctx: &mut Context<Self>) -> Self::Result {
        let ended = self.once.add(message, self.engine.summary());
        message.begin(&mut self.engine);
        self.drive(ctx);
        Box::pin(async move { ended.await.unwrap_or(Err(SchedulerError::Interrupted)) })
    }
}
