//! What keeps a schedule from firing: a fault of its own, or something else that passes.

/// A schedule that fires no more, because it cannot be parsed or its job was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FaultySchedule {
    pub(crate) name: String,
    pub(crate) error: String,
}

/// A schedule whose fire could not be made now. It is to be tried again.
#[derive(Debug, Clone)]
pub(crate) struct LateFire {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) reason: String,
}
