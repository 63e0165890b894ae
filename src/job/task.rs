//! What a task is. No database, no actors.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::options::JobOptions;
use crate::backoff::Backoff;
use crate::job_error::JobError;

/// A type of job: a serializable message with a name and default options. The constants are the same for every job of the
/// task; the functions may read the payload.
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
///     const MAX_ATTEMPTS: Option<i16> = Some(3);
///     // Each tenant has a queue of its own.
///     fn options(&self) -> JobOptions {
///         Self::defaults().queue(format!("import:{}", self.tenant))
///     }
///     // A second for each megabyte.
///     fn timeout(&self) -> Option<Duration> {
///         Some(Duration::from_secs(30 + self.size / 1_000_000))
///     }
/// }
/// let job = Enqueue::new(ImportFile { tenant: "acme".into(), size: 10 });
/// assert_eq!((job.options().queue.as_deref(), job.options().max_attempts), (Some("import:acme"), Some(3)));
/// ```
///
/// `QUEUE`, `PRIORITY` and `MAX_ATTEMPTS` hold for all jobs of the task, however they are added. Workers publish them in the
/// database when they start, for callers that do not have the type: SQL, the command line, stored schedules, crontab text and
/// [`NewJob`](crate::NewJob). Only callers that have the type call [`Task::options`]. Time-out and back-off hold for every job.
/// The chapter [tasks](mod@crate::guide::tasks) lists which value wins.
///
/// A type without a name is no task, which the compiler reports with the line that is missing:
///
/// ```compile_fail,E0277
/// #[derive(serde::Serialize)]
/// struct Nameless;
/// let job = mainspring::Enqueue::new(Nameless);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no task",
    label = "`mainspring::Task` is not implemented for this type",
    note = "a task derives `Serialize` and `Deserialize`, and has a name: \
            `impl mainspring::Task for {Self} {{ const NAME: &'static str = \"..\"; }}`",
    note = "the first argument of a handler is its task, the second is `mainspring::JobContext`"
)]
pub trait Task: Serialize {
    /// The task's name, 1 to 128 characters. It is the same in every process, for as long as jobs of the task live.
    const NAME: &'static str;
    /// The version of the task, at least 0, for deploys in which old and new processes run side by side. Default 0. Raise it with a
    /// change of the constants, or of the payload that old programs cannot read.
    ///
    /// - Each job stores the version of the program that has added it. A process whose version is lower leaves the job alone. One whose
    ///   version is higher upgrades the payload, see [`Task::upgrade`].
    /// - What the newer version publishes holds. At the same version the process that starts last publishes.
    const VERSION: i32 = 0;
    /// The queue of the task's jobs; default none. No way in puts a job of the task into no queue. If some jobs need none, leave
    /// it open, and set the queue of the others in [`Task::options`].
    const QUEUE: Option<&'static str> = None;
    /// The priority, smaller runs first. `None` is the default of the database, 0.
    const PRIORITY: Option<i16> = None;
    /// After how many failed attempts a job is dead. `None` is the default of the database, 25.
    const MAX_ATTEMPTS: Option<i16> = None;
    /// After how long an attempt fails as timed out; default never.
    const TIMEOUT: Option<Duration> = None;
    /// How long a failed job waits for its next attempt.
    const BACKOFF: Backoff = Backoff::DEFAULT;

    /// Returns the options that [`Enqueue::new`](crate::Enqueue::new), [`Cron::new`](crate::Cron::new) and
    /// [`NewSchedule::of`](crate::NewSchedule::of) begin with; default [`Task::defaults`]. The constants set what it leaves open.
    fn options(&self) -> JobOptions {
        Self::defaults()
    }

    /// Returns after how long an attempt of this job fails as timed out; default [`Task::TIMEOUT`]. The handler's future
    /// is dropped then.
    fn timeout(&self) -> Option<Duration> {
        Self::TIMEOUT
    }

    /// Returns how long this job waits after a failure; default [`Task::BACKOFF`].
    fn backoff(&self) -> Backoff {
        Self::BACKOFF
    }

    /// Returns the payload of an older version `from` as the present type reads it; default unchanged. It is called before each attempt
    /// of such a job. The row keeps the payload as it was stored. Integers beyond 64 bits arrive as floating point.
    ///
    /// ```
    /// use mainspring::{JobError, Task};
    /// use serde::{Deserialize, Serialize};
    /// use serde_json::Value;
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct SendMail { recipients: Vec<String> }
    /// impl Task for SendMail {
    ///     const NAME: &'static str = "mail.send";
    ///     const VERSION: i32 = 1;
    ///     // Version 0 had one recipient, `to`.
    ///     fn upgrade(from: i32, mut payload: Value) -> Result<Value, JobError> {
    ///         if from < 1 {
    ///             payload["recipients"] = Value::from(vec![payload["to"].take()]);
    ///         }
    ///         Ok(payload)
    ///     }
    /// }
    /// let upgraded = SendMail::upgrade(0, serde_json::json!({"to": "ada"})).unwrap();
    /// assert_eq!(upgraded["recipients"], serde_json::json!(["ada"]));
    /// ```
    ///
    /// # Errors
    ///
    /// An error that would be tried again holds the job instead, as a payload does that does not fit its type.
    fn upgrade(from: i32, payload: Value) -> Result<Value, JobError> {
        let _ = from;
        Ok(payload)
    }

    /// Returns the options that the constants describe.
    fn defaults() -> JobOptions {
        let mut options = JobOptions::new();
        options.queue = Self::QUEUE.map(str::to_owned);
        options.priority = Self::PRIORITY;
        options.max_attempts = Self::MAX_ATTEMPTS;
        options.version = (Self::VERSION > 0).then_some(Self::VERSION);
        options
    }
}

/// A batch: a job whose payload is an array of entries, for a batch handler of their task. Under a key, jobs that are
/// added while one waits append their entries to it.
impl<T: Task> Task for Vec<T> {
    const NAME: &'static str = T::NAME;
    const VERSION: i32 = T::VERSION;
    const QUEUE: Option<&'static str> = T::QUEUE;
    const PRIORITY: Option<i16> = T::PRIORITY;
    const MAX_ATTEMPTS: Option<i16> = T::MAX_ATTEMPTS;
    const TIMEOUT: Option<Duration> = T::TIMEOUT;
    const BACKOFF: Backoff = T::BACKOFF;

    fn upgrade(from: i32, payload: Value) -> Result<Value, JobError> {
        let Value::Array(entries) = payload else { return T::upgrade(from, payload) };
        entries.into_iter().map(|entry| T::upgrade(from, entry)).collect()
    }
}
