//! Setting up: every setting with its default, setters that cannot fail, and one check of all of it at the start.

use std::any::TypeId;
use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::{Handler, Message, Recipient};
use serde::de::DeserializeOwned;

use super::{Scheduler, thread};
use crate::actors::worker::{ThisWorker, WorkerActor};
use crate::attempt::{AnyActor, Function, JobContext, TaskRegistry};
use crate::config::{Config, SettleDurability, StartPolicy};
use crate::cron::{Cron, CronEntry, Crontab};
use crate::error::SchedulerError;
use crate::flags::ForbiddenFlags;
use crate::job::Task;
use crate::job_error::{BatchResult, JobResult};
use crate::schema::Schema;
use crate::shared::AppData;

/// Sets up a [`Scheduler`]. Begun by [`Scheduler::builder`].
#[must_use = "a builder does nothing until `start` is called and awaited"]
pub struct SchedulerBuilder {
    config: Config,
    registry: TaskRegistry,
    app_data: AppData,
    problem: Option<String>,
}

impl SchedulerBuilder {
    pub(super) fn new(database_url: String) -> Self {
        Self {
            config: Config::new(database_url),
            registry: TaskRegistry::default(),
            app_data: AppData::new(),
            problem: None,
        }
    }

    /// The schema that holds the jobs; default `mainspring`. Schedulers with different schemas in one database know nothing
    /// of each other. [`Schema::new`](crate::Schema::new) says which names are possible; `start` rejects others.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        match Schema::new(name) {
            Ok(schema) => self.config.schema = schema,
            Err(error) => self.problem = self.problem.or(Some(error.to_string())),
        }
        self
    }

    /// Registers an async function as the handler of its task. Its future stays on one thread, so it need not be `Send`.
    pub fn handler<T, F, Work>(mut self, function: F) -> Self
    where
        T: Task + DeserializeOwned + 'static,
        F: Fn(T, JobContext) -> Work + Send + Sync + 'static,
        Work: Future<Output = JobResult> + 'static,
    {
        self.registry.add::<T>(Function(function));
        self
    }

    /// Registers an async function as the handler of batches of its task: it gets the entries of the payload's array, and
    /// answers one result for each. The failed entries alone are kept for the next attempt; an answer of another
    /// length is a failure of all. A payload that is no array is a batch of one.
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
    pub fn batch_handler<E, F, Work>(mut self, function: F) -> Self
    where
        E: Task + DeserializeOwned + 'static,
        F: Fn(Vec<E>, JobContext) -> Work + Send + Sync + 'static,
        Work: Future<Output = BatchResult> + 'static,
    {
        self.registry.add_batch::<E, F, Work>(function);
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
        T: Task + DeserializeOwned + Message<Result = JobResult> + Send + 'static,
    {
        self.registry.add::<T>(AnyActor(address.into()));
        self
    }

    /// Registers a task that the application handles by its own `impl Handler<T> for WorkerActor`. Inside,
    /// [`WorkerActor::job`] is the job.
    pub fn message<T>(mut self) -> Self
    where
        T: Task + DeserializeOwned + Message<Result = JobResult> + Send + 'static,
        WorkerActor: Handler<T>,
    {
        self.registry.add::<T>(ThisWorker);
        self
    }

    /// Gives handlers a value, which they reach by its type through [`JobContext::data`]. A second value of the same type
    /// takes the place of the first.
    pub fn app_data<D: Send + Sync + 'static>(mut self, data: D) -> Self {
        self.app_data.insert(TypeId::of::<D>(), Arc::new(data));
        self
    }

    /// Adds the lines of a crontab; see [`Crontab`] for how they are written. What is wrong with them is told by `start`.
    pub fn crontab(mut self, text: &str) -> Self {
        match Crontab::parse(text) {
            Ok(crontab) => self.config.crontab.extend(crontab.entries),
            Err(error) => self.problem = self.problem.or(Some(format!("crontab: {error}"))),
        }
        self
    }

    /// Adds a line of the crontab that code has built. What is wrong with it is told by `start`.
    pub fn cron(mut self, line: Cron) -> Self {
        match line.build() {
            Ok(entry) => self.config.crontab.push(entry),
            Err(error) => self.problem = self.problem.or(Some(format!("cron: {error}"))),
        }
        self
    }

    /// How many jobs run at once in this process: 1 to 100,000, default 10.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.config.concurrency = jobs;
        self
    }

    /// How many jobs of the task `T` run at once in this process: 1 to 100,000, default as many as there is concurrency. A
    /// job beyond it is not claimed, so that another process may run it.
    pub fn limit<T: Task>(mut self, jobs: usize) -> Self {
        self.config.task_limits.insert(T::NAME.to_owned(), jobs);
        self
    }

    /// Leaves jobs alone that have any of these flags, for processes that are not told so. They cost no claim anything.
    pub fn forbid_flags<F: Into<String>>(mut self, flags: impl IntoIterator<Item = F>) -> Self {
        self.config.forbidden_flags = ForbiddenFlags::These(flags.into_iter().map(Into::into).collect());
        self
    }

    /// As [`Self::forbid_flags`], with a function that answers which flags those are for now. It is asked before a claim, where
    /// jobs with flags may be ready; a flag that is allowed again is noticed with the next poll. While it panics, or
    /// gives no answer in 5 seconds, no job with flags is claimed.
    pub fn forbid_flags_by<F, Answer>(mut self, function: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Vec<String>> + 'static,
    {
        self.config.forbidden_flags = ForbiddenFlags::asked(function);
        self
    }

    /// Lifts ready jobs with their age: for each `step` that a job has waited, it counts as one priority better, in every
    /// fourth claim. 1 ms to a day; off by default.
    pub fn ageing(mut self, step: Duration) -> Self {
        self.config.age_every = Some(step);
        self
    }

    /// How many threads run jobs: 1 to 1,024, default one a CPU.
    pub fn worker_threads(mut self, threads: usize) -> Self {
        self.config.worker_threads = threads;
        self
    }

    /// How many connections the scheduler itself may hold, besides the one that listens and the one for heartbeats: 2 to
    /// 1,000, default 5. Half of them, or one less, serve what must be durable, the others claims and outcomes. With fewer than 5
    /// there is only one claim at a time, which matters for jobs that take no time.
    pub fn pool_size(mut self, connections: u32) -> Self {
        self.config.pool_size = connections;
        self
    }

    /// How many connections handlers may hold together by [`JobContext::connection`]: 1 to 1,000, default 10. They are
    /// opened when they are first asked for.
    pub fn handler_pool_size(mut self, connections: u32) -> Self {
        self.config.handler_pool_size = connections;
        self
    }

    /// What this process is called in the table of workers: 1 to 256 characters, default `HOST:PROCESS_ID`.
    pub fn worker_name(mut self, name: impl Into<String>) -> Self {
        self.config.worker_name = name.into();
        self
    }

    /// Finds jobs of other processes by polling alone, each second unless [`Self::poll_interval`] says otherwise: where
    /// notifications do not come through. It does not make poolers in transaction mode safe, which lend the settings of
    /// Mainspring's sessions to others: give it direct connections, or a pooler in session mode.
    pub fn without_listen(mut self) -> Self {
        self.config.listen = false;
        self
    }

    /// Expects a schema that is already migrated, and refuses to start on another.
    pub fn without_migrations(mut self) -> Self {
        self.config.migrate = false;
        self
    }

    /// How often to look for jobs that no notification told of: 10 ms to 15 s, default 10 s, or 1 s without LISTEN.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.config.poll_interval = Some(interval);
        self
    }

    /// For how long finished jobs stay in the table `mainspring.history`; default 24 hours. Zero writes no history, which
    /// is faster. Whole days are dropped at once, so a job may stay for up to a day longer.
    pub fn history_retention(mut self, retention: Duration) -> Self {
        self.config.history_retention = retention;
        self
    }

    /// For how long dead jobs stay; default for ever, until someone retries or deletes them.
    pub fn dead_retention(mut self, retention: Duration) -> Self {
        self.config.dead_retention = Some(retention);
        self
    }

    /// For how long running jobs may go on after a stop was asked for; default 30 seconds.
    pub fn grace_period(mut self, period: Duration) -> Self {
        self.config.grace_period = period;
        self
    }

    /// For how long a running job that was cancelled may go on before its future is dropped; default 5 seconds.
    pub fn cancel_grace_period(mut self, period: Duration) -> Self {
        self.config.cancel_grace_period = period;
        self
    }

    /// After how long without a heartbeat others take this process for lost: 1 s to a day, default 30 seconds. A heartbeat
    /// is sent ten times as often. A process that was killed is found sooner, by the lock it held.
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.config.heartbeat_timeout = timeout;
        self
    }

    /// What happens when the database cannot be reached at start; default to wait for it for up to a minute.
    pub fn start_policy(mut self, policy: StartPolicy) -> Self {
        self.config.start_policy = policy;
        self
    }

    /// What a crash of the database may forget; default [`SettleDurability::Relaxed`].
    pub fn settle_durability(mut self, durability: SettleDurability) -> Self {
        self.config.settle_durability = durability;
        self
    }

    /// The level at which the start and the success of each attempt are logged, two lines an attempt; default
    /// [`log::Level::Info`]. Failures are logged as warnings, deaths as errors, whatever this says.
    pub fn job_log_level(mut self, level: log::Level) -> Self {
        self.config.job_log_level = level;
        self
    }

    /// Starts the scheduler: connects, migrates or verifies the schema, registers the worker, and answers when it is
    /// really listening. Works under `#[actix_web::main]` and `#[tokio::main]` alike.
    ///
    /// The builder is used up, and a scheduler that was stopped stays so: to start again, build anew, as the demo's routes do.
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Config`] when a setting, a registration or the crontab is wrong; [`SchedulerError::Store`] when the
    /// database cannot be reached in time, refuses for good, or has a schema that does not fit.
    pub async fn start(self) -> Result<Scheduler, SchedulerError> {
        let checked = self.problem.clone().map_or(Ok(()), Err).and_then(|()| self.validate());
        checked.map_err(SchedulerError::Config)?;
        for CronEntry { identifier, task, .. } in self.lines_without_handler() {
            log::warn!(
                "cron `{identifier}` adds jobs of the task `{task}`, for which this process has no handler"
            );
        }
        Ok(Scheduler(Arc::new(thread::start(self.config, self.registry, self.app_data).await?)))
    }

    fn lines_without_handler(&self) -> impl Iterator<Item = &CronEntry> {
        self.config.crontab.iter().filter(|entry| self.registry.get(&entry.task).is_none())
    }

    fn validate(&self) -> Result<(), String> {
        self.config.validate()?;
        self.registry.validate()?;
        let mut seen = HashSet::new();
        let twice = self.config.crontab.iter().find(|entry| !seen.insert(entry.identifier.as_str()));
        twice.map_or(Ok(()), |entry| {
            Err(format!(
                "crontab: two lines have the identifier `{}`: give each an `id` of its own",
                entry.identifier
            ))
        })
    }
}

// The URL may hold a password.
impl fmt::Debug for SchedulerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerBuilder")
            .field("worker", &self.config.worker_name)
            .field("tasks", &self.registry.tasks())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Known;
    impl Task for Known {
        const NAME: &'static str = "known";
    }

    #[test]
    fn a_line_of_a_task_that_no_handler_knows_is_found_at_the_start() {
        let builder = SchedulerBuilder::new("postgres://localhost/app".into());
        let builder =
            builder.handler(async |_: Known, _| Ok(())).crontab("@daily known\n@daily strange ?id=s");
        let builder = builder.cron(Cron::every_minute(Known).id("k"));
        let strange: Vec<_> = builder.lines_without_handler().map(|entry| &entry.identifier).collect();
        assert_eq!(strange, ["s"]);
    }
}
