//! The registration of handlers, of middleware around them, and of the values that they share.

use std::any::TypeId;
use std::future::Future;
use std::sync::Arc;

use actix::{Handler, Message, Recipient};
use serde::de::DeserializeOwned;

use super::builder::SchedulerBuilder;
use crate::actors::worker::{ThisWorker, WorkerActor};
use crate::attempt::{AnyActor, Function, JobContext, Middleware};
use crate::job::Task;
use crate::job_error::{IntoBatchResult, IntoJobResult};

impl SchedulerBuilder {
    /// Registers an async function as the handler of its task. It returns any [`IntoJobResult`]. Its future stays on one thread,
    /// so it need not be `Send`.
    pub fn handler<T, F, Work, Via>(mut self, function: F) -> Self
    where
        T: Task + DeserializeOwned + 'static,
        F: Fn(T, JobContext) -> Work + Send + Sync + 'static,
        Work: Future<Output: IntoJobResult<Via>> + 'static,
        Via: 'static,
    {
        self.registry.add::<T>(Function::new(function));
        self
    }

    /// Registers an async function as the handler of batches of its task: it receives the entries of the payload's array, and
    /// returns one result for each. Only the failed entries are kept for the next attempt. If the number of results differs
    /// from the number of entries, all of them fail. A payload that is no array is a batch of one.
    ///
    /// ```
    /// use mainspring::{BatchResult, Enqueue, JobContext, Scheduler, Task};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Mail { to: String }
    /// impl Task for Mail { const NAME: &'static str = "mail.send"; }
    ///
    /// async fn send(mails: Vec<Mail>, _: JobContext) -> BatchResult {
    ///     let send_one = |mail: &Mail| if mail.to.contains('@') { Ok(()) } else { Err("no address".into()) };
    ///     Ok(mails.iter().map(send_one).collect())
    /// }
    ///
    /// let builder = Scheduler::builder("postgres://localhost/app").batch_handler(send);
    /// let batch = Enqueue::new(vec![Mail { to: "a@example.org".into() }]).key("outbox");
    /// # let _ = (builder, batch);
    /// ```
    pub fn batch_handler<E, F, Work, Via>(mut self, function: F) -> Self
    where
        E: Task + DeserializeOwned + 'static,
        F: Fn(Vec<E>, JobContext) -> Work + Send + Sync + 'static,
        Work: Future<Output: IntoBatchResult<Via>> + 'static,
        Via: 'static,
    {
        self.registry.add_batch::<E, F, Work, Via>(function);
        self
    }

    /// Registers an actor as the handler of a task: the task is a message, and the actor handles it.
    ///
    /// ```
    /// use actix::{Actor, Context, Handler, Message};
    /// use mainspring::{JobResult, Scheduler, Task};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, Message)]
    /// #[rtype(result = "JobResult")]
    /// struct Audit { what: String }
    /// impl Task for Audit { const NAME: &'static str = "audit"; }
    ///
    /// struct AuditTrail;
    /// impl Actor for AuditTrail { type Context = Context<Self>; }
    /// impl Handler<Audit> for AuditTrail {
    ///     type Result = JobResult;
    ///     fn handle(&mut self, task: Audit, _: &mut Context<Self>) -> JobResult {
    ///         println!("{}", task.what);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[actix::main] async fn main() {
    /// let trail = AuditTrail.start();
    /// let builder = Scheduler::builder("postgres://localhost/app").actor::<Audit>(trail);
    /// # }
    /// ```
    pub fn actor<T>(mut self, address: impl Into<Recipient<T>>) -> Self
    where
        T: Task + DeserializeOwned + Message<Result: IntoJobResult + Send> + Send + 'static,
    {
        self.registry.add::<T>(AnyActor(address.into()));
        self
    }

    /// Registers a task that the application handles by its own `impl Handler<T> for WorkerActor`. Inside,
    /// [`WorkerActor::job`] is the job.
    pub fn message<T>(mut self) -> Self
    where
        T: Task + DeserializeOwned + Message<Result: IntoJobResult + Send> + Send + 'static,
        WorkerActor: Handler<T>,
    {
        self.registry.add::<T>(ThisWorker);
        self
    }

    /// Adds a value for handlers, which read it by its type with [`JobContext::data`]. A second value of the same type
    /// replaces the first.
    pub fn app_data<D: Send + Sync + 'static>(mut self, data: D) -> Self {
        self.app_data.insert(TypeId::of::<D>(), Arc::new(data));
        self
    }

    /// Puts middleware around all handlers: functions, batch handlers, actors and messages. It receives the job and the
    /// [`Next`](crate::Next), and returns the result of the attempt. The middleware that is registered last is the outermost, as
    /// in actix-web.
    ///
    /// - It may return without calling `next`, and may return another result than `next` did.
    /// - A panic inside is an error of [`Next::call`](crate::Next::call). A panic of the outermost fails the attempt.
    /// - Errors before the handler pass through it: a payload that does not fit, a task without a handler.
    /// - It counts towards the task's time-out. After a time-out, a cancellation or an interruption its future is dropped, and it
    ///   sees no result. [`Scheduler::events`](crate::Scheduler::events) reports those.
    /// - Actors and the WorkerActor handle their messages in tasks of their own, so task-locals of middleware are not set there.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::time::Instant;
    /// use mainspring::{JobContext, JobErrorKind, JobResult, Next, Scheduler};
    ///
    /// // A log line with the time that the attempt took.
    /// async fn timing(job: JobContext, next: Next) -> JobResult {
    ///     let started = Instant::now();
    ///     let result = next.call().await;
    ///     log::info!(target: job.log_target(), "attempt {} took {:?}", job.attempt(), started.elapsed());
    ///     result
    /// }
    ///
    /// // An error reporter. It leaves out what is no failure.
    /// async fn report(job: JobContext, next: Next) -> JobResult {
    ///     let result = next.call().await;
    ///     if let Err(error) = &result
    ///         && matches!(error.kind(), JobErrorKind::Failed | JobErrorKind::Discarded)
    ///     {
    ///         eprintln!("job {} of {} failed: {error}", job.id(), job.task());
    ///     }
    ///     result
    /// }
    ///
    /// // A task-local value, which the handler reads with `LOCALE.get()`.
    /// tokio::task_local! { static LOCALE: &'static str; }
    /// async fn locale(job: JobContext, next: Next) -> JobResult {
    ///     let locale = if job.queue() == Some("paris") { "fr" } else { "en" };
    ///     LOCALE.scope(locale, next.call()).await
    /// }
    ///
    /// // A counter, in a closure.
    /// let done = Arc::new(AtomicU64::new(0));
    /// let counter = Arc::clone(&done);
    /// let count = move |_: JobContext, next: Next| {
    ///     let counter = Arc::clone(&counter);
    ///     async move {
    ///         let result = next.call().await;
    ///         counter.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
    ///         result
    ///     }
    /// };
    ///
    /// // An attempt passes report, count, timing and locale, in this order.
    /// let builder = Scheduler::builder("postgres://localhost/app").wrap(locale).wrap(timing).wrap(count).wrap(report);
    /// # let _ = builder;
    /// ```
    pub fn wrap(mut self, middleware: impl Middleware) -> Self {
        self.registry.wrap(middleware);
        self
    }
}
