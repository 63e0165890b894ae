//! This process registers as a worker, at its start and after others have taken it for lost, and publishes its tasks.

use std::time::Duration;

use super::Shared;
use crate::error::StoreError;
use crate::store::Session;
use crate::store::presence::{NewWorker, register};
use crate::store::tasks::publish;
use crate::text::one_line;

impl Shared {
    /// Registers this worker, and returns its new id.
    pub(crate) fn register(&self, conn: &mut Session<'_>) -> Result<i32, StoreError> {
        let config = &self.config;
        let worker = NewWorker {
            name: &config.worker_name,
            tasks: &self.tasks,
            versions: &self.known.versions(),
            lines: &config.lines(),
            concurrency: config.concurrency,
            forbidden_flags: config.forbidden_flags.list(),
            timeout: config.heartbeat_timeout,
            origin: config.origin,
        };
        register(conn, worker)
    }

    /// Publishes the tasks of this process at its start, which goes on where that fails.
    pub(crate) fn publish_tasks(&self, conn: &mut Session<'_>) {
        if let Err(error) = publish(conn, &self.config.worker_name, &self.known, Duration::ZERO) {
            log::error!(
                "cannot publish the tasks of this process, trying again every ten minutes: {}",
                one_line(error)
            );
        }
    }
}
