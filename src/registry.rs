//! Which handler runs which task. A task is a message type; its handler is an async function, an actor's address,
//! or `Handler<T>` of the WorkerActor itself, all behind one shape.

mod batch;

use std::collections::HashMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, Handler, MailboxError, Message, Recipient};
use serde::de::DeserializeOwned;

use crate::actors::JobContext;
use crate::actors::worker::{Perform, WorkerActor};
use crate::backoff::Backoff;
use crate::job::Task;
use crate::job_error::{BatchResult, JobError, JobResult};
use batch::Batch;

/// A running handler. It stays on its worker's thread, so it need not be `Send`.
pub(crate) type JobFuture = Pin<Box<dyn Future<Output = JobResult>>>;

/// An attempt that has begun, and what holds for it.
pub(crate) struct Begun {
    pub(crate) work: JobFuture,
    pub(crate) rules: Rules,
}

/// What a task says of an attempt beside its work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) timeout: Option<Duration>,
    pub(crate) backoff: Backoff,
}

impl Rules {
    pub(crate) fn of<T: Task>() -> Self {
        Self { timeout: T::TIMEOUT, backoff: T::BACKOFF }
    }
}

/// A handler of one task, its type erased.
pub(crate) trait TaskHandler: Send + Sync {
    /// Decodes the payload and begins the work, or says which field of the payload is wrong.
    fn begin(&self, payload: &str, job: JobContext, worker: &Addr<WorkerActor>) -> Result<Begun, JobError>;

    /// What holds for jobs whose payload cannot be asked.
    fn rules(&self) -> Rules;
}

/// A way to handle a payload that has been decoded.
pub(crate) trait Handles<T>: Send + Sync {
    fn handle(&self, task: T, job: JobContext, worker: &Addr<WorkerActor>) -> JobFuture;
}

struct Typed<T, H> {
    way: H,
    task: PhantomData<fn() -> T>,
}

impl<T, H> TaskHandler for Typed<T, H>
where
    T: Task + DeserializeOwned + 'static,
    H: Handles<T>,
{
    fn begin(&self, payload: &str, job: JobContext, worker: &Addr<WorkerActor>) -> Result<Begun, JobError> {
        let task = decode::<T>(payload)?;
        let rules = Rules { timeout: task.timeout(), backoff: task.backoff() };
        Ok(Begun { work: self.way.handle(task, job, worker), rules })
    }

    fn rules(&self) -> Rules {
        Rules::of::<T>()
    }
}

/// The handlers by the names of their tasks.
#[derive(Default)]
pub(crate) struct TaskRegistry {
    handlers: HashMap<&'static str, Arc<dyn TaskHandler>>,
    twice: Option<&'static str>,
}

impl TaskRegistry {
    /// Registers a way to handle the task.
    pub(crate) fn add<T>(&mut self, way: impl Handles<T> + 'static)
    where
        T: Task + DeserializeOwned + 'static,
    {
        self.add_handler(T::NAME, Typed { way, task: PhantomData });
    }

    /// Registers a batch handler.
    pub(crate) fn add_batch<E, F, Work>(&mut self, function: F)
    where
        E: Task + DeserializeOwned + 'static,
        F: Fn(Vec<E>, JobContext) -> Work + Send + Sync + 'static,
        Work: Future<Output = BatchResult> + 'static,
    {
        self.add_handler(E::NAME, Batch::<E, F>::new(function));
    }

    fn add_handler(&mut self, task: &'static str, handler: impl TaskHandler + 'static) {
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
pub(crate) struct Function<F>(pub(crate) F);

impl<T, F, Work> Handles<T> for Function<F>
where
    F: Fn(T, JobContext) -> Work + Send + Sync + 'static,
    Work: Future<Output = JobResult> + 'static,
{
    fn handle(&self, task: T, job: JobContext, _: &Addr<WorkerActor>) -> JobFuture {
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
    fn handle(&self, task: T, _: JobContext, _: &Addr<WorkerActor>) -> JobFuture {
        let answer = self.0.send(task);
        Box::pin(async move { answer.await.unwrap_or_else(|error| Err(no_answer(T::NAME, &error))) })
    }
}

/// The WorkerActor, for which the application has implemented `Handler<T>`.
pub(crate) struct ThisWorker;

impl<T> Handles<T> for ThisWorker
where
    T: Task + Message<Result = JobResult> + Send + 'static,
    WorkerActor: Handler<T>,
{
    fn handle(&self, task: T, job: JobContext, worker: &Addr<WorkerActor>) -> JobFuture {
        let answer = Addr::send::<Perform<T>>(worker, Perform { task, job });
        Box::pin(async move { answer.await.unwrap_or_else(|error| Err(no_answer(T::NAME, &error))) })
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
