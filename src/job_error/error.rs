//! What a handler returns when an attempt did not succeed. Knows nothing of rows, and of the store only when it was out of reach.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use diesel::result::Error as DieselError;

use crate::error::{SchedulerError, StoreError, shows_outage};

/// Why an attempt did not succeed, and what happens next. Any error converts into it with `?` and is retried after the
/// back-off. The constructors choose another delay, or snooze, cancel or discard the job.
///
/// An error is not the handler's fault where it, or one of its sources, is a [`StoreError`] or [`SchedulerError`] about a
/// database that is out of reach, Diesel's error of a lost connection, or that of an r2d2 pool that had no connection to give. Such
/// an attempt is given back and not counted. It runs again after a second, later after up to a minute. The feature `anyhow`
/// finds it in an `anyhow::Error` too; without the feature only below a context.
///
/// An error that is, or comes from, a sealed value that cannot be opened holds the job, as [`hold`](Self::hold) does.
///
/// It is no [`Error`] itself, because it takes every error there is. As [`JobFailure`] it travels inside other errors, and keeps
/// what happens to the job. The feature `anyhow` makes that step with `?`.
///
/// ```
/// use std::time::Duration;
/// use mainspring::{JobError, JobResult};
///
/// fn read_setting(text: &str) -> JobResult {
///     if text.is_empty() {
///         return Err(JobError::discard("no setting given: trying again cannot help"));
///     }
///     let _number: u32 = text.parse()?; // any error: a failed attempt, tried again later
///     Ok(())
/// }
/// assert_eq!(read_setting("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
#[derive(Debug)]
#[must_use = "an error does nothing until the handler returns it"]
pub struct JobError(pub(crate) FailureKind);

/// What a [`JobError`] does to its job; see [`JobError::kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobErrorKind {
    /// The attempt has failed and is spent. The next one follows, or the job is dead.
    Failed,
    /// The database was out of reach. The job is due again, and the attempt is not spent.
    OutOfReach,
    /// The job is due again later, and the attempt is not spent.
    Snoozed,
    /// The job waits until a person releases it, and the attempt is not spent.
    Held,
    /// The job is finished without being done.
    Cancelled,
    /// The job is dead at once.
    Discarded,
}

/// What happens to the job after the attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FailureKind {
    Failed(String),
    /// The database was out of reach: the attempt is not counted.
    OutOfReach(String),
    RetryIn(Duration, String),
    Snooze(Duration),
    Cancel(String),
    Discard(String),
    Hold(String),
    /// Of a batch, these entries are to be tried again.
    PartlyFailed {
        payload: String,
        error: String,
        delay: Option<Duration>,
    },
    /// As `PartlyFailed`, but each entry that is left failed for want of the database: the attempt is not counted.
    PartlyOutOfReach {
        payload: String,
        error: String,
    },
    /// As `PartlyFailed`, but each entry that is left is to be held.
    PartlyHeld {
        payload: String,
        reason: String,
    },
}

impl JobError {
    /// Fails and spends the attempt; the next attempt comes after `delay` instead of the back-off.
    pub fn retry_in(delay: Duration, reason: impl Into<String>) -> Self {
        Self(FailureKind::RetryIn(delay, reason.into()))
    }

    /// Snoozes the job: it is due again after `delay`, and the attempt is not spent.
    pub fn snooze(delay: Duration) -> Self {
        Self(FailureKind::Snooze(delay))
    }

    /// Cancels the job: it is finished without being done, and is never tried again.
    pub fn cancel(reason: impl Into<String>) -> Self {
        Self(FailureKind::Cancel(reason.into()))
    }

    /// Discards the job: it is dead at once, and kept with the reason.
    pub fn discard(reason: impl Into<String>) -> Self {
        Self(FailureKind::Discard(reason.into()))
    }

    /// Holds the job: it is in the state `held` with the reason, until a person releases it. The attempt is not spent. A payload that
    /// does not fit the task has its job held in the same way.
    ///
    /// It is for what only a person can mend, such as a missing configuration or an expired contract.
    pub fn hold(reason: impl Into<String>) -> Self {
        Self(FailureKind::Hold(reason.into()))
    }

    /// Returns what the error does to its job, for middleware that counts or reports.
    #[must_use]
    pub fn kind(&self) -> JobErrorKind {
        match &self.0 {
            FailureKind::Failed(_) | FailureKind::RetryIn(..) | FailureKind::PartlyFailed { .. } => {
                JobErrorKind::Failed
            }
            FailureKind::OutOfReach(_) | FailureKind::PartlyOutOfReach { .. } => JobErrorKind::OutOfReach,
            FailureKind::Snooze(_) => JobErrorKind::Snoozed,
            FailureKind::Cancel(_) => JobErrorKind::Cancelled,
            FailureKind::Discard(_) => JobErrorKind::Discarded,
            FailureKind::Hold(_) | FailureKind::PartlyHeld { .. } => JobErrorKind::Held,
        }
    }

