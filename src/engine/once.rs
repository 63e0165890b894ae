//! Whether a `run_once` is under way, and how it ended. Knows nothing of jobs and planners.

use crate::error::StoreError;

/// Whether anybody waits until no job is ready.
#[derive(Debug, Default)]
pub(super) enum Once {
    #[default]
    NotAsked,
    /// A look everywhere has begun, and no outcome was stored since.
    Looking,
    /// Outcomes were stored since then. They may have made jobs ready that are not announced yet.
    LooksAgain,
    Ended(RunEnd),
}

/// How a `run_once` ended.
#[derive(Debug, Clone)]
pub(crate) enum RunEnd {
    /// This process can run no job now.
    NoneReady,
    /// The scheduler stops.
    Stopped,
    /// The database failed, so that nobody knows which jobs are ready.
    Failed(StoreError),
}

impl Once {
    fn is_asked(&self) -> bool {
        matches!(self, Self::Looking | Self::LooksAgain)
    }

    /// Ends the run, if there is one.
    pub(super) fn end(&mut self, end: RunEnd) {
        if self.is_asked() {
            *self = Self::Ended(end);
        }
    }

    /// Ends the run, if there is one, with the error of a statement.
    pub(super) fn failed(&mut self, error: &StoreError) {
        if self.is_asked() {
            *self = Self::Ended(RunEnd::Failed(error.clone()));
        }
    }

    /// Records that outcomes were stored.
    pub(super) fn stored(&mut self) {
        if self.is_asked() {
            *self = Self::LooksAgain;
        }
    }

    /// Takes the end of a run.
    pub(super) fn take_end(&mut self) -> Option<RunEnd> {
        match std::mem::take(self) {
            Self::Ended(end) => Some(end),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// The error of a run in a process that may not claim.
pub(super) fn not_alive() -> StoreError {
    StoreError::Connect("nothing is claimed here until a heartbeat succeeds".into())
}
