//! What may be done to many jobs at once: its words for people, the rights and the ways back.

use std::time::Duration;

use super::access::Right;
use super::failure::Failure;
use super::parts::form::Weight;
pub(super) use crate::store::operations::ManyAct;

/// How long an act waits that cannot be taken back.
const DELAY: Duration = Duration::from_secs(10);

impl ManyAct {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Retry => "Retry all",
            Self::Reschedule => "Reschedule all",
            Self::Release => "Release all",
            Self::Fail => "Set all aside as dead",
            Self::Cancel => "Cancel all",
            Self::Delete => "Delete all",
        }
    }

    pub(super) const fn right(self) -> Right {
        match self {
            Self::Retry => Right::RetryJobs,
            Self::Reschedule => Right::RescheduleJobs,
            Self::Release => Right::ReleaseJobs,
            Self::Fail | Self::Cancel => Right::CancelJobs,
            Self::Delete => Right::DeleteJobs,
        }
    }

    pub(super) const fn weight(self) -> Weight {
        match self {
            Self::Retry | Self::Reschedule | Self::Release | Self::Fail => Weight::Plain,
            Self::Cancel | Self::Delete => Weight::Danger,
        }
    }

    /// How long it waits before it begins.
    pub(super) const fn delay(self) -> Duration {
        match self {
            Self::Retry | Self::Reschedule | Self::Release | Self::Fail => Duration::ZERO,
            Self::Cancel | Self::Delete => DELAY,
        }
    }

    /// What can be done about it afterwards.
    pub(super) const fn way_back(self) -> &'static str {
        match self {
            Self::Retry => {
                "Retried jobs do not become dead again by themselves: cancel them, or set them aside."
            }
            Self::Reschedule => "Their old times and priorities are not kept.",
            Self::Release => {
                "They run when their time has come, whatever becomes of what they waited for. They cannot wait for it again."
            }
            Self::Fail => {
                "They keep their payloads. Retry those whose last error has the reason, and they wait again."
            }
            Self::Cancel => {
                "They cannot come back: the history keeps no payloads. It begins after ten seconds, and can be stopped before."
            }
            Self::Delete => "They cannot come back. It begins after ten seconds, and can be stopped before.",
        }
    }
}

/// The act that an operation has, as its row names it.
pub(super) fn act_named(word: &str) -> Result<ManyAct, Failure> {
    ManyAct::named(word).ok_or_else(|| {
        Failure::Invalid(format!("act must be one of {}", ManyAct::ALL.map(ManyAct::as_str).join(", ")))
    })
}
