//! How one scheduler is set up: plain values with defaults, checked once. No database, no actors.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Clock;
use crate::cron::CronEntry;
use crate::flags::ForbiddenFlags;
use crate::lifecycle::History;
use crate::pooling::{FoundPooling, Pooling};
use crate::schema::Schema;
#[cfg(feature = "testing")]
use crate::test_hooks::TestHooks;

/// What `start` does when the database cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartPolicy {
    /// `start` returns the error at once.
    FailAtOnce,
    /// `start` tries again with a growing pause, and returns the error after this long. A refusal that waiting cannot
    /// cure, such as a wrong password, is returned at once.
    WaitFor(Duration),
}

/// What a crash of the database may forget about jobs that had been claimed or finished in its last moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SettleDurability {
    /// The default: claims and completions are written with `synchronous_commit = off`. After a crash or a failover of
    /// the database, a job that finished in its last fraction of a second may run again. A crash of the application
    /// has no such effect. Enqueues are always durable.
    #[default]
    Relaxed,
    /// Claims and completions wait for the disk as well, and for a synchronous standby.
    Durable,
}

/// Whether a process fires schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fires {
    WhenDue,
    None,
}

/// What a process does with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It registers, and runs what it has handlers for.
    Worker,
    /// It calls verbs, and runs nothing.
    Client,
}

#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) database_url: String,
    /// Where to listen for notifications, if not at the same address.
    pub(crate) listen_url: Option<String>,
    /// What stands at `database_url`.
    pub(crate) pooling: FoundPooling,
    pub(crate) schema: Schema,
    pub(crate) worker_name: String,
    pub(crate) concurrency: usize,
    pub(crate) worker_threads: usize,
    pub(crate) pool_size: u32,
    pub(crate) handler_pool_size: u32,
    pub(crate) listen: bool,
    pub(crate) migrate: bool,
    pub(crate) poll_interval: Option<Duration>,
    pub(crate) history_retention: Duration,
    pub(crate) dead_retention: Option<Duration>,
    pub(crate) result_retention: Duration,
    pub(crate) grace_period: Duration,
    pub(crate) cancel_grace_period: Duration,
    pub(crate) heartbeat_timeout: Duration,
    /// How long an enqueue waits for a key that another transaction holds.
    pub(crate) key_timeout: Duration,
    /// How long an enqueue waits for the database.
    pub(crate) enqueue_timeout: Duration,
    /// How many jobs may wait to be stored, and the size of their payloads.
    pub(crate) max_waiting_jobs: usize,
    pub(crate) max_waiting_bytes: usize,
    pub(crate) start_policy: StartPolicy,
    pub(crate) settle_durability: SettleDurability,
    pub(crate) job_log_level: log::Level,
    pub(crate) crontab: Vec<CronEntry>,
    pub(crate) fires: Fires,
    pub(crate) part: Part,
    /// How many jobs of a task may run at once in this process.
    pub(crate) task_limits: BTreeMap<String, usize>,
    /// The queues, or the beginnings of their names before `*`, whose jobs are counted.
    pub(crate) counted_queues: Vec<String>,
    pub(crate) forbidden_flags: ForbiddenFlags,
    /// How long a job waits to count as one priority better.
    pub(crate) age_every: Option<Duration>,
    /// Distinguishes this scheduler's notifications, and its row, from those of others.
    pub(crate) origin: i64,
    pub(crate) clock: Clock,
    #[cfg(feature = "testing")]
    pub(crate) test: Option<TestHooks>,
}

/// A stop returns within this time after the grace period.
pub(crate) const AFTER_GRACE: Duration = Duration::from_secs(1);

#[cfg(feature = "testing")]
const FENCE_TIMEOUT_OF_TESTS: Duration = Duration::from_secs(24 * 60 * 60);

// With LISTEN a poll is only the safety net; without it, it is how jobs of other processes are found.
const POLL_BESIDE_LISTEN: Duration = Duration::from_secs(10);
const POLL_ALONE: Duration = Duration::from_secs(1);

impl Config {
    pub(crate) fn new(database_url: String) -> Self {
        Self {
            database_url,
            listen_url: None,
            pooling: FoundPooling::default(),
            schema: Schema::default(),
            worker_name: format!("{}:{}", host_name(), std::process::id()),
            concurrency: 10,
            worker_threads: std::thread::available_parallelism().map_or(1, usize::from),
            pool_size: 5,
            handler_pool_size: 10,
            listen: true,
            migrate: true,
            poll_interval: None,
            history_retention: Duration::from_secs(24 * 60 * 60),
            dead_retention: None,
            result_retention: Duration::from_secs(24 * 60 * 60),
            grace_period: Duration::from_secs(25),
            cancel_grace_period: Duration::from_secs(5),
            heartbeat_timeout: Duration::from_secs(4),
            key_timeout: Duration::from_secs(30),
            enqueue_timeout: Duration::from_secs(10),
            max_waiting_jobs: 100_000,
            max_waiting_bytes: 128 << 20,
            start_policy: StartPolicy::WaitFor(Duration::from_secs(60)),
            settle_durability: SettleDurability::Relaxed,
            job_log_level: log::Level::Info,
            crontab: Vec::new(),
            fires: Fires::WhenDue,
            part: Part::Worker,
            task_limits: BTreeMap::new(),
            counted_queues: Vec::new(),
            forbidden_flags: ForbiddenFlags::default(),
            age_every: None,
            origin: fastrand::i64(1..),
            clock: Clock::default(),
            #[cfg(feature = "testing")]
            test: None,
        }
    }

