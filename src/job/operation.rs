//! The names that belong to Mainspring itself: its own task, which carries out operations of the dashboard.

/// No handler of an application has a task whose name begins so.
pub(crate) const RESERVED: &str = "mainspring:";
/// The task that carries out operations.
#[cfg(feature = "dashboard")]
pub(crate) const TASK: &str = "mainspring:operation";
/// Its queue. Operations run one after the other, unless the queue gets other limits. Its name has no `:`, so it is no tenant's.
#[cfg(feature = "dashboard")]
pub(crate) const QUEUE: &str = "mainspring.operations";
/// Its jobs have this flag. So only claims that look for flags look for them, and others need not know the task.
#[cfg(feature = "dashboard")]
pub(crate) const FLAG: &str = "mainspring:operation";

/// Whether the name is one of Mainspring's own.
pub(crate) fn is_reserved(task: &str) -> bool {
    task.starts_with(RESERVED)
}
