//! The settings of a scheduler that are plain values, each with its default and its limits. `start` checks them.

use std::future::Future;
use std::time::Duration;

use super::builder::SchedulerBuilder;
use super::start_limits::StartLimit;
use crate::config::{Fires, SettleDurability, StartPolicy};
use crate::flags::ForbiddenFlags;
use crate::job::Task;
use crate::schema::Schema;
use crate::store::queues::{QueueSettings, TaskLimit};

impl SchedulerBuilder {
    /// Sets the schema that holds the jobs; default `mainspring`. Schedulers with different schemas in one database know nothing
    /// of each other. [`Schema::new`](crate::Schema::new) describes which names are possible; `start` rejects others.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        match Schema::new(name) {
            Ok(schema) => self.config.schema = schema,
            Err(error) => self.problem = self.problem.or(Some(error.to_string())),
        }
        self
    }

    /// Sets how many jobs run at once in this process: 1 to 100,000, default 10.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.config.concurrency = jobs;
        self
    }

    /// Sets how many jobs of the task `T` run at once in this process: 1 to 100,000, default as many as there is concurrency. A
    /// job beyond it is not claimed, so that another process may run it.
    pub fn limit<T: Task>(mut self, jobs: usize) -> Self {
        self.config.task_limits.insert(T::NAME.to_owned(), jobs);
        self
    }

    /// Leaves jobs with any of these flags to other processes. They add no cost to a claim.
    pub fn forbid_flags<F: Into<String>>(mut self, flags: impl IntoIterator<Item = F>) -> Self {
        self.config.forbidden_flags = ForbiddenFlags::These(flags.into_iter().map(Into::into).collect());
        self
    }

    /// As [`Self::forbid_flags`], with a function that returns the current flags. It is called before a claim, if jobs with
    /// flags may be ready. A flag that is allowed again is noticed with the next poll. If the function panics, or takes
    /// more than 5 seconds, no job with flags is claimed.
    pub fn forbid_flags_by<F, Answer>(mut self, function: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Vec<String>> + 'static,
    {
        self.config.forbidden_flags = ForbiddenFlags::asked(function);
        self
    }

    /// Ages ready jobs: for each `step` that a job has waited, it counts as one priority better, in every fourth claim.
    /// 1 ms to a day; off by default.
    pub fn ageing(mut self, step: Duration) -> Self {
        self.config.age_every = Some(step);
        self
    }

    /// Sets how many threads run jobs: 1 to 1,024, default one a CPU.
    pub fn worker_threads(mut self, threads: usize) -> Self {
        self.config.worker_threads = threads;
        self
    }

    /// Sets how many connections the scheduler itself may hold, besides the one that listens and the one for heartbeats: 1 to
    /// 1,000, default 5. Half of them, or one less, serve what must be durable, the others claims and outcomes. With fewer than 5
    /// there is only one claim at a time, which matters for jobs that take no time. With one, all statements wait for each
    /// other, and an additional round trip passes between those of the two kinds.
    pub fn pool_size(mut self, connections: u32) -> Self {
        self.config.pool_size = connections;
        self
    }

    /// Sets how many connections handlers may hold together by [`JobContext::connection`](crate::JobContext::connection) and
    /// [`JobContext::transaction`](crate::JobContext::transaction): 0 to 1,000, default 10. They are opened on first use. With 0
    /// these methods fail, and handlers use connections of the application.
    pub fn handler_pool_size(mut self, connections: u32) -> Self {
        self.config.handler_pool_size = connections;
        self
    }

    /// Sets the name of this process in the table of workers: 1 to 256 characters, default `HOST:PROCESS_ID`.
    pub fn worker_name(mut self, name: impl Into<String>) -> Self {
        self.config.worker_name = name.into();
        self
    }

    /// Sets another address to listen for notifications; default is that of the builder. Behind a pooler in transaction
    /// mode, such as PgBouncer, give the builder the pooler's URL, and this method the server's own. Without it, jobs of
    /// other processes are then found by polling. `start` rejects an address behind such a pooler.
    pub fn listen_url(mut self, url: impl Into<String>) -> Self {
        self.config.listen_url = Some(url.into());
        self
    }

    /// Finds jobs of other processes by polling alone, each second unless [`Self::poll_interval`] sets another interval.
    /// For networks that notifications do not pass.
    pub fn without_listen(mut self) -> Self {
        self.config.listen = false;
        self
    }

    /// Fires no crontab line and no stored schedule in this process. Processes with cron fire them. Jobs that cron has added
    /// run here as any others.
    pub fn without_cron(mut self) -> Self {
        self.config.fires = Fires::None;
        self
    }

    /// Expects a schema that is already migrated; `start` fails on another.
    pub fn without_migrations(mut self) -> Self {
        self.config.migrate = false;
        self
    }

    /// Sets how often to look for jobs without a notification: 10 ms to 15 s, default 10 s, or 1 s without LISTEN.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.config.poll_interval = Some(interval);
        self
    }

    /// Sets for how long finished jobs stay in the table `mainspring.history`; default 24 hours. Zero writes no history, which
    /// is faster. Whole days are dropped at once, so a job may stay for up to a day longer.
    pub fn history_retention(mut self, retention: Duration) -> Self {
        self.config.history_retention = retention;
        self
    }

    /// Sets for how long the values stay that handlers have returned; default 24 hours. That of a parent stays until the jobs that wait
    /// for it have ended. With zero, values are deleted within ten minutes.
    pub fn result_retention(mut self, retention: Duration) -> Self {
        self.config.result_retention = retention;
        self
    }

    /// Sets for how long dead jobs stay; default for ever, until a person retries or deletes them.
    pub fn dead_retention(mut self, retention: Duration) -> Self {
        self.config.dead_retention = Some(retention);
        self
    }

    /// Sets how long an enqueue waits for the database: 100 ms to an hour, default 10 s. Each job adds a millisecond, and so
    /// does each KiB of payload. Then the caller receives [`StoreError::TimedOut`](crate::StoreError::TimedOut). An enqueue
    /// whose key another transaction holds may wait longer, see [`Self::key_timeout`].
    pub fn enqueue_timeout(mut self, timeout: Duration) -> Self {
        self.config.enqueue_timeout = timeout;
        self
    }

    /// Sets how many jobs may wait to be stored while the database is slow or away, default 100,000. Beyond it, enqueues fail at
    /// once with [`StoreError::Overloaded`](crate::StoreError::Overloaded). A request that comes alone may have more jobs.
    pub fn max_waiting_jobs(mut self, jobs: usize) -> Self {
        self.config.max_waiting_jobs = jobs;
        self
    }

    /// As [`Self::max_waiting_jobs`], for the size of their payloads: at least 1 KiB, default 128 MiB.
    pub fn max_waiting_bytes(mut self, bytes: usize) -> Self {
        self.config.max_waiting_bytes = bytes;
        self
    }

    /// Sets for how long running jobs may go on after a stop was requested; default 25 seconds. The stop returns within a second
    /// after it, which fits into the 30 seconds that Kubernetes gives a process.
    pub fn grace_period(mut self, period: Duration) -> Self {
        self.config.grace_period = period;
        self
    }

    /// Sets for how long a running job that was cancelled may go on before its future is dropped; default 5 seconds.
    pub fn cancel_grace_period(mut self, period: Duration) -> Self {
        self.config.cancel_grace_period = period;
        self
    }

    /// Sets how long an [`Enqueue`](crate::Enqueue) message waits while another transaction holds its key: 100 ms to a day, by
    /// default 30 s. Then [`StoreError::KeyHeld`](crate::StoreError::KeyHeld) is returned, and nothing was stored. Enqueues on a
    /// connection of your own wait as long as its `lock_timeout` says.
    pub fn key_timeout(mut self, timeout: Duration) -> Self {
        self.config.key_timeout = timeout;
        self
    }

    /// Sets after how long without a heartbeat other processes may take this one's jobs: 1.5 s to a day, default 4 seconds. A
    /// heartbeat is sent five times as often. This process interrupts its own jobs after 0.65 of it.
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.config.heartbeat_timeout = timeout;
        self
    }

    /// Sets what `start` does when the database cannot be reached; default is to wait for up to a minute.
    pub fn start_policy(mut self, policy: StartPolicy) -> Self {
        self.config.start_policy = policy;
        self
    }

    /// Sets what a crash of the database may forget; default [`SettleDurability::Relaxed`].
    pub fn settle_durability(mut self, durability: SettleDurability) -> Self {
        self.config.settle_durability = durability;
        self
    }

    /// Counts the jobs of these queues by name in the statistics, and those of all other queues together: at most 100 names. A
    /// name that ends with `*` stands for all queues that begin so, such as `tenant:*`. By default queues are not counted. Tasks
    /// always are. See [`stats`](mod@crate::stats).
    pub fn count_queues(mut self, queues: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.config.counted_queues.extend(queues.into_iter().map(Into::into));
        self
    }

    /// Sets the limits of a queue at the start, before the first job runs, unless a person has set others. A release with other
    /// limits replaces those of the one before. See [`queues::set_if_absent`](crate::queues::set_if_absent) for the rule.
    ///
    /// `start` fails with [`StoreError::Invalid`](crate::StoreError::Invalid) if a value breaks its limit. A role that
    /// `grant_worker` has prepared may set limits.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mainspring::queues::{QueueSettings, TaskLimit};
    /// use mainspring::{Scheduler, Task};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct SendMail {}
    /// # impl Task for SendMail { const NAME: &'static str = "mail.send"; }
    ///
    /// let builder = Scheduler::builder("postgres://localhost/app")
    ///     .queue_if_absent("reports", QueueSettings::concurrency(5))
    ///     .queue_family_if_absent("tenant:*", QueueSettings::concurrency(3))
    ///     .task_limit_if_absent::<SendMail>(TaskLimit::new().rate(10, Duration::from_secs(1)));
    /// # let _ = builder;
    /// ```
    pub fn queue_if_absent(mut self, queue: impl Into<String>, settings: QueueSettings) -> Self {
        self.limits.push(StartLimit::Queue(queue.into(), settings));
        self
    }

    /// As [`Self::queue_if_absent`], for a family of queues such as `tenant:*`; see [`queues::set_family`](crate::queues::set_family).
    pub fn queue_family_if_absent(mut self, family: impl Into<String>, settings: QueueSettings) -> Self {
        self.limits.push(StartLimit::Family(family.into(), settings));
        self
    }

    /// As [`Self::queue_if_absent`], for the limit of the task `T` over all processes; see
    /// [`queues::set_task_limit`](crate::queues::set_task_limit).
    pub fn task_limit_if_absent<T: Task>(mut self, limit: TaskLimit) -> Self {
        self.limits.push(StartLimit::Task(T::NAME, limit));
        self
    }

    /// Sets the level at which the start and the success of each attempt are logged, two lines an attempt; default
    /// [`log::Level::Info`]. Failures are logged as warnings, deaths as errors, whatever this level is.
    pub fn job_log_level(mut self, level: log::Level) -> Self {
        self.config.job_log_level = level;
        self
    }
}