    /// Returns what is wrong with the first invalid value, and what was expected.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let in_range = |name: &str, value: u64, least: u64, most: u64| {
            (least..=most)
                .contains(&value)
                .then_some(())
                .ok_or_else(|| format!("{name} must be {least} to {most}, got {value}"))
        };
        if self.database_url.trim().is_empty() {
            return Err("database_url must name a PostgreSQL database, got an empty text".into());
        }
        if self.listen_url.as_deref().is_some_and(|url| url.trim().is_empty()) {
            return Err("listen_url must name a PostgreSQL database, got an empty text".into());
        }
        in_range("concurrency", self.concurrency as u64, 1, 100_000)?;
        in_range("worker_threads", self.worker_threads as u64, 1, 1_024)?;
        in_range("pool_size", u64::from(self.pool_size), 1, 1_000)?;
        in_range("handler_pool_size", u64::from(self.handler_pool_size), 0, 1_000)?;
        in_range("worker_name length", self.worker_name.chars().count() as u64, 1, 256)?;
        in_range("key_timeout in milliseconds", millis(self.key_timeout), 100, 86_400_000)?;
        in_range("enqueue_timeout in milliseconds", millis(self.enqueue_timeout), 100, 3_600_000)?;
        in_range("max_waiting_jobs", self.max_waiting_jobs as u64, 1, u64::from(u32::MAX))?;
        in_range("max_waiting_bytes", self.max_waiting_bytes as u64, 1_024, 1 << 40)?;
        in_range("heartbeat_timeout in milliseconds", millis(self.heartbeat_timeout), 1_500, 86_400_000)?;
        for (task, limit) in &self.task_limits {
            in_range(&format!("limit of task `{task}`"), *limit as u64, 1, 100_000)?;
        }
        in_range("count_queues", self.counted_queues.len() as u64, 0, 100)?;
        if let Some(queue) =
            self.counted_queues.iter().find(|queue| !(1..=128).contains(&queue.chars().count()))
        {
            return Err(format!("a counted queue must have 1 to 128 characters, got `{queue}`"));
        }
        if let Some(step) = self.age_every {
            in_range("ageing in milliseconds", millis(step), 1, 86_400_000)?;
        }
        // Above 20 seconds, jobs due soon could be missed: see the SQL function mainspring.wake.
        in_range("poll_interval in milliseconds", millis(self.poll_interval()), 10, 15_000)
    }

    /// The names of the crontab lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.crontab.iter().map(|line| line.identifier.clone()).collect()
    }

    /// Whether notifications can come. A pooler that lends sessions passes none on.
    pub(crate) fn listens(&self) -> bool {
        self.listen && (self.listen_url.is_some() || self.pooling.get() != Pooling::Transactions)
    }

    /// Whether heartbeats may go past a pooler that lends sessions, so that they wait for none.
    pub(crate) fn beats_directly(&self) -> bool {
        self.listens() && self.listen_url.is_some() && self.pooling.get() == Pooling::Transactions
    }

    /// How many connections at once `database_url` must grant. One is for heartbeats, another one for all other statements.
    pub(crate) fn connections_needed(&self) -> usize {
        if self.listens() && self.listen_url.is_none() { 3 } else { 2 }
    }

    pub(crate) fn listen_url(&self) -> &str {
        self.listen_url.as_deref().unwrap_or(&self.database_url)
    }

    pub(crate) fn poll_interval(&self) -> Duration {
        self.poll_interval.unwrap_or(if self.listens() { POLL_BESIDE_LISTEN } else { POLL_ALONE })
    }

    /// A fifth of the time-out, so that two may be missed before the worker fences.
    pub(crate) fn heartbeat_interval(&self) -> Duration {
        self.heartbeat_timeout / 5
    }

    /// The time-out that the fence goes by. A test has no other process, and may be held up by a debugger or a busy machine.
    pub(crate) fn fence_timeout(&self) -> Duration {
        #[cfg(feature = "testing")]
        if self.test.is_some() {
            return FENCE_TIMEOUT_OF_TESTS;
        }
        self.heartbeat_timeout
    }

    /// How many jobs each worker thread runs at once; together they make the concurrency.
    pub(crate) fn shares(&self) -> Vec<usize> {
        let threads = self.worker_threads.min(self.concurrency);
        let (each, rest) = (self.concurrency / threads, self.concurrency % threads);
        (0..threads).map(|index| each + usize::from(index < rest)).collect()
    }

    pub(crate) fn history(&self) -> History {
        if self.history_retention.is_zero() { History::Skip } else { History::Keep }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn host_name() -> String {
    let from_file = std::fs::read_to_string("/etc/hostname").ok();
    let named = std::env::var("HOSTNAME").ok().or(from_file).map(|name| name.trim().to_owned());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "worker".into())
}
