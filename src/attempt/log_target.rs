//! The target of log lines about jobs. It is documented, so that programs may filter by it.

/// The target of lines about jobs in general. The target of one job's own lines begins with it.
pub(super) const TARGET: &str = "mainspring::job";
