//! The states of a job's row, the one table of the moves between them, and the outcomes that end an attempt.
//! What SQL does must stay within this table; docs/LIFECYCLE.md draws it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A job that has lost so many processes in a row is a suspect: it may be what kills them. A process runs one suspect at a time,
/// so that the next death tells the guilty one from those that ran beside it.
pub(crate) const SUSPECTED_AFTER: i16 = 3;
/// A suspect waits so long before it is claimed again, here or by a process that runs no suspect. Suspects of one rescue become
/// due so far apart.
pub(crate) const BETWEEN_SUSPECTS: Duration = Duration::from_secs(2);

/// Where a job stands. A finished job has no row, and so no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobState {
    /// Waits for other jobs, or for signals.
    Waiting,
    /// Not due yet.
    Scheduled,
    /// Due, and held by its queue's gate.
    Parked,
    /// Due and free to be claimed.
    Ready,
    /// Claimed by a worker, under a lease.
    Running,
    /// Waits for a person: its payload does not fit the task, or its handler has asked for it.
    Held,
    /// Out of attempts, or discarded; kept with its error until someone retries or deletes it.
    Dead,
}

impl JobState {
    /// Every state, in the order in which a job meets them.
    pub const ALL: [Self; 7] =
        [Self::Waiting, Self::Scheduled, Self::Parked, Self::Ready, Self::Running, Self::Held, Self::Dead];

    /// The state's name in SQL and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Scheduled => "scheduled",
            Self::Parked => "parked",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Held => "held",
            Self::Dead => "dead",
        }
    }

    /// Returns whether a row may go from one state to another in one move; `None` is no row. A waiting job may be
    /// replaced into any waiting state, or removed.
    #[must_use]
    pub fn may_follow(from: Option<Self>, to: Option<Self>) -> bool {
        use JobState::{Dead, Held, Parked, Ready, Running, Scheduled, Waiting};
        match (from, to) {
            // Enqueued, and started at once where a slot is free; never held or dead from the start.
            (None, Some(Waiting | Scheduled | Parked | Ready | Running)) => true,
            (None, None | Some(Held | Dead)) => false,
            // Promoted, admitted, replaced, released, removed.
            (Some(Waiting | Scheduled | Parked | Ready | Held), None | Some(Scheduled | Parked | Ready)) => {
                true
            }
            // Replaced by a job that waits for others; or one of several parents has ended.
            (Some(Waiting | Scheduled | Parked | Ready | Held), Some(Waiting)) => true,
            // Claimed; or released where a slot is free, and started at once.
            (Some(Ready | Waiting), Some(Running)) => true,
            (Some(Scheduled | Parked | Held), Some(Running)) => false,
            // Failed by a person.
            (Some(Waiting | Scheduled | Parked | Ready | Held), Some(Dead)) => true,
            // Only an attempt can tell that a job is to be held. It may be edited there.
            (Some(Held), Some(Held)) => true,
            (Some(Waiting | Scheduled | Parked | Ready | Dead), Some(Held)) => false,
            // Done, given back, rescued, held, dead; or it lost its key and runs on.
            (Some(Running), None | Some(Scheduled | Parked | Ready | Running | Held | Dead)) => true,
            (Some(Running), Some(Waiting)) => false,
            // Retried by a person, or deleted.
            (Some(Dead), None | Some(Scheduled | Parked | Ready | Dead)) => true,
            (Some(Dead), Some(Running | Waiting)) => false,
        }
    }
}

/// Whether jobs that end leave a line in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    Keep,
    Skip,
}

impl History {
    pub(crate) fn is_kept(self) -> bool {
        match self {
            Self::Keep => true,
            Self::Skip => false,
        }
    }
}

/// What an attempt left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// No job: it is finished.
    Gone,
    /// A job that waits.
    Waiting,
    /// A dead job.
    Dead,
    /// A dead job, because its outcome could not be stored.
    SetApart,
}

/// From whether the row is dead, or `None` where it is gone.
impl From<Option<bool>> for Left {
    fn from(is_dead: Option<bool>) -> Self {
        match is_dead {
            None => Self::Gone,
            Some(true) => Self::Dead,
            Some(false) => Self::Waiting,
        }
    }
}

