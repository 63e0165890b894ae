//! What is counted of a job.

use std::time::Duration;

use super::errors::FailedEnd;
use crate::lifecycle::{Left, Outcome};
use crate::run_summary::Ending;

/// What has happened to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    Enqueued,
    /// An attempt has begun, so long after it was due.
    Started {
        wait: Duration,
    },
    /// The outcome of an attempt is stored. The time is that from start to end.
    Ended {
        how: Ending,
        run: Duration,
    },
    /// The lease was lost before the outcome could be stored.
    Lost,
    /// The job was taken from a lost worker.
    Rescued(Left),
}

impl Happened {
    /// The end of an attempt, or nothing for a job that had not started.
    pub(crate) fn ended(outcome: &Outcome, left: Left, run: Duration) -> Option<Self> {
        Ending::of(outcome, left).map(|how| Self::Ended { how, run })
    }

    /// What became of the job, if this is the failure of an attempt or the death of a job.
    pub(crate) fn failure(self) -> Option<FailedEnd> {
        match self {
            Self::Ended { how: Ending::Failed | Ending::Held, .. } => Some(FailedEnd::Retried),
            Self::Ended { how: Ending::Dead, .. } | Self::Rescued(Left::Dead | Left::SetApart) => {
                Some(FailedEnd::Dead)
            }
            Self::Enqueued
            | Self::Started { .. }
            | Self::Ended { .. }
            | Self::Lost
            | Self::Rescued(Left::Gone | Left::Waiting) => None,
        }
    }
}