    // Contexts around a failure that was carried are part of its text.
    pub(super) fn of_chain(error: &(dyn Error + 'static)) -> Self {
        let text = whole_chain(error);
        let chain = || std::iter::successors(Some(error), |error| (*error).source());
        if let Some(kind) = chain().find_map(carried_kind) {
            return Self(kind.with_text(text));
        }
        // Another attempt has the same keys.
        #[cfg(feature = "sealed")]
        if chain().any(|error| error.is::<crate::sealed::SealError>()) {
            return Self(FailureKind::Hold(text));
        }
        let is_out_of_reach = chain().any(shows_no_database);
        Self(if is_out_of_reach { FailureKind::OutOfReach(text) } else { FailureKind::Failed(text) })
    }
}

impl FailureKind {
    fn with_text(&self, text: String) -> Self {
        match self {
            Self::Failed(_) => Self::Failed(text),
            Self::OutOfReach(_) => Self::OutOfReach(text),
            Self::RetryIn(delay, _) => Self::RetryIn(*delay, text),
            Self::Snooze(delay) => Self::Snooze(*delay),
            Self::Cancel(_) => Self::Cancel(text),
            Self::Discard(_) => Self::Discard(text),
            Self::Hold(_) => Self::Hold(text),
            Self::PartlyFailed { payload, delay, .. } => {
                Self::PartlyFailed { payload: payload.clone(), error: text, delay: *delay }
            }
            Self::PartlyOutOfReach { payload, .. } => {
                Self::PartlyOutOfReach { payload: payload.clone(), error: text }
            }
            Self::PartlyHeld { payload, .. } => Self::PartlyHeld { payload: payload.clone(), reason: text },
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            FailureKind::Failed(text)
            | FailureKind::OutOfReach(text)
            | FailureKind::RetryIn(_, text)
            | FailureKind::Cancel(text)
            | FailureKind::Discard(text)
            | FailureKind::Hold(text)
            | FailureKind::PartlyHeld { reason: text, .. }
            | FailureKind::PartlyFailed { error: text, .. }
            | FailureKind::PartlyOutOfReach { error: text, .. } => f.write_str(text),
            FailureKind::Snooze(delay) => write!(f, "snoozed for {delay:?}"),
        }
    }
}

// Not itself an `Error`, so that this conversion can take every error there is, strings and boxes included.
impl<E: Into<Box<dyn Error + Send + Sync>> + 'static> From<E> for JobError {
    fn from(error: E) -> Self {
        // Once boxed, an error of `anyhow` hides the type of its first link.
        #[cfg(feature = "anyhow")]
        if let Some(error) = (&error as &dyn std::any::Any).downcast_ref::<anyhow::Error>() {
            return Self::of_chain(error.as_ref());
        }
        Self::of_chain(error.into().as_ref())
    }
}

fn shows_no_database(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref::<SchedulerError>() {
        Some(SchedulerError::Store(error)) => error.is_out_of_reach(),
        Some(SchedulerError::Config(_) | SchedulerError::Stopped | SchedulerError::Interrupted) => false,
        None => match error.downcast_ref::<StoreError>() {
            Some(error) => error.is_out_of_reach(),
            None => {
                error.is::<r2d2::Error>() || error.downcast_ref::<DieselError>().is_some_and(shows_outage)
            }
        },
    }
}

// "what failed: why: why that". A cause that the text before it ends with is not repeated.
fn whole_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.ends_with(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = error.source();
    }
    text
}

/// A [`JobError`] that implements [`Error`]. It travels inside any other error, and keeps its delay, snooze, cancel or discard
/// when that error ends an attempt. Made by [`JobError::into_error`].
///
/// ```
/// use std::error::Error;
/// use std::time::Duration;
/// use mainspring::{JobError, JobErrorKind};
///
/// fn fetch() -> Result<String, Box<dyn Error + Send + Sync>> {
///     Err(JobError::snooze(Duration::from_secs(60)).into_error())?
/// }
/// let error: JobError = fetch().unwrap_err().into();
/// assert_eq!(error.kind(), JobErrorKind::Snoozed);
/// ```
#[derive(Debug)]
#[must_use = "an error does nothing until the handler returns it"]
pub struct JobFailure(Found);

// `anyhow` hides the type of an error that it boxes, and shows that of its source. So the kind is its source.
#[derive(Debug)]
struct Found(JobError);

impl JobError {
    /// Returns the same as a type that implements [`Error`], to be returned through other errors.
    pub fn into_error(self) -> JobFailure {
        JobFailure(Found(self))
    }
}

/// The kind of failure that this link of a chain carries.
fn carried_kind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a FailureKind> {
    error.downcast_ref().map(|Found(JobError(kind))| kind)
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Found {}

impl fmt::Display for JobFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for JobFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl From<JobError> for Box<dyn Error> {
    fn from(error: JobError) -> Self {
        Box::new(error.into_error())
    }
}

#[cfg(feature = "anyhow")]
#[cfg_attr(docsrs, doc(cfg(feature = "anyhow")))]
impl From<JobError> for anyhow::Error {
    fn from(error: JobError) -> Self {
        Self::new(error.into_error())
    }
}

#[cfg(test)]
mod tests;