/// How an attempt, or a lease without one, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done: the row goes, and history keeps a line.
    Succeeded,
    /// Done, and stored by a transaction of its handler's own: nothing is left to store.
    Completed,
    /// Ended for good without being done.
    Cancelled { reason: String },
    /// Failed: tried again after the delay, or dead when no attempt is left. Of a batch, only the payload given here is kept.
    Failed { error: String, delay: Duration, payload: Option<String> },
    /// Dead at once.
    Discarded { reason: String },
    /// Held until a person releases it; the attempt is not spent. Of a batch, only the payload given here is kept.
    Held { reason: String, payload: Option<String> },
    /// Put off by its handler, or for want of the database; the attempt is not spent. Of a batch, only the payload given here
    /// is kept.
    Snoozed { delay: Duration, payload: Option<String> },
    /// Claimed and never started; the attempt is not spent.
    Untouched,
    /// Claimed and not started yet, since the process runs another job that may kill it; the attempt is not spent.
    Postponed { delay: Duration },
    /// Stopped from outside while it ran; the attempt is not spent.
    Interrupted,
}

impl Outcome {
    /// The outcome's name in SQL.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Completed => "completed",
            Self::Cancelled { .. } => "cancelled",
            Self::Failed { .. } => "failed",
            Self::Discarded { .. } => "discarded",
            Self::Held { .. } => "held",
            Self::Snoozed { .. } => "snoozed",
            Self::Untouched => "untouched",
            Self::Postponed { .. } => "postponed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the row is gone afterwards.
    pub(crate) fn leaves_the_table(&self) -> bool {
        match self {
            Self::Succeeded | Self::Completed | Self::Cancelled { .. } => true,
            Self::Failed { .. }
            | Self::Discarded { .. }
            | Self::Held { .. }
            | Self::Snoozed { .. }
            | Self::Untouched
            | Self::Postponed { .. }
            | Self::Interrupted => false,
        }
    }

    /// What is written down about it.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Cancelled { reason } | Self::Discarded { reason } | Self::Held { reason, .. } => {
                Some(reason)
            }
            Self::Failed { error, .. } => Some(error),
            Self::Interrupted => Some("interrupted: the worker stopped before the job ended"),
            Self::Succeeded
            | Self::Completed
            | Self::Snoozed { .. }
            | Self::Untouched
            | Self::Postponed { .. } => None,
        }
    }

    /// Changes the texts that are written down about it.
    pub(crate) fn map_texts(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Cancelled { reason } => Self::Cancelled { reason: change(reason) },
            Self::Failed { error, delay, payload } => Self::Failed { error: change(error), delay, payload },
            Self::Discarded { reason } => Self::Discarded { reason: change(reason) },
            Self::Held { reason, payload } => Self::Held { reason: change(reason), payload },
            Self::Succeeded
            | Self::Completed
            | Self::Snoozed { .. }
            | Self::Untouched
            | Self::Postponed { .. }
            | Self::Interrupted => self,
        }
    }

    /// What is left of the payload, where that is less than all.
    pub(crate) fn remaining_payload(&self) -> Option<&str> {
        match self {
            Self::Failed { payload, .. } | Self::Held { payload, .. } | Self::Snoozed { payload, .. } => {
                payload.as_deref()
            }
            Self::Succeeded
            | Self::Completed
            | Self::Cancelled { .. }
            | Self::Discarded { .. }
            | Self::Untouched
            | Self::Postponed { .. }
            | Self::Interrupted => None,
        }
    }

    /// How long the job waits before it is due again.
    pub(crate) fn delay(&self) -> Duration {
        match self {
            Self::Failed { delay, .. } | Self::Snoozed { delay, .. } | Self::Postponed { delay } => *delay,
            Self::Succeeded
            | Self::Completed
            | Self::Cancelled { .. }
            | Self::Discarded { .. }
            | Self::Held { .. }
            | Self::Untouched
            | Self::Interrupted => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_starts_when_it_is_ready_or_released_and_none_is_born_dead() {
        for state in JobState::ALL {
            assert_eq!(
                JobState::may_follow(Some(state), Some(JobState::Running)),
                matches!(state, JobState::Waiting | JobState::Ready | JobState::Running)
            );
            assert!(
                JobState::may_follow(Some(state), None)
                    && JobState::may_follow(Some(state), Some(JobState::Dead))
            );
            assert_eq!(
                JobState::may_follow(Some(state), Some(JobState::Held)),
                matches!(state, JobState::Running | JobState::Held)
            );
        }
        assert!(
            [JobState::Held, JobState::Dead].iter().all(|state| !JobState::may_follow(None, Some(*state)))
        );
    }
}
