//! How a job has ended, and what its handler has returned: for callers who wait for it, and for the jobs that wait for it.

use std::any::type_name;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use thiserror::Error;

use super::misfit::{Unread, read};
#[cfg(feature = "sealed")]
use crate::sealed::SealError;
use crate::store::jobs::{Job, JobStatus};
use crate::store::results::Parent;
use crate::text::one_line;

/// How a job stands, and what its handler has returned.
///
/// In JSON it has these fields, and the value as it is.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobOutcome {
    /// The job's id.
    pub id: i64,
    /// Where the job stands: `Succeeded`, `Cancelled` or `Dead` if it is over. A parent that was deleted counts as `Cancelled`.
    pub state: JobStatus,
    /// Why a job that is over did not succeed.
    pub error: Option<String>,
    #[serde(serialize_with = "as_json")]
    value: Option<Vec<u8>>,
}

/// Why a [`JobOutcome`] has no value of a type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OutcomeError {
    /// The job is not over.
    #[error("job {id} has no value yet: it is {}", .state.as_str())]
    #[non_exhaustive]
    NotOver {
        /// The job.
        id: i64,
        /// Where it stands.
        state: JobStatus,
    },
    /// The job has ended without success.
    #[error("job {id} has no value: it is {}{}", .state.as_str(), because(.error.as_deref()))]
    #[non_exhaustive]
    NotSucceeded {
        /// The job.
        id: i64,
        /// How it has ended.
        state: JobStatus,
        /// Why.
        error: Option<String>,
    },
    /// The handler has returned nothing, or its value was deleted after `result_retention`.
    #[error(
        "job {id} has succeeded, and no value is kept of it: its handler returned none, or it was too long ago"
    )]
    #[non_exhaustive]
    NoValue {
        /// The job.
        id: i64,
    },
    /// The value is sealed, and cannot be opened. In a handler, the error holds the job.
    #[cfg(feature = "sealed")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sealed")))]
    #[error("the value of job {id} cannot be opened")]
    #[non_exhaustive]
    NotOpened {
        /// The job.
        id: i64,
        /// Why.
        #[source]
        error: SealError,
    },
    /// The value does not fit the type. The text has its path and its types, and no value.
    #[error("the value of job {id} does not fit `{type_name}`{fault}")]
    #[non_exhaustive]
    Unreadable {
        /// The job.
        id: i64,
        /// The type that was asked for.
        type_name: &'static str,
        /// Where the value differs.
        fault: String,
    },
}

fn status_of(name: &str) -> Option<JobStatus> {
    JobStatus::ALL.into_iter().find(|status| status.as_str() == name)
}

fn as_json<S: Serializer>(value: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    let json: Option<&RawValue> = value.as_deref().and_then(|value| serde_json::from_slice(value).ok());
    json.serialize(serializer)
}

fn because(error: Option<&str>) -> String {
    error.filter(|error| !error.is_empty()).map_or(String::new(), |error| format!(": {}", one_line(error)))
}

impl JobOutcome {
    /// The outcome of a job that succeeded, of which nothing else is known.
    pub(crate) fn succeeded(id: i64, value: Vec<u8>) -> Self {
        Self { id, state: JobStatus::Succeeded, error: None, value: Some(value) }
    }

    pub(crate) fn of_job(job: Job, value: Option<Vec<u8>>) -> Self {
        let has_failed = job.state.is_over() && job.state != JobStatus::Succeeded;
        let error = if has_failed { job.last_error.or(job.reason) } else { None };
        Self { id: job.id, state: job.state, error, value }
    }

    // Nothing is known of a parent whose line of the history is gone, and which a person has passed over.
    pub(super) fn of_parent(Parent { id, ending, reason, value }: Parent) -> Self {
        let is_deleted = ending.as_deref().is_none_or(|ending| ending == "deleted");
        let state = ending.as_deref().and_then(status_of).unwrap_or(JobStatus::Cancelled);
        let error = reason.or_else(|| is_deleted.then(|| "it was deleted".to_owned()));
        Self { id, state, error, value }
    }

    /// Returns `true` if the job has succeeded.
    #[must_use]
    pub fn has_succeeded(&self) -> bool {
        self.state == JobStatus::Succeeded
    }

    /// Returns what the handler has returned, as JSON; `None` if that is nothing.
    #[must_use]
    pub fn json(&self) -> Option<&str> {
        self.value.as_deref().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Returns what the handler has returned. Where no value is kept, because there was none or it was too long ago, `()` and an
    /// `Option` have a value all the same.
    ///
    /// # Errors
    ///
    /// See [`OutcomeError`].
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, OutcomeError> {
        let (id, state) = (self.id, self.state);
        if !state.is_over() {
            return Err(OutcomeError::NotOver { id, state });
        }
        if state != JobStatus::Succeeded {
            return Err(OutcomeError::NotSucceeded { id, state, error: self.error.clone() });
        }
        let Some(json) = self.json() else {
            return serde_json::from_str("null").map_err(|_| OutcomeError::NoValue { id });
        };
        read(json.as_bytes()).map_err(|unread| match unread {
            Unread::Misfit(fault) => OutcomeError::Unreadable { id, type_name: type_name::<T>(), fault },
            #[cfg(feature = "sealed")]
            Unread::NotOpened(error) => OutcomeError::NotOpened { id, error },
        })
    }
}

/// With the size of the value, which belongs into no log.
impl fmt::Debug for JobOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.value.as_ref().map(Vec::len);
        f.debug_struct("JobOutcome")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("error", &self.error)
            .field("value", &bytes.map(|bytes| format!("{bytes} bytes")))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn succeeded(value: &str) -> JobOutcome {
        JobOutcome {
            id: 7,
            state: JobStatus::Succeeded,
            error: None,
            value: (!value.is_empty()).then(|| value.into()),
        }
    }

    #[test]
    fn a_value_is_read_as_the_type_that_is_asked_for() {
        assert_eq!(succeeded("[1,2]").value::<Vec<u8>>(), Ok(vec![1, 2]));
        assert_eq!(succeeded("").value::<Option<u8>>(), Ok(None));
        assert_eq!(succeeded("").value::<()>(), Ok(()));
        assert_eq!(succeeded("").value::<u8>(), Err(OutcomeError::NoValue { id: 7 }));
    }

    #[test]
    fn an_error_about_a_value_has_its_path_and_not_the_value() {
        let error = succeeded(r#"["secret"]"#).value::<Vec<u8>>().unwrap_err().to_string();
        assert!(error.contains("Vec<u8>") && error.contains('0') && !error.contains("secret"), "{error}");
        assert!(!format!("{:?}", succeeded(r#""secret""#)).contains("secret"));
    }

    #[test]
    fn a_job_without_success_has_no_value() {
        let parent = |ending: &str| Parent { id: 7, ending: Some(ending.into()), reason: None, value: None };
        let of =
            |ending| JobOutcome::of_parent(parent(ending)).value::<()>().map_err(|error| error.to_string());
        assert_eq!(of("running"), Err("job 7 has no value yet: it is running".into()));
        assert_eq!(of("dead"), Err("job 7 has no value: it is dead".into()));
        assert_eq!(of("deleted"), Err("job 7 has no value: it is cancelled: it was deleted".into()));
    }
}
