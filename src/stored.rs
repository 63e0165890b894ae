//! Whether a request that failed was carried out all the same. Knows no error.

/// Whether a request that failed was carried out all the same: whether the jobs of an enqueue are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Nothing was stored: it can be tried again.
    No,
    /// All of it was stored, only the reply failed.
    Yes,
    /// The database may have carried it out, or may yet: a key makes it safe to try again.
    Unknown,
}

impl Stored {
    pub(crate) fn as_clause(self) -> &'static str {
        match self {
            Self::No => ", and nothing was sent to it",
            Self::Yes => ", and has stored everything",
            Self::Unknown => ": it may have carried out the request, or may yet",
        }
    }
}
