//! What handlers may return, and its conversion into what an attempt reports.

use std::error::Error;

use serde::Serialize;

use super::error::JobError;
use super::value::JobValue;

/// What a handler returns: done, or why not. A handler may return any [`IntoJobResult`].
pub type JobResult = Result<(), JobError>;

/// What a batch handler returns: a result for each entry in their order, or why the whole batch failed. A batch handler may
/// return any [`IntoBatchResult`].
pub type BatchResult = Result<Vec<JobResult>, JobError>;

/// What a handler may return: `()`, or a `Result` of any value and any error.
///
/// A value is kept as the result of its job, where its type is not `()`: [`Jobs::outcome`](crate::Jobs::outcome) returns it, and
/// [`JobContext::parents`](crate::JobContext::parents) gives it to the jobs that have waited for this one. It implements
/// [`Serialize`], and has at most 1 MiB as JSON.
///
/// An error is anything that converts into a [`JobError`]: any type that implements [`Error`] and is `Send` and `Sync`, strings,
/// `anyhow::Error`, and boxed errors. A [`JobError`] inside of it keeps what happens to the job, see
/// [`JobFailure`](crate::JobFailure).
///
/// `Via` is found by the compiler. In a closure it has to learn the error's type, as in `Ok::<_, JobError>(())`.
///
/// ```
/// use mainspring::{JobContext, Scheduler, Task};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct CountWords { file: String }
/// impl Task for CountWords { const NAME: &'static str = "words.count"; }
///
/// async fn count_words(task: CountWords, _: JobContext) -> std::io::Result<usize> {
///     Ok(std::fs::read_to_string(task.file)?.split_whitespace().count())
/// }
/// let builder = Scheduler::builder("postgres://localhost/app").handler(count_words);
/// # let _ = builder;
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "not a result that a handler may return",
    note = "a handler returns `()` or a `Result<T, E>`. `T` implements `serde::Serialize`. `E` is a `JobError`, a type that \
            implements `std::error::Error + Send + Sync + 'static`, a string, an `anyhow::Error` or a boxed error"
)]
pub trait IntoJobResult<Via = AnyError> {
    /// Converts the value.
    ///
    /// # Errors
    ///
    /// The error of the value, or that of [`JobValue::of`].
    fn into_job_result(self) -> Result<JobValue, JobError>;
}

/// What a batch handler may return: a `Result` of any error and a vector, with one [`IntoJobResult`] for each entry. See
/// [`SchedulerBuilder::batch_handler`](crate::SchedulerBuilder::batch_handler).
#[diagnostic::on_unimplemented(
    message = "a batch handler cannot return `{Self}`",
    label = "not a result that a batch handler may return",
    note = "a batch handler returns `Result<Vec<Result<T, E>>, E>`: a result for each entry, or why the whole batch failed"
)]
pub trait IntoBatchResult<Via = (AnyError, AnyError)> {
    /// Converts the value.
    ///
    /// # Errors
    ///
    /// The error of the whole batch.
    fn into_batch_result(self) -> BatchResult;
}

/// Any error that converts into a [`JobError`] by itself.
#[derive(Debug, Clone, Copy)]
pub struct AnyError;

/// A boxed error that need not be `Send`. It has no conversion of its own, because that would overlap with the other one.
#[derive(Debug, Clone, Copy)]
pub struct BoxedError;

impl IntoJobResult for () {
    fn into_job_result(self) -> Result<JobValue, JobError> {
        Ok(JobValue::NONE)
    }
}

impl<T: Serialize, E: Into<JobError>> IntoJobResult for Result<T, E> {
    fn into_job_result(self) -> Result<JobValue, JobError> {
        JobValue::of(&self.map_err(Into::into)?)
    }
}

impl<T: Serialize> IntoJobResult<BoxedError> for Result<T, Box<dyn Error>> {
    fn into_job_result(self) -> Result<JobValue, JobError> {
        JobValue::of(&self.map_err(|error| JobError::of_chain(error.as_ref()))?)
    }
}

impl<R, E, Each> IntoBatchResult<(AnyError, Each)> for Result<Vec<R>, E>
where
    R: IntoJobResult<Each>,
    E: Into<JobError>,
{
    fn into_batch_result(self) -> BatchResult {
        Ok(all(self.map_err(Into::into)?))
    }
}

impl<R, Each> IntoBatchResult<(BoxedError, Each)> for Result<Vec<R>, Box<dyn Error>>
where
    R: IntoJobResult<Each>,
{
    fn into_batch_result(self) -> BatchResult {
        Ok(all(self.map_err(|error| JobError::of_chain(error.as_ref()))?))
    }
}

fn all<R: IntoJobResult<Via>, Via>(results: Vec<R>) -> Vec<JobResult> {
    results.into_iter().map(|result| result.into_job_result().map(drop)).collect()
}
