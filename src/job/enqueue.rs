//! Jobs to be added: of a task whose type is known, and of one that is known by its name only.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use super::constants::Constants;
use super::options::{JobOptions, option_setters};
use super::payload::{character_problem, check_depth, encode, text_of};
use super::task::Task;
use crate::error::{Problem, StoreError};
use crate::spans::current_context;

/// A job to be added: the task's payload and the options of this one job. As a message to the
/// [`QueueActor`](crate::QueueActor), its result is the job's id.
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
/// assert_eq!(job.options().priority, Some(-5));
/// ```
#[derive(Clone)]
#[must_use = "a job is added only once it is given to `enqueue`, `insert` or the QueueActor"]
pub struct Enqueue<T> {
    task: T,
    options: JobOptions,
}

impl<T: Task> Enqueue<T> {
    /// Creates a job of `task` with the options of [`Task::options`], and what they leave open from the constants of the task.
    pub fn new(task: T) -> Self {
        let options = traced(Constants::options_of(&task));
        Self { task, options }
    }

    option_setters!(options.);

    /// Returns the payload.
    pub fn task(&self) -> &T {
        &self.task
    }

    /// Returns the options that are set so far.
    pub fn options(&self) -> &JobOptions {
        &self.options
    }
}

/// Without the payload, whose values belong into no log.
impl<T: Task> fmt::Debug for Enqueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enqueue")
            .field("task", &T::NAME)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<T: Task> TryFrom<Enqueue<T>> for NewJob {
    type Error = StoreError;

    fn try_from(enqueue: Enqueue<T>) -> Result<Self, StoreError> {
        let payload = encode(T::NAME, &enqueue.task)?;
        let (task, options) = (Cow::Borrowed(T::NAME), enqueue.options);
        Ok(Self { task, payload, options, defaults: Defaults::OfDatabase })
    }
}

/// A job to be added whose task is known by name only. [`Enqueue`] becomes one on its way to the store. Programs that do
/// not have the task's type, such as the command line, create it directly.
///
/// ```
/// use mainspring::NewJob;
///
/// let job = NewJob::new("report.publish", &serde_json::json!({"report_id": "r1"})).priority(-5);
/// assert_eq!((job.task(), job.options().priority), ("report.publish", Some(-5)));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use = "a job is added only once it is given to `insert` or `enqueue_many`"]
pub struct NewJob {
    pub(crate) task: Cow<'static, str>,
    pub(crate) payload: String,
    pub(crate) options: JobOptions,
    pub(crate) defaults: Defaults,
}

/// Where the options of a job come from that it leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defaults {
    /// The task's type is known, and its options are among those of the job.
    OfDatabase,
    /// From the constants of the task's type, as far as this process or a worker knows it, then from the database.
    OfTask,
}

impl NewJob {
    /// Creates a job of the task named `task` with the options of its task: those of the handler of this process, or those that
    /// workers have published. Each that neither knows has the default of [`JobOptions`].
    pub fn new(task: impl Into<Cow<'static, str>>, payload: &serde_json::Value) -> Self {
        let (task, payload) = (task.into(), text_of(payload));
        Self { task, payload, options: traced(JobOptions::new()), defaults: Defaults::OfTask }
    }

    /// Creates a job of the task named `task` from a payload that is JSON text. The text is passed on unchanged, so no
    /// number loses a digit.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when the text is not JSON, is nested more than 127 deep, or has the character NUL or half of a
    /// surrogate pair.
    pub fn from_json(task: impl Into<Cow<'static, str>>, payload: &str) -> Result<Self, StoreError> {
        let json: &RawValue =
            serde_json::from_str(payload).map_err(|error| Problem::new("payload", "must be JSON", error))?;
        check_depth(json.get())?;
        if let Some(problem) = character_problem("payload", json.get()) {
            return Err(problem.into());
        }
        let (task, payload) = (task.into(), json.get().to_owned());
        Ok(Self { task, payload, options: traced(JobOptions::new()), defaults: Defaults::OfTask })
    }

    option_setters!(options.);

    /// Replaces all options. A trace context stays, unless the options have one.
    pub fn with_options(mut self, mut options: JobOptions) -> Self {
        options.trace_context = options.trace_context.or(self.options.trace_context);
        self.options = options;
        self
    }

    /// Returns the task's name.
    #[must_use]
    pub fn task(&self) -> &str {
        &self.task
    }

    /// Returns the payload as JSON text.
    #[must_use]
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// Returns the options that are set so far.
    pub fn options(&self) -> &JobOptions {
        &self.options
    }
}

// A job belongs to the trace of the span in which it is created. As a message it is stored elsewhere, where no span is open.
fn traced(mut options: JobOptions) -> JobOptions {
    options.trace_context = options.trace_context.or_else(current_context);
    options
}

/// With the size of the payload, whose values belong into no log.
impl fmt::Debug for NewJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewJob")
            .field("task", &self.task)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .field("options", &self.options)
            .finish()
    }
}
