//! What a task is, and what a caller may say about one job of it. No database, no actors.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::backoff::Backoff;
use crate::error::StoreError;

/// A kind of work: a message type with a name, and with what holds for its jobs unless they say otherwise. The
/// constants are the same for every job; the functions may look at the payload.
///
/// ```
/// use std::time::Duration;
/// use mainspring::{Enqueue, JobOptions, Task};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct ImportFile { tenant: String, size: u64 }
/// impl Task for ImportFile {
///     const NAME: &'static str = "file.import";
///     const MAX_ATTEMPTS: i16 = 3;
///     // Each tenant has a lane of its own.
///     fn options(&self) -> JobOptions {
///         JobOptions { queue: Some(format!("import:{}", self.tenant)), ..Self::defaults() }
///     }
///     // A second for each megabyte.
///     fn timeout(&self) -> Option<Duration> {
///         Some(Duration::from_secs(30 + self.size / 1_000_000))
///     }
/// }
/// let job = Enqueue::new(ImportFile { tenant: "acme".into(), size: 10 });
/// assert_eq!((job.options().queue.as_deref(), job.options().max_attempts), (Some("import:acme"), 3));
/// ```
///
/// Jobs that are added without their type, from SQL, by a crontab or as [`NewJob`], have the defaults of [`JobOptions`]
/// instead of `QUEUE`, `PRIORITY`, `MAX_ATTEMPTS` and `options`; time-out and back-off hold for every job of the task.
pub trait Task: Serialize {
    /// The task's name, 1 to 128 characters, the same in every process and for as long as jobs of it live.
    const NAME: &'static str;
    /// The lane its jobs run in; default none.
    const QUEUE: Option<&'static str> = None;
    /// Smaller runs first; default 0.
    const PRIORITY: i16 = 0;
    /// After how many failed attempts a job is dead; default 25.
    const MAX_ATTEMPTS: i16 = 25;
    /// After how long an attempt is given up, as a failure; default never.
    const TIMEOUT: Option<Duration> = None;
    /// How long a failed job waits for its next attempt.
    const BACKOFF: Backoff = Backoff::DEFAULT;

    /// The options that [`Enqueue::new`] begins with; default [`Task::defaults`].
    fn options(&self) -> JobOptions {
        Self::defaults()
    }

    /// After how long this job's attempt is given up; default [`Task::TIMEOUT`]. The handler's future is dropped then.
    fn timeout(&self) -> Option<Duration> {
        Self::TIMEOUT
    }

    /// How long this job waits after a failure; default [`Task::BACKOFF`].
    fn backoff(&self) -> Backoff {
        Self::BACKOFF
    }

    /// The options that the constants make.
    fn defaults() -> JobOptions {
        JobOptions {
            queue: Self::QUEUE.map(str::to_owned),
            priority: Self::PRIORITY,
            max_attempts: Self::MAX_ATTEMPTS,
            ..JobOptions::default()
        }
    }
}

/// A batch: a job whose payload is the array of these, for a batch handler of their task. Under a key, jobs that are added
/// while one waits append their entries to it.
impl<T: Task> Task for Vec<T> {
    const NAME: &'static str = T::NAME;
    const QUEUE: Option<&'static str> = T::QUEUE;
    const PRIORITY: i16 = T::PRIORITY;
    const MAX_ATTEMPTS: i16 = T::MAX_ATTEMPTS;
    const TIMEOUT: Option<Duration> = T::TIMEOUT;
    const BACKOFF: Backoff = T::BACKOFF;
}

/// What happens when another living job already holds the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyMode {
    /// The waiting job takes every field of the new one. A running one loses its key and is not
    /// retried, and a new job is added. The default.
    #[default]
    Replace,
    /// As `Replace`, but a job that has not been attempted keeps its `run_at`.
    PreserveRunAt,
    /// The job that holds the key stays as it is, waiting or running, and is answered.
    UnsafeDedupe,
}

impl KeyMode {
    /// The mode's name in SQL and in crontabs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::PreserveRunAt => "preserve_run_at",
            Self::UnsafeDedupe => "unsafe_dedupe",
        }
    }
}

/// A job to be added: the task's payload and the options of this one job.
///
/// ```
/// use mainspring::{Enqueue, Task};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct PublishReport { report_id: String }
/// impl Task for PublishReport { const NAME: &'static str = "report.publish"; }
///
/// let job = Enqueue::new(PublishReport { report_id: "r1".into() }).key("schedule:7").priority(-5);
/// assert_eq!(job.options().priority, -5);
/// ```
#[derive(Debug, Clone)]
pub struct Enqueue<T> {
    task: T,
    options: JobOptions,
}

