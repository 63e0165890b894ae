//! Whether a pooler stands between a process and its server, and what a connection may then expect of its session. A plain
//! value; the store finds it out.

use std::sync::{Arc, OnceLock};

/// What becomes of a connection's session between its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// There is no pooler.
    Direct,
    /// A pooler gives each connection a session of its own, until the connection is closed.
    Sessions,
    /// A pooler lends a session for each transaction. Nothing that the session keeps may be changed, or relied upon.
    Transactions,
}

/// What `start` has found. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct FoundPooling(Arc<OnceLock<Pooling>>);

impl FoundPooling {
    /// Until it is found, connections are taken for direct ones.
    pub(crate) fn get(&self) -> Pooling {
        self.0.get().copied().unwrap_or(Pooling::Direct)
    }

    pub(crate) fn is_found(&self) -> bool {
        self.0.get().is_some()
    }

    /// Notes what was found. Later findings change nothing.
    pub(crate) fn set(&self, found: Pooling) {
        let _ = self.0.set(found);
    }
}
