//! Which handler runs which task. A task is a message type; its handler is an async function, an actor's address,
//! or `Handler<T>` of the WorkerActor itself, all behind one shape.

use std::collections::HashMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use actix::{Addr, Handler, MailboxError, Message, Recipient};
use serde::de::DeserializeOwned;

use crate::actors::JobContext;
use crate::actors::worker::{Perform, WorkerActor};
use crate::job::Task;
use crate::job_error::{JobError, JobResult};

/// A running handler. It stays on its worker's thread, so it need not be `Send`.
pub(crate) type JobFuture = Pin<Box<dyn Future<Output = JobResult>>>;

/// A handler of one task, its type erased.
pub(crate) trait TaskHandler: Send + Sync {
    /// Decodes the payload and begins the work, or says which field of the payload is wrong.
    fn begin(
        &self,
        payload: &str,
        job: JobContext,
        worker: &Addr<WorkerActor>,
    ) -> Result<JobFuture, JobError>;
}

/// The handlers by the names of their tasks.
#[derive(Default)]
pub(crate) struct TaskRegistry {
    handlers: HashMap<&'static str, Arc<dyn TaskHandler>>,
    twice: Option<&'static str>,
}

impl TaskRegistry {
    pub(crate) fn add(&mut self, task: &'static str, handler: impl TaskHandler + 'static) {
        if self.handlers.insert(task, Arc::new(handler)).is_some() {
            self.twice = Some(task);
        }
    }

    pub(crate) fn get(&self, task: &str) -> Option<&Arc<dyn TaskHandler>> {
        self.handlers.get(task)
    }

    /// The tasks' names, in alphabetical order.
    pub(crate) fn tasks(&self) -> Vec<String> {
        let mut tasks: Vec<String> = self.handlers.keys().map(ToString::to_string).collect();
        tasks.sort_unstable();
        tasks
    }

    /// Says which registration is wrong.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if let Some(task) = self.twice {
            return Err(format!("task `{task}` has two handlers, expected one: remove a registration"));
        }
        let odd = self.handlers.keys().find(|task| !(1..=128).contains(&task.chars().count()));
        odd.map_or(Ok(()), |task| {
            Err(format!("task must be 1 to 128 characters, got {} in `{task}`", task.chars().count()))
        })
    }
}

/// An async function of the payload and the context.
pub(crate) struct FunctionHandler<T, F> {
    function: F,
    task: PhantomData<fn() -> T>,
}

impl<T, F> FunctionHandler<T, F> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, task: PhantomData }
    }
}

impl<T, F, Work> TaskHandler for FunctionHandler<T, F>
where
    T: Task + DeserializeOwned + 'static,
    F: Fn(T, JobContext) -> Work + Send + Sync + 'static,
    Work: Future<Output = JobResult> + 'static,
{
    fn begin(&self, payload: &str, job: JobContext, _: &Addr<WorkerActor>) -> Result<JobFuture, JobError> {
        Ok(Box::pin((self.function)(decode::<T>(payload)?, job)))
    }
}

/// Any actor that handles the task's message.
pub(crate) struct ActorHandler<T>(pub(crate) Recipient<T>)
where
    T: Message<Result = JobResult> + Send;

impl<T> TaskHandler for ActorHandler<T>
where
    T: Task + DeserializeOwned + Message<Result = JobResult> + Send + 'static,
{
    fn begin(&self, payload: &str, _: JobContext, _: &Addr<WorkerActor>) -> Result<JobFuture, JobError> {
        let answer = self.0.send(decode::<T>(payload)?);
        Ok(Box::pin(async move { answer.await.unwrap_or_else(|error| Err(no_answer(T::NAME, &error))) }))
    }
}

/// The WorkerActor, for which the application has implemented `Handler<T>`.
pub(crate) struct WorkerHandler<T>(PhantomData<fn() -> T>);

impl<T> WorkerHandler<T> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> TaskHandler for WorkerHandler<T>
where
    T: Task + DeserializeOwned + Message<Result = JobResult> + Send + 'static,
    WorkerActor: Handler<T>,
{
    fn begin(
        &self,
        payload: &str,
        job: JobContext,
        worker: &Addr<WorkerActor>,
    ) -> Result<JobFuture, JobError> {
        let perform = Perform { task: decode::<T>(payload)?, job };
        let answer = Addr::send::<Perform<T>>(worker, perform);
        Ok(Box::pin(async move { answer.await.unwrap_or_else(|error| Err(no_answer(T::NAME, &error))) }))
    }
}

fn no_answer(task: &str, error: &MailboxError) -> JobError {
    JobError::from(match error {
        MailboxError::Closed => {
            format!(
                "the actor that handles `{task}` gave no answer: it has stopped, or it panicked at this message"
            )
        }
        MailboxError::Timeout => format!("the actor that handles `{task}` gave no answer in time"),
    })
}

// The second pass is slower and finds the path of the field that is wrong.
fn decode<T: Task + DeserializeOwned>(payload: &str) -> Result<T, JobError> {
    serde_json::from_str(payload).or_else(|_| {
        let reader = &mut serde_json::Deserializer::from_str(payload);
        serde_path_to_error::deserialize(reader).map_err(|error| {
            let place = error.path().to_string();
            let field = if place == "." { String::new() } else { format!(" at `{place}`") };
            JobError::from(format!("payload does not fit the task `{}`{field}: {}", T::NAME, error.inner()))
        })
    })
}