/// The options of one job, with their defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOptions {
    /// When the job is due; `None`, the default, is now by the database's clock.
    pub run_at: Option<DateTime<Utc>>,
    /// Smaller runs first; default 0.
    pub priority: i16,
    /// The lane the job runs in, 1 to 128 characters; default none.
    pub queue: Option<String>,
    /// After how many failed attempts the job is dead, at least 1; default 25.
    pub max_attempts: i16,
    /// Unique over living jobs, 1 to 512 characters; default none.
    pub key: Option<String>,
    /// What a taken key means; default [`KeyMode::Replace`].
    pub key_mode: KeyMode,
    /// Labels by which a process may leave the job alone, at most 32 of 1 to 128 characters; default none.
    pub flags: Vec<String>,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self {
            run_at: None,
            priority: 0,
            queue: None,
            max_attempts: 25,
            key: None,
            key_mode: KeyMode::Replace,
            flags: Vec::new(),
        }
    }
}

impl<T: Task> Enqueue<T> {
    /// A job of `task` with the options that its task gives it.
    pub fn new(task: T) -> Self {
        let options = task.options();
        Self { task, options }
    }

    /// Makes the job due at `run_at`.
    pub fn run_at(mut self, run_at: DateTime<Utc>) -> Self {
        self.options.run_at = Some(run_at);
        self
    }

    /// Sets the priority; smaller runs first.
    pub fn priority(mut self, priority: i16) -> Self {
        self.options.priority = priority;
        self
    }

    /// Puts the job into a queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.options.queue = Some(queue.into());
        self
    }

    /// Sets how many attempts the job has.
    pub fn max_attempts(mut self, max_attempts: i16) -> Self {
        self.options.max_attempts = max_attempts;
        self
    }

    /// Gives the job a key.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.options.key = Some(key.into());
        self
    }

    /// Says what a taken key means.
    pub fn key_mode(mut self, key_mode: KeyMode) -> Self {
        self.options.key_mode = key_mode;
        self
    }

    /// Gives the job flags: labels by which a process may be told to leave it alone.
    pub fn flags<F: Into<String>>(mut self, flags: impl IntoIterator<Item = F>) -> Self {
        self.options.flags = flags.into_iter().map(Into::into).collect();
        self
    }

    /// The payload.
    pub fn task(&self) -> &T {
        &self.task
    }

    /// The options as they stand.
    pub fn options(&self) -> &JobOptions {
        &self.options
    }
}

impl<T: Task> TryFrom<Enqueue<T>> for NewJob {
    type Error = StoreError;

    fn try_from(enqueue: Enqueue<T>) -> Result<Self, StoreError> {
        let payload = serde_json::to_string(&enqueue.task)
            .map_err(|error| StoreError::Payload { task: T::NAME.into(), source: error.into() })?;
        Ok(Self { task: Cow::Borrowed(T::NAME), payload, options: enqueue.options })
    }
}

/// A job to be added whose task is known by name only: what [`Enqueue`] becomes on its way to the store,
/// and what programs use that do not have the task's type, such as the command line.
///
/// ```
/// use mainspring::{JobOptions, NewJob};
///
/// let job = NewJob::new("report.publish", &serde_json::json!({"report_id": "r1"}))
///     .with_options(JobOptions { priority: -5, ..JobOptions::default() });
/// assert_eq!(job.task(), "report.publish");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    pub(crate) task: Cow<'static, str>,
    pub(crate) payload: String,
    pub(crate) options: JobOptions,
}

impl NewJob {
    /// A job of the task named `task` with default options.
    pub fn new(task: impl Into<Cow<'static, str>>, payload: &serde_json::Value) -> Self {
        Self { task: task.into(), payload: payload.to_string(), options: JobOptions::default() }
    }

    /// A job of the task named `task` whose payload is JSON text, passed on as it is: no number loses a digit.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when the text is not JSON.
    pub fn from_json(task: impl Into<Cow<'static, str>>, payload: &str) -> Result<Self, StoreError> {
        let json: &RawValue = serde_json::from_str(payload)
            .map_err(|error| StoreError::Invalid(format!("payload must be JSON, got {error}")))?;
        Ok(Self { task: task.into(), payload: json.get().to_owned(), options: JobOptions::default() })
    }

    /// The same job with other options.
    pub fn with_options(mut self, options: JobOptions) -> Self {
        self.options = options;
        self
    }

    /// The task's name.
    pub fn task(&self) -> &str {
        &self.task
    }

    /// The payload as JSON text.
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// The options as they stand.
    pub fn options(&self) -> &JobOptions {
        &self.options
    }
}
