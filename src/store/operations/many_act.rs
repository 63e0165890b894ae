//! What an operation does to each of its jobs, by the words of the table.

use crate::store::jobs::Act;

/// What an operation does to each of its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ManyAct {
    Retry,
    Reschedule,
    Release,
    Fail,
    Cancel,
    Delete,
}

impl ManyAct {
    pub(crate) const ALL: [Self; 6] =
        [Self::Retry, Self::Reschedule, Self::Release, Self::Fail, Self::Cancel, Self::Delete];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Reschedule => "reschedule",
            Self::Release => "release",
            Self::Fail => "fail",
            Self::Cancel => "cancel",
            Self::Delete => "delete",
        }
    }

    /// The act of this word, if it is one.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.as_str() == word)
    }

    /// What an act is as an operation. No operation completes jobs.
    pub(super) fn of(act: &Act) -> Option<Self> {
        match act {
            Act::Retry(_) => Some(Self::Retry),
            Act::Reschedule(_) => Some(Self::Reschedule),
            Act::Release => Some(Self::Release),
            Act::Fail(_) => Some(Self::Fail),
            Act::Cancel(_) => Some(Self::Cancel),
            Act::Delete => Some(Self::Delete),
            Act::Complete(_) => None,
        }
    }
}
