//! A scheduler that runs nothing: its handles read, add and change what other processes run.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::builder::SchedulerBuilder;
use super::handle::Scheduler;
use super::last_handle::LastHandle;
use super::stop::StopOnDrop;
use super::thread::{find_pooling, refused};
use crate::config::{Config, Part};
use crate::error::{SchedulerError, StoreError};
use crate::shared::Shared;
use crate::store::connector::connect;
use crate::store::migrate::verify_as_client;
use crate::store::pool::blocking;

impl SchedulerBuilder {
    /// Connects, and runs nothing: for a process that adds, reads or changes jobs which others run. It registers no worker, claims no
    /// job, fires no schedule, and has no thread but those of its statements. Lines of a crontab have no effect. Handlers run nothing:
    /// their types judge payloads, and find the values that are [redacted](crate::Redacted).
    ///
    /// The handles work as those of a running scheduler do, and do what the role of the URL may. Jobs that are added start when
    /// another process is notified. There are no [events](Scheduler::events), no own statistics and no
    /// [gauges](Scheduler::gauges), [`run_once`](Scheduler::run_once) fails, and a wait for a job looks once a second. A program that
    /// only adds jobs has a [`Client`](crate::Client).
    ///
    /// Each enqueue is a statement of its own. It waits for a key that another transaction holds within
    /// [`enqueue_timeout`](Self::enqueue_timeout): `key_timeout` has no effect, and neither have `max_waiting_jobs` and
    /// `max_waiting_bytes`. All of [`pool_size`](Self::pool_size) serve such statements.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), mainspring::SchedulerError> {
    /// use mainspring::Scheduler;
    ///
    /// let client = Scheduler::builder("postgres://localhost/app").connect().await?;
    /// for queue in client.queues().list().await? {
    ///     println!("{}: {} jobs wait", queue.name, queue.waiting);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), but at once: neither does it wait for the database, nor does it migrate.
    pub async fn connect(mut self) -> Result<Scheduler, SchedulerError> {
        self.check()?;
        self.config.part = Part::Client;
        // No connection listens.
        self.config.listen = false;
        let config = self.config.clone();
        blocking(move || look(&config)).await.map_err(refused)?;
        let known = Arc::clone(self.registry.known());
        let shared = Arc::new(Shared::new(self.config, known, self.app_data, mpsc::unbounded_channel().0));
        Ok(Scheduler(Arc::new(LastHandle::new(StopOnDrop { shared }))))
    }
}

fn look(config: &Config) -> Result<(), StoreError> {
    find_pooling(config)?;
    verify_as_client(&mut connect(config)?.session())
}
