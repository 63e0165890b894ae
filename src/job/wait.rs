//! What a job waits for before it may run: other jobs, and signals.

use serde::Serialize;

/// What becomes of a job if one for which it waits does not succeed: it is dead, or it was cancelled or deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnFailure {
    /// It goes on waiting, and [`explain`](crate::jobs::explain) says for what. If the parent is retried and
    /// succeeds, the job runs.
    #[default]
    Hold,
    /// It is cancelled, and so are jobs that wait for it in the same way.
    Cancel,
    /// It runs all the same.
    Run,
}

/// One thing for which a job waits.
///
/// ```
/// use mainspring::{NewJob, OnFailure, Wait};
/// use serde_json::json;
///
/// let (fetch, resize) = (17, 18);
/// let publish = NewJob::new("photo.publish", &json!({}))
///     .after(fetch)
///     .after(Wait::job(resize).on_failure(OnFailure::Run))
///     .after(Wait::signal("photo:7:approved"));
/// assert_eq!(publish.options().waits.len(), 3);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
#[must_use = "a job waits only for what is given to `after`"]
pub struct Wait(Kind);

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
enum Kind {
    Job { job: i64, on_failure: OnFailure },
    Member { name: String, on_failure: OnFailure },
    Signal { signal: String },
}

/// What a job waits for, as a limit looks at it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target<'a> {
    Job(i64),
    Member(&'a str),
    Signal(&'a str),
}

impl Wait {
    pub(super) fn target(&self) -> Target<'_> {
        match &self.0 {
            Kind::Job { job, .. } => Target::Job(*job),
            Kind::Member { name, .. } => Target::Member(name),
            Kind::Signal { signal } => Target::Signal(signal),
        }
    }

    /// Waits until the job with this id has succeeded.
    pub fn job(id: i64) -> Self {
        Self(Kind::Job { job: id, on_failure: OnFailure::default() })
    }

    /// Waits until the job of this name has succeeded, in the [`Workflow`](crate::Workflow) to which both belong. Elsewhere a job that
    /// waits for a name is refused.
    pub fn member(name: impl Into<String>) -> Self {
        Self(Kind::Member { name: name.into(), on_failure: OnFailure::default() })
    }

    /// Waits until the signal of this name is sent, or was sent within the last 90 days; 1 to 256 characters. See
    /// [`Scheduler::signal`](crate::Scheduler::signal).
    pub fn signal(name: impl Into<String>) -> Self {
        Self(Kind::Signal { signal: name.into() })
    }

    /// Sets what becomes of the waiting job if the parent does not succeed; default [`OnFailure::Hold`]. A signal cannot fail.
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        match &mut self.0 {
            Kind::Job { on_failure: own, .. } | Kind::Member { on_failure: own, .. } => *own = on_failure,
            Kind::Signal { .. } => {}
        }
        self
    }
}

/// The job with this id.
impl From<i64> for Wait {
    fn from(id: i64) -> Self {
        Self::job(id)
    }
}
