//! What the test kit needs of a scheduler beyond its interface: to start it under the kit's control, and to reach what its actors
//! share.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use super::builder::SchedulerBuilder;
use super::handle::Scheduler;
use super::once::rescue_now;
use crate::actors::cron::{CronActor, FireDue};
use crate::actors::maintenance::maintain;
use crate::actors::queue::RunOnce;
use crate::config::{Fires, StartPolicy};
use crate::error::SchedulerError;
use crate::run_summary::RunSummary;
use crate::shared::interrupted;
use crate::test_hooks::TestHooks;

// A test makes few statements at once, and many tests share a server.
const POOL_SIZE: u32 = 3;
const HANDLER_POOL_SIZE: u32 = 4;
const WORKER_THREADS: usize = 2;
// Jobs are looked for on request.
const POLL_INTERVAL: Duration = Duration::from_secs(15);

/// How many connections a scheduler under test opens at most, heartbeats included.
pub(crate) const CONNECTIONS: usize = (POOL_SIZE + HANDLER_POOL_SIZE) as usize + 1;

impl SchedulerBuilder {
    /// Lets jobs run on request only, and bounds the connections. `mark` ends the names of its sessions.
    pub(crate) fn under_test(mut self, hooks: TestHooks, moved: &Arc<AtomicI64>, mark: &str) -> Self {
        let config = &mut self.config;
        config.test = Some(hooks);
        config.clock.moved = Arc::clone(moved);
        config.worker_name.push_str(mark);
        config.listen = false;
        config.poll_interval = Some(POLL_INTERVAL);
        config.pool_size = config.pool_size.min(POOL_SIZE);
        config.handler_pool_size = config.handler_pool_size.min(HANDLER_POOL_SIZE);
        config.worker_threads = config.worker_threads.min(WORKER_THREADS);
        config.start_policy = StartPolicy::FailAtOnce;
        self
    }
}

impl Scheduler {
    /// Runs jobs of this task or of all, until none is ready or so many attempts have ended.
    pub(crate) async fn run_some(
        &self,
        task: Option<&'static str>,
        most: u64,
    ) -> Result<RunSummary, SchedulerError> {
        self.queue_actor()?.send(RunOnce::Some { task, most }).await.map_err(interrupted)?
    }

    /// Fires the schedules that are due, if this process fires any.
    pub(crate) async fn fire_due(&self) -> Result<(), SchedulerError> {
        if self.0.shared.config.fires == Fires::None {
            return Ok(());
        }
        let cron = self.0.shared.address::<CronActor>().ok_or(SchedulerError::Stopped)?;
        Ok(cron.send(FireDue).await.map_err(interrupted)??)
    }

    /// Rescues the jobs of workers that are lost by now.
    pub(crate) async fn rescue_lost(&self) {
        rescue_now(&self.0.shared).await;
    }

    /// Prepares the history, and deletes what was kept for long enough.
    pub(crate) async fn maintain(&self) {
        maintain(&self.0.shared).await;
    }

    /// Ends all work of the scheduler at once, without a clean-up: no handler is polled again, and nothing more is stored.
    pub(crate) fn cut_off(&self) {
        let shared = &self.0.shared;
        shared.config.test.iter().for_each(TestHooks::cut_off);
        shared.fence.shut();
        shared.store.close();
        shared.signals.interrupt_all();
        self.0.request_stop(Duration::ZERO);
    }
}
