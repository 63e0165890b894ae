//! What a fire does while an earlier job lives, and how many missed fires are made up for.

use serde::{Deserialize, Serialize};

/// What a fire does while an earlier job of the same schedule lives. `Skip` and `Replace` find that job by its key:
/// the schedule's own, or `schedule:NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Overlap {
    /// Adds another job. The default.
    #[default]
    Allow,
    /// Adds nothing while one is waiting or running.
    Skip,
    /// Replaces the waiting one, as [`KeyMode::Replace`](crate::KeyMode::Replace) does: a running one goes on to its end,
    /// but is not retried.
    Replace,
}

impl Overlap {
    /// All policies.
    pub(crate) const ALL: [Self; 3] = [Self::Allow, Self::Skip, Self::Replace];

    /// Returns the policy's name in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Skip => "skip",
            Self::Replace => "replace",
        }
    }
}

/// How many missed fires are made up for once a scheduler runs again. A fire is missed when it was due more than ten
/// seconds before a scheduler was there: none ran, or the database was away. A fire that was held up is late, and not missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CatchUp {
    /// None of them.
    None,
    /// The last one. The default.
    #[default]
    Last,
    /// All of them, oldest first; of more than this number the newest. At most 10,000.
    All(u32),
}

impl CatchUp {
    /// Returns how many fires are made up for at most, as the database stores it.
    #[must_use]
    pub fn limit(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Last => 1,
            Self::All(most) => most,
        }
    }
}
