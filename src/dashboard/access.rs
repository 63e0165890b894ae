//! Who may see the dashboard, and what each may do. Knows no page and no route.

use std::fmt;
use std::sync::Arc;

/// What a request may do. The closure that [`dashboard`](super::dashboard()) receives returns it for each request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Nothing. The response is 403, and shows nothing of the dashboard.
    Denied,
    /// Nothing yet. The response is 401, and the browser asks for a name and a password.
    SignIn,
    /// Read every screen, and change nothing.
    Read,
    /// Read every screen, and act as the rights permit. The audit log names the person `unknown`.
    Act(Rights),
    /// The same, under the name that the audit log has. Made by [`Access::by`].
    ActAs(Rights, Arc<str>),
}

/// A name in the audit log has at most so many characters.
const LONGEST_NAME: usize = 256;

impl Access {
    /// The same access under a name, which the audit log has with each act. At most 256 characters of it count.
    ///
    /// ```
    /// use mainspring::dashboard::{Access, Rights};
    ///
    /// let anna = Access::Act(Rights::all()).by("anna");
    /// assert_eq!(anna, Access::ActAs(Rights::all(), "anna".into()));
    /// assert_eq!(Access::Read.by("anna"), Access::Read);
    /// ```
    #[must_use]
    pub fn by(self, name: &str) -> Self {
        match self {
            Self::Act(rights) | Self::ActAs(rights, _) => {
                // The database holds no NUL.
                let name: String = name.replace('\0', "\u{fffd}").chars().take(LONGEST_NAME).collect();
                if name.is_empty() { Self::Act(rights) } else { Self::ActAs(rights, name.into()) }
            }
            Self::Denied | Self::SignIn | Self::Read => self,
        }
    }

    /// The name that the audit log has.
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Self::ActAs(_, name) => Arc::clone(name),
            Self::Denied | Self::SignIn | Self::Read | Self::Act(_) => "unknown".into(),
        }
    }

    /// The rights of a request that may read; `None` if it may not.
    pub(super) fn rights(&self) -> Option<Rights> {
        match self {
            Self::Denied | Self::SignIn => None,
            Self::Read => Some(Rights::none()),
            Self::Act(rights) | Self::ActAs(rights, _) => Some(*rights),
        }
    }
}

/// One thing that may be done in the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Right {
    /// Retry dead jobs.
    RetryJobs,
    /// Cancel jobs.
    CancelJobs,
    /// Change when, how urgently and how often jobs are tried.
    RescheduleJobs,
    /// Delete jobs without a line in the history.
    DeleteJobs,
    /// Pause and resume queues.
    PauseQueues,
    /// Pause and resume schedules.
    PauseSchedules,
    /// Fire schedules now.
    TriggerSchedules,
    /// Create, change and delete schedules.
    EditSchedules,
    /// Do to all jobs that meet conditions what may be done to one. The right of that act is needed too.
    ActOnMany,
    /// Add jobs of any task, with any payload.
    AddJobs,
    /// Let jobs run that wait for others, or are held.
    ReleaseJobs,
    /// Forget the steps that jobs have done, so that they are done again.
    ClearSteps,
    /// Send signals for which jobs wait, such as approvals, with any value.
    SendSignals,
}

impl Right {
    /// All rights.
    pub const ALL: [Self; 13] = [
        Self::RetryJobs,
        Self::CancelJobs,
        Self::RescheduleJobs,
        Self::DeleteJobs,
        Self::PauseQueues,
        Self::PauseSchedules,
        Self::TriggerSchedules,
        Self::EditSchedules,
        Self::ActOnMany,
        Self::AddJobs,
        Self::ReleaseJobs,
        Self::ClearSteps,
        Self::SendSignals,
    ];

    /// What the right permits, as the end of a sentence.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::RetryJobs => "retry jobs",
            Self::CancelJobs => "cancel jobs",
            Self::RescheduleJobs => "reschedule jobs",
            Self::DeleteJobs => "delete jobs",
            Self::PauseQueues => "pause and resume queues",
            Self::PauseSchedules => "pause and resume schedules",
            Self::TriggerSchedules => "trigger schedules",
            Self::EditSchedules => "create, change and delete schedules",
            Self::ActOnMany => "act on many jobs at once",
            Self::AddJobs => "add jobs",
            Self::ReleaseJobs => "release jobs that wait or are held",
            Self::ClearSteps => "forget the steps of jobs",
            Self::SendSignals => "send signals",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of [`Right`]s.
///
/// ```
/// use mainspring::dashboard::{Right, Rights};
///
/// let support = Rights::none().with(Right::RetryJobs).with(Right::TriggerSchedules);
/// assert!(support.permit(Right::RetryJobs) && !support.permit(Right::DeleteJobs));
/// assert!(Rights::all().without(Right::DeleteJobs).permit(Right::CancelJobs));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "rights permit nothing until a request has them"]
pub struct Rights(u32);

impl Rights {
    /// No right. A request with it reads, as with [`Access::Read`].
    pub const fn none() -> Self {
        Self(0)
    }

    /// Every right, also those that later releases add.
    pub const fn all() -> Self {
        Self(u32::MAX)
    }

    /// The same rights, and this one.
    pub const fn with(self, right: Right) -> Self {
        Self(self.0 | right.bit())
    }

    /// The same rights without this one.
    pub const fn without(self, right: Right) -> Self {
        Self(self.0 & !right.bit())
    }

    /// Returns `true` if the right is among them.
    #[must_use]
    pub const fn permit(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Right::ALL.iter().filter(|right| self.permit(**right))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_is_one_of_a_set_and_no_other() {
        for right in Right::ALL {
            let one = Rights::none().with(right);
            let permitted: Vec<_> = Right::ALL.into_iter().filter(|other| one.permit(*other)).collect();
            assert_eq!(permitted, [right]);
            assert!(!Rights::all().without(right).permit(right));
            assert_eq!(one.without(right), Rights::none());
        }
        assert_eq!(format!("{:?}", Rights::none().with(Right::CancelJobs)), "{CancelJobs}");
    }

    #[test]
    fn a_name_is_what_the_database_can_hold_and_an_empty_one_is_none() {
        let act = || Access::Act(Rights::all());
        assert_eq!(
            (&*act().name(), &*act().by("").name(), &*act().by("anna").name()),
            ("unknown", "unknown", "anna")
        );
        assert_eq!(act().by("anna").by("bo"), act().by("bo"));
        assert_eq!(&*act().by("a\0b").name(), "a\u{fffd}b");
        assert_eq!(act().by(&"\u{e4}".repeat(300)).name().chars().count(), LONGEST_NAME);
        assert_eq!(act().by("anna").rights(), Some(Rights::all()));
    }
}
