//! What a handler returns when an attempt did not succeed. Knows nothing of rows, and of the store only when it was out of reach.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use diesel::result::Error as DieselError;

use crate::error::{SchedulerError, StoreError, shows_outage};

/// What a handler returns: done, or why not.
pub type JobResult = Result<(), JobError>;

/// What a batch handler returns: a result for each entry in their order, or why the whole batch failed.
pub type BatchResult = Result<Vec<JobResult>, JobError>;

/// Why an attempt did not succeed, and what happens next. Any error converts into it with `?` and is retried after the
/// back-off. The constructors choose another delay, or snooze, cancel or discard the job.
///
/// An error is not the handler's fault where it, or one of its sources, is a [`StoreError`] or [`SchedulerError`] about a
/// database that is out of reach, or Diesel's error of a lost connection. Such an attempt is given back and not counted. It runs
/// again after a second, later after up to a minute. An `anyhow::Error` shows its sources only below a context.
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
pub struct JobError(pub(crate) FailureKind);

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
}

impl JobError {
    /// Fails and spends the attempt; the next attempt comes after `delay` instead of the back-off.
    pub fn retry_in(delay: Duration, reason: impl Into<String>) -> Self {
        Self(FailureKind::RetryIn(delay, reason.into()))
    }

    /// Snoozes the job: it is due again after `delay`, and the attempt is not spent.
    #[must_use]
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
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            FailureKind::Failed(text)
            | FailureKind::OutOfReach(text)
            | FailureKind::RetryIn(_, text)
            | FailureKind::Cancel(text)
            | FailureKind::Discard(text)
            | FailureKind::PartlyFailed { error: text, .. }
            | FailureKind::PartlyOutOfReach { error: text, .. } => f.write_str(text),
            FailureKind::Snooze(delay) => write!(f, "snoozed for {delay:?}"),
        }
    }
}

// Not itself an `Error`, so that this conversion can take every error there is, strings and boxes included.
impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for JobError {
    fn from(error: E) -> Self {
        let error = error.into();
        let text = whole_chain(error.as_ref());
        let first: &(dyn Error + 'static) = error.as_ref();
        let mut chain = std::iter::successors(Some(first), |error| (*error).source());
        let is_out_of_reach = chain.any(shows_no_database);
        Self(if is_out_of_reach { FailureKind::OutOfReach(text) } else { FailureKind::Failed(text) })
    }
}

fn shows_no_database(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref::<SchedulerError>() {
        Some(SchedulerError::Store(error)) => error.is_out_of_reach(),
        Some(SchedulerError::Config(_) | SchedulerError::Stopped | SchedulerError::Interrupted) => false,
        None => match error.downcast_ref::<StoreError>() {
            Some(error) => error.is_out_of_reach(),
            None => error.downcast_ref::<DieselError>().is_some_and(shows_outage),
        },
    }
}

// "what failed: why: why that". A cause that the text before it ends with is not repeated.
pub(crate) fn whole_chain(error: &dyn Error) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_database_out_of_reach_is_recognised_at_any_depth() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot charge the order")]
        struct Charge(#[source] Box<dyn Error + Send + Sync>);
        let connect = || StoreError::Connect("refused".into());
        let wrapped = |error: Box<dyn Error + Send + Sync>| JobError::from(Charge(Box::new(Charge(error))));
        for error in [
            JobError::from(connect()),
            JobError::from(SchedulerError::Store(connect())),
            JobError::from(DieselError::from(connect())),
            wrapped(Box::new(connect())),
            wrapped(Box::new(SchedulerError::Store(connect()))),
        ] {
            assert!(
                matches!(&error.0, FailureKind::OutOfReach(text) if text.contains("refused")),
                "{error:?}"
            );
        }
        for error in [
            JobError::from("cannot connect to the database: refused"),
            wrapped(Box::new(StoreError::not_found("schedule", "cannot connect"))),
            wrapped(Box::new(SchedulerError::Stopped)),
            wrapped(Box::new(DieselError::NotFound)),
        ] {
            assert!(matches!(error.0, FailureKind::Failed(_)), "{error:?}");
        }
    }

    #[test]
    fn any_error_becomes_a_retry_that_tells_the_whole_chain() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read the report")]
        struct Outer(#[source] std::io::Error);
        let failed = || -> JobResult { Err(Outer(std::io::Error::other("disk on fire")))? };
        assert_eq!(failed().unwrap_err().to_string(), "cannot read the report: disk on fire");
        assert_eq!(JobError::from("plain text").to_string(), "plain text");
        let boxed: Box<dyn Error + Send + Sync> = "boxed".into();
        assert_eq!(JobError::from(boxed).0, FailureKind::Failed("boxed".into()));
    }
}
