//! How a task is handled: an async function, an actor's address, or `Handler<T>` of the WorkerActor, all behind one
//! trait. A handler knows no worker; the address of its worker passes through as a value of any type.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use actix::{MailboxError, Message, Recipient};
use serde::de::DeserializeOwned;

use super::context::JobContext;
use super::decode::decode;
use crate::backoff::Backoff;
use crate::job::Task;
use crate::job_error::{JobError, JobResult};

/// A running handler. It stays on its worker's thread, so it need not be `Send`.
pub(crate) type JobFuture = Pin<Box<dyn Future<Output = JobResult>>>;

/// An attempt that has started.
pub(crate) struct StartedAttempt {
    pub(crate) work: JobFuture,
    pub(crate) options: AttemptOptions,
}

/// The options of a task that apply to one attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttemptOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) backoff: Backoff,
}

impl AttemptOptions {
    pub(crate) fn of<T: Task>() -> Self {
        Self { timeout: T::TIMEOUT, backoff: T::BACKOFF }
    }
}

/// A handler of one task, its type erased.
pub(crate) trait TaskHandler: Send + Sync {
    /// Decodes the payload and starts the work. The error names the field of the payload that is wrong.
    fn start(&self, payload: &str, job: JobContext, worker: &dyn Any) -> Result<StartedAttempt, JobError>;

    /// The options for a payload that cannot be decoded.
    fn default_options(&self) -> AttemptOptions;
}

/// A way to handle a payload that has been decoded.
pub(crate) trait Handles<T>: Send + Sync {
    fn handle(&self, task: T, job: JobContext, worker: &dyn Any) -> JobFuture;
}

/// A handler of single payloads.
pub(super) struct Typed<T, H> {
    way: H,
    task: PhantomData<fn() -> T>,
}

impl<T, H> Typed<T, H> {
    pub(super) fn new(way: H) -> Self {
        Self { way, task: PhantomData }
    }
}

impl<T, H> TaskHandler for Typed<T, H>
where
    T: Task + DeserializeOwned + 'static,
    H: Handles<T>,
{
    fn start(&self, payload: &str, job: JobContext, worker: &dyn Any) -> Result<StartedAttempt, JobError> {
        let task = decode::<T>(payload)?;
        let options = AttemptOptions { timeout: task.timeout(), backoff: task.backoff() };
        Ok(StartedAttempt { work: self.way.handle(task, job, worker), options })
    }

    fn default_options(&self) -> AttemptOptions {
        AttemptOptions::of::<T>()
    }
}

/// An async function of the payload and the context.
pub(crate) struct Function<F>(pub(crate) F);

impl<T, F, Work> Handles<T> for Function<F>
where
    F: Fn(T, JobContext) -> Work + Send + Sync + 'static,
    Work: Future<Output = JobResult> + 'static,
{
    fn handle(&self, task: T, job: JobContext, _: &dyn Any) -> JobFuture {
        Box::pin((self.0)(task, job))
    }
}

/// Any actor that handles the task's message.
pub(crate) struct AnyActor<T>(pub(crate) Recipient<T>)
where
    T: Message<Result = JobResult> + Send;

impl<T> Handles<T> for AnyActor<T>
where
    T: Task + Message<Result = JobResult> + Send + 'static,
{
    fn handle(&self, task: T, _: JobContext, _: &dyn Any) -> JobFuture {
        let reply = self.0.send(task);
        Box::pin(async move { reply.await.unwrap_or_else(|error| Err(no_reply(T::NAME, &error))) })
    }
}

/// The error of an attempt whose actor returned no result.
pub(crate) fn no_reply(task: &str, error: &MailboxError) -> JobError {
    JobError::from(match error {
        MailboxError::Closed => {
            format!(
                "the actor that handles `{task}` gave no reply: it has stopped, or it panicked at this message"
            )
        }
        MailboxError::Timeout => format!("the actor that handles `{task}` gave no reply in time"),
    })
}
