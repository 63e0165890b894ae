//! Which flags a process leaves alone: a list, or a function that is called before claims. No database, no actors.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Returns the flags that are left alone for now.
pub(crate) type AskForFlags = dyn Fn() -> Pin<Box<dyn Future<Output = Vec<String>>>> + Send + Sync;

/// The flags whose jobs this process does not claim.
#[derive(Clone)]
pub(crate) enum ForbiddenFlags {
    These(Vec<String>),
    Asked(Arc<AskForFlags>),
}

impl ForbiddenFlags {
    /// Creates flags that a function returns.
    pub(crate) fn asked<F, Answer>(function: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Vec<String>> + 'static,
    {
        Self::Asked(Arc::new(move || Box::pin(function())))
    }

    /// Returns the flags, or `None` if a function decides.
    pub(crate) fn list(&self) -> Option<&[String]> {
        match self {
            Self::These(flags) => Some(flags),
            Self::Asked(_) => None,
        }
    }
}

impl Default for ForbiddenFlags {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

impl fmt::Debug for ForbiddenFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::These(flags) => f.debug_tuple("These").field(flags).finish(),
            Self::Asked(_) => f.write_str("Asked"),
        }
    }
}
