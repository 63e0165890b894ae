//! How a queue names the tenant whose jobs it has: `TASK:TENANT`.

/// The tenant's queue for jobs of a task.
pub(crate) fn queue_of_tenant(task: &str, tenant: &str) -> String {
    format!("{task}:{tenant}")
}

/// The tenant whose queue it is: what is behind the last `:`.
pub(crate) fn tenant_of_queue(queue: &str) -> Option<&str> {
    queue.rsplit_once(':').map(|(_, tenant)| tenant)
}
