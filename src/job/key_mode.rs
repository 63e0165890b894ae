//! What a taken key means.

/// What happens when another living job already holds the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum KeyMode {
    /// The waiting job takes every field of the new one. A running one loses its key and is not
    /// retried, and a new job is added. The default.
    #[default]
    Replace,
    /// As `Replace`, but a job that has not been attempted keeps its `run_at`.
    PreserveRunAt,
    /// The job that holds the key stays unchanged, waiting or running, and its id is returned.
    UnsafeDedupe,
}

impl KeyMode {
    /// Returns the mode's name in SQL and in crontabs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::PreserveRunAt => "preserve_run_at",
            Self::UnsafeDedupe => "unsafe_dedupe",
        }
    }
}
