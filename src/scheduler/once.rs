//! Runs what is ready, and returns: for scripts, for cron pods and for tests.

use std::time::Instant;

use super::builder::SchedulerBuilder;
use super::handle::Scheduler;
use super::process_signals::asked_to_end;
use crate::actors::queue::RunOnce;
use crate::actors::rescue::Rescuer;
use crate::error::SchedulerError;
use crate::lock::lock;
use crate::run_summary::RunSummary;
use crate::shared::{Shared, interrupted};
use crate::store::workers::{self, WorkerStatus};
use crate::store::{Durability, Session};

impl SchedulerBuilder {
    /// Starts, runs every job that is ready, stops in order, and returns how the attempts ended. [`Scheduler::run_once`]
    /// defines *ready*. Jobs of workers that are lost are rescued first, for which it waits up to twice the heartbeat's
    /// time-out. Cron does not fire.
    ///
    /// If the future is dropped, the scheduler stops in the background.
    ///
    /// ```no_run
    /// # use mainspring::{JobContext, JobResult, Scheduler, Task};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)] struct Report {}
    /// # impl Task for Report { const NAME: &'static str = "report"; }
    /// # async fn publish(_: Report, _: JobContext) -> JobResult { Ok(()) }
    /// # async fn example() -> Result<(), mainspring::SchedulerError> {
    /// let summary = Scheduler::builder("postgres://localhost/app").handler(publish).run_once().await?;
    /// println!("{summary}"); // 3 attempts: 2 succeeded, 1 failed
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`SchedulerBuilder::start`], and as [`Scheduler::run_once`].
    pub async fn run_once(self) -> Result<RunSummary, SchedulerError> {
        let scheduler = self.without_cron().start().await?;
        scheduler.rescue_and_run().await
    }

    /// As [`Self::run_once`], for a process of its own, such as a pod of a `CronJob`: SIGINT or SIGTERM stops it in order, as
    /// [`Scheduler::stop`] does. A second signal ends the process at once, as [`Scheduler::exit_at_second_signal`] describes.
    ///
    /// ```no_run
    /// # async fn example(builder: mainspring::SchedulerBuilder) -> Result<(), Box<dyn std::error::Error>> {
    /// if std::env::args().any(|argument| argument == "--once") {
    ///     println!("{}", builder.run_once_until_signal().await?);
    ///     return Ok(());
    /// }
    /// let scheduler = builder.start().await?;
    /// # let _ = scheduler;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::run_once`]. [`SchedulerError::Stopped`] after a signal: jobs may be ready still. A signal during the start ends
    /// it at once, before any job has run. [`SchedulerError::Config`] when the signals cannot be watched.
    pub async fn run_once_until_signal(self) -> Result<RunSummary, SchedulerError> {
        let asked = asked_to_end();
        let asked =
            asked.map_err(|error| SchedulerError::Config(format!("cannot watch signals: {error}")))?;
        let mut asked = std::pin::pin!(asked);
        let scheduler = tokio::select! {
            started = self.without_cron().start() => started?,
            () = &mut asked => return Err(SchedulerError::Stopped),
        };
        tokio::select! {
            summary = scheduler.rescue_and_run() => summary,
            () = asked => {
                scheduler.stop().await;
                Err(SchedulerError::Stopped)
            }
        }
    }
}

impl Scheduler {
    /// Waits until this process can run no job now, and returns how the attempts ended that ended meanwhile. The scheduler
    /// goes on afterwards.
    ///
    /// A job is *ready* if it is due by the database's clock and nothing but a free slot of this process keeps it
    /// from running:
    ///
    /// - Also waited for: jobs that already run here, jobs that jobs add if they are due at once, retries without a delay,
    ///   and jobs that wait for others that run here, because of a queue's limit or a limit of their task.
    /// - Not waited for: jobs that are due later, such as retries after their back-off; jobs that the rate of their queue
    ///   lets through later; jobs of paused queues and tasks, of tasks without a handler here, with forbidden flags, and
    ///   of queues whose slots other processes use.
    ///
    /// It has no time-out: jobs that keep adding jobs keep it. Inside a handler it never returns, because that job runs.
    /// Several calls at once each count what ended since they began.
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Store`] at the first error of a look for jobs, or when outcomes cannot be stored: what is ready
    /// is not known then, and the scheduler goes on trying. [`SchedulerError::Stopped`] when the scheduler is stopped
    /// meanwhile, and [`SchedulerError::Interrupted`] as it says.
    pub async fn run_once(&self) -> Result<RunSummary, SchedulerError> {
        self.run(RunOnce::FromNow).await
    }

    // With all that has ended since the start.
    async fn rescue_and_run(&self) -> Result<RunSummary, SchedulerError> {
        rescue(&self.0.shared).await;
        let summary = self.run(RunOnce::FromStart).await;
        self.stop().await;
        summary
    }

    async fn run(&self, message: RunOnce) -> Result<RunSummary, SchedulerError> {
        self.queue_actor()?.send(message).await.map_err(interrupted)?
    }
}

// A process that has just started may not know yet that another one is lost. The jobs that are ready run meanwhile.
async fn rescue(shared: &Shared) {
    let deadline = Instant::now() + shared.config.heartbeat_timeout * 2;
    let mut rescuer = Rescuer::default();
    loop {
        rescuer.rescue_orphans(shared).await;
        rescuer.rescue_lost_workers(shared).await;
        let now = Instant::now();
        let orphans_wait = lock(&shared.orphans).any_waits(now);
        if now >= deadline || !(orphans_wait || lost_workers_hold_jobs(shared).await) {
            return;
        }
        actix_rt::time::sleep(shared.config.heartbeat_interval()).await;
    }
}

/// Rescues what can be rescued now, and waits for nothing.
#[cfg(feature = "testing")]
pub(super) async fn rescue_now(shared: &Shared) {
    let mut rescuer = Rescuer::default();
    rescuer.rescue_orphans(shared).await;
    rescuer.rescue_lost_workers(shared).await;
}

async fn lost_workers_hold_jobs(shared: &Shared) -> bool {
    let (own, list) = (shared.worker_id(), |conn: &mut Session<'_>| workers::list(conn));
    let holds = |worker: &WorkerStatus| worker.lost && worker.running > 0 && worker.id != own;
    // The look for jobs finds the error again, and returns it.
    shared.store.run(Durability::Relaxed, list).await.is_ok_and(|workers| workers.iter().any(holds))
}
