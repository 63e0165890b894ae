//! How a task is handled: an async function, an actor's address, or `Handler<T>` of the WorkerActor, all behind one
//! trait. A handler knows no worker; the address of its worker passes through as a value of any type.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{MailboxError, Message, Recipient};
use serde::de::DeserializeOwned;

use super::context::JobContext;
use super::decode::decode;
use crate::backoff::Backoff;
use crate::job::Task;
use crate::job_error::{IntoJobResult, JobError, JobResult};

/// A running handler, or middleware around one. It stays on its worker's thread, so it need not be `Send`.
pub type JobFuture = Pin<Box<dyn Future<Output = JobResult>>>;

/// Starts the work of a handler, when the middleware around it asks for that.
pub(super) type Begin = Box<dyn FnOnce() -> JobFuture>;

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
    pub(crate) const DEFAULT: Self = Self { timeout: None, backoff: Backoff::DEFAULT };

    pub(crate) fn of<T: Task>() -> Self {
        Self { timeout: T::TIMEOUT, backoff: T::BACKOFF }
    }

    fn of_job(task: &impl Task) -> Self {
        Self { timeout: task.timeout(), backoff: task.backoff() }
    }
}

/// A handler of one task, its type erased.
pub(crate) trait TaskHandler: Send + Sync {
    /// Decodes the payload and starts the work. The error names the field of the payload that is wrong.
    fn start(&self, payload: &str, job: JobContext, worker: &dyn Any) -> Result<StartedAttempt, JobError>;

    /// Decodes the payload, and leaves it to middleware to start the work.
    fn prepare(
        self: Arc<Self>,
        payload: &str,
        job: JobContext,
        worker: Rc<dyn Any>,
    ) -> Result<(Begin, AttemptOptions), JobError>;

    /// The options for a payload that cannot be decoded.
    fn default_options(&self) -> AttemptOptions;
}

/// A way to handle a payload that has been decoded.
pub(crate) trait Handles<T>: Send + Sync + 'static {
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
        let task = decode::<T>(payload, job.version())?;
        let options = AttemptOptions::of_job(&task);
        Ok(StartedAttempt { work: self.way.handle(task, job, worker), options })
    }

    fn prepare(
        self: Arc<Self>,
        payload: &str,
        job: JobContext,
        worker: Rc<dyn Any>,
    ) -> Result<(Begin, AttemptOptions), JobError> {
        let task = decode::<T>(payload, job.version())?;
        let options = AttemptOptions::of_job(&task);
        Ok((Box::new(move || self.way.handle(task, job, &*worker)), options))
    }

    fn default_options(&self) -> AttemptOptions {
        AttemptOptions::of::<T>()
    }
}

/// An async function of the payload and the context.
pub(crate) struct Function<F, Via> {
    function: F,
    via: PhantomData<fn() -> Via>,
}

impl<F, Via> Function<F, Via> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, via: PhantomData }
    }
}

impl<T, F, Work, Via> Handles<T> for Function<F, Via>
where
    F: Fn(T, JobContext) -> Work + Send + Sync + 'static,
    Work: Future<Output: IntoJobResult<Via>> + 'static,
    Via: 'static,
{
    fn handle(&self, task: T, job: JobContext, _: &dyn Any) -> JobFuture {
        let work = (self.function)(task, job.clone());
        Box::pin(async move { job.keep(work.await.into_job_result()?) })
    }
}

/// Any actor that handles the task's message.
pub(crate) struct AnyActor<T>(pub(crate) Recipient<T>)
where
    T: Message<Result: Send> + Send;

impl<T> Handles<T> for AnyActor<T>
where
    T: Task + Message<Result: IntoJobResult + Send> + Send + 'static,
{
    fn handle(&self, task: T, job: JobContext, _: &dyn Any) -> JobFuture {
        let reply = self.0.send(task);
        Box::pin(async move {
            let result = reply.await.map_err(|error| no_reply(T::NAME, &error))?;
            job.keep(result.into_job_result()?)
        })
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
