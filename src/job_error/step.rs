//! Why a step of a job was not done, or is not known to be.

use std::fmt;

use thiserror::Error;

use super::error::{JobError, JobFailure};
use crate::error::StoreError;
#[cfg(feature = "sealed")]
use crate::sealed::SealError;
use crate::text::one_line;

/// Why [`JobContext::step`](crate::JobContext::step) has no value. It converts into a [`JobError`] with `?`. It fails the attempt, but
/// for three variants: `NotOpened` holds the job, [`Failed`](Self::Failed) does to the job what the error of the closure says, and [`Store`](Self::Store) spends no
/// attempt if the database was out of reach. No text holds a value.
///
/// ```
/// use mainspring::{JobContext, JobError, JobResult, StepError};
///
/// async fn order(job: JobContext) -> JobResult {
///     let paid = job.step("charge", || async { Ok(charge().await?) }).await;
///     if let Err(StepError::Changed { position, .. }) = &paid {
///         println!("step {position} was another one before the deploy");
///     }
///     let _receipt: String = paid?;
///     Ok(())
/// }
/// # async fn charge() -> std::io::Result<String> { Ok(String::new()) }
/// # let _ = order;
/// ```
#[derive(Error)]
#[non_exhaustive]
pub enum StepError {
    /// The closure has failed. Nothing was stored. The step may be tried again in the same attempt.
    #[error(transparent)]
    Failed(JobFailure),
    /// The call breaks a rule: a limit, one step after the other, or a name for each step. The closure was not called, unless its value
    /// is too large or has no JSON.
    #[error("step `{}` {problem}", one_line(.step))]
    #[non_exhaustive]
    Refused {
        /// The step that was asked for.
        step: String,
        /// The rule, and what came.
        problem: String,
    },
    /// The job has done other steps before than the program now asks for. A deploy has changed their names or their order, or they
    /// depend on something else than the payload and the values of steps. The closure was not called.
    #[error(
        "the program asks for `{}` as step {position}, and job {job} has done `{}` as step {stored_position}: give the steps their \
         old names and order, let the program before the deploy end the job, or begin again by `mainspring jobs clear-steps {job}`",
        one_line(.step), one_line(.stored)
    )]
    #[non_exhaustive]
    Changed {
        /// The job.
        job: i64,
        /// The step that was asked for.
        step: String,
        /// Its place among the steps that this attempt has begun, counted from 1.
        position: i32,
        /// The step that was done in that place, or the one that was asked for, if that was done in another place.
        stored: String,
        /// The place in which that was done.
        stored_position: i32,
    },
    /// The step was done, and its value does not fit the type that the program now expects.
    #[error("step `{}` is done, and its value does not fit `{type_name}`{fault}", one_line(.step))]
    #[non_exhaustive]
    Unreadable {
        /// The step.
        step: String,
        /// The type that the program expects.
        type_name: &'static str,
        /// Where the value differs, by the path and the types.
        fault: String,
    },
    /// The step was done, and its sealed value cannot be opened. The error holds the job.
    #[cfg(feature = "sealed")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sealed")))]
    #[error("step `{}` is done, and its value cannot be opened", one_line(.step))]
    #[non_exhaustive]
    NotOpened {
        /// The step.
        step: String,
        /// Why.
        #[source]
        error: SealError,
    },
    /// The job is no longer this worker's. Nothing was stored, and the transaction of the step was rolled back.
    #[error("step `{}` is not stored: the job is no longer this worker's", one_line(.step))]
    #[non_exhaustive]
    LeaseLost {
        /// The step.
        step: String,
    },
    /// The database refused, or was out of reach. [`StoreError::stored`] says whether the step may be stored.
    #[error("step `{}` cannot be read or stored", one_line(.step))]
    #[non_exhaustive]
    Store {
        /// The step.
        step: String,
        /// What the database has reported.
        #[source]
        error: StoreError,
    },
}

impl StepError {
    pub(crate) fn failed(error: JobError) -> Self {
        Self::Failed(error.into_error())
    }

    pub(crate) fn refused(step: &str, problem: impl Into<String>) -> Self {
        Self::Refused { step: step.to_owned(), problem: problem.into() }
    }
}

/// As `Display`: this is what a program prints whose `main` returns the error.
impl fmt::Debug for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
