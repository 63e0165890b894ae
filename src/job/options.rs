//! The options of one job, and their setters, which every type that holds options shares.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::key_mode::KeyMode;
use super::wait::Wait;
use crate::trace::TraceContext;

/// The options of one job. An option that is not set has its default, which the database holds.
///
/// ```
/// use mainspring::JobOptions;
///
/// let options = JobOptions::new().queue("mails").priority(-5);
/// assert_eq!((options.queue.as_deref(), options.priority), (Some("mails"), Some(-5)));
/// assert_eq!(options.max_attempts, None, "the default of the database");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "options do nothing until a job has them"]
pub struct JobOptions {
    /// When the job is due. The default is now, by the database's clock.
    pub run_at: Option<DateTime<Utc>>,
    /// How long after it is stored the job is due, by the database's clock, at most 100 years. It takes the place of `run_at`.
    pub run_in: Option<Duration>,
    /// The priority; smaller runs first. The default is 0.
    pub priority: Option<i16>,
    /// The queue that the job belongs to, 1 to 128 characters. The default is none.
    pub queue: Option<String>,
    /// After how many failed attempts the job is dead, at least 1. The default is 25.
    pub max_attempts: Option<i16>,
    /// The key, unique over living jobs, 1 to 512 characters. The default is none.
    pub key: Option<String>,
    /// What a taken key means. The default is [`KeyMode::Replace`].
    pub key_mode: KeyMode,
    /// Labels by which a process may leave the job alone, at most 32 of 1 to 128 characters. The default is none.
    pub flags: Vec<String>,
    /// The version of the task that the payload is of, at least 0. The default is [`Task::VERSION`](crate::Task::VERSION) of the task's
    /// type, and for a task that is known by name only the version that its workers have published.
    pub version: Option<i32>,
    /// What the job waits for before it may run, at most 100,000 jobs and signals. The default is nothing.
    pub waits: Vec<Wait>,
    /// The span to whose trace the job belongs. The default is the span in which the job is created, once a
    /// [`Propagator`](crate::guide::observability) is set, and else none.
    pub trace_context: Option<TraceContext>,
}

impl JobOptions {
    /// Creates options that have their defaults.
    pub fn new() -> Self {
        Self::default()
    }
}

/// The setters that a line of a crontab has too. The argument is the path from `self` to the options.
macro_rules! common_setters {
    ($($path:ident.)*) => {
        /// Puts the job into a queue, 1 to 128 characters; default none.
        pub fn queue(mut self, queue: impl Into<String>) -> Self {
            self.$($path.)*queue = Some(queue.into());
            self
        }

        /// Sets the priority; smaller runs first; default 0.
        pub fn priority(mut self, priority: i16) -> Self {
            self.$($path.)*priority = Some(priority);
            self
        }

        /// Sets after how many failed attempts the job is dead, at least 1; default 25.
        pub fn max_attempts(mut self, max_attempts: i16) -> Self {
            self.$($path.)*max_attempts = Some(max_attempts);
            self
        }

        /// Sets the key, unique over living jobs, 1 to 512 characters; default none.
        pub fn key(mut self, key: impl Into<String>) -> Self {
            self.$($path.)*key = Some(key.into());
            self
        }

        /// Sets what a taken key means; default [`KeyMode::Replace`](crate::KeyMode::Replace).
        pub fn key_mode(mut self, key_mode: crate::job::KeyMode) -> Self {
            self.$($path.)*key_mode = key_mode;
            self
        }
    };
}

/// All setters of a job's options. The argument is the path from `self` to the options.
macro_rules! option_setters {
    ($($path:ident.)*) => {
        $crate::job::common_setters!($($path.)*);

        /// Makes the job due at `run_at`; default now, by the database's clock.
        pub fn run_at(mut self, run_at: chrono::DateTime<chrono::Utc>) -> Self {
            self.$($path.)*run_at = Some(run_at);
            self.$($path.)*run_in = None;
            self
        }

        /// Makes the job due so long after it is stored, by the database's clock, at most 100 years; default at once.
        pub fn run_in(mut self, delay: std::time::Duration) -> Self {
            self.$($path.)*run_in = Some(delay);
            self.$($path.)*run_at = None;
            self
        }

        /// Gives the job flags: labels by which a process may leave it alone, at most 32 of 1 to 128 characters.
        pub fn flags<F: Into<String>>(mut self, flags: impl IntoIterator<Item = F>) -> Self {
            self.$($path.)*flags = flags.into_iter().map(Into::into).collect();
            self
        }

        /// Sets the version of the task that the payload is of, at least 0; default the version of the task's type. A process whose
        /// version of the task is lower leaves the job alone, and one whose version is higher upgrades the payload. See
        /// [`Task::upgrade`](crate::Task::upgrade).
        pub fn version(mut self, version: i32) -> Self {
            self.$($path.)*version = Some(version);
            self
        }

        /// Lets the job wait until another one has succeeded, by its id, or for a signal; default for nothing. Can be called several
        /// times. The job waits for its time and its queue too. See [`Wait`](crate::Wait).
        pub fn after(mut self, wait: impl Into<$crate::job::Wait>) -> Self {
            self.$($path.)*waits.push(wait.into());
            self
        }

        /// Lets the job wait for each of these, as [`after`](Self::after) does.
        pub fn after_all<W: Into<$crate::job::Wait>>(mut self, waits: impl IntoIterator<Item = W>) -> Self {
            self.$($path.)*waits.extend(waits.into_iter().map(Into::into));
            self
        }

        /// Sets the span to whose trace the job belongs, such as the parsed header of a request. With `None` the job begins a trace
        /// of its own. The default is the span in which the job is created, if the application has set a propagator.
        pub fn trace_context(mut self, context: impl Into<Option<$crate::trace::TraceContext>>) -> Self {
            self.$($path.)*trace_context = context.into();
            self
        }
    };
}

pub(crate) use {common_setters, option_setters};

impl JobOptions {
    option_setters!();
}
