//! The order of a stop, from the request to the end of the thread:
//!
//! 1. [`StopOnDrop`] requests it: by `Scheduler::stop`, or when the last handle is dropped. The supervisor requests it when
//!    actors die too often. Running jobs can observe it.
//! 2. [`stop`] runs on the scheduler's thread. The CronActor leaves. Other processes are told to look everywhere.
//! 3. The QueueActor drains: it claims no more, releases what has not started, and stores outcomes. Running jobs have the
//!    grace period. It is logged which jobs still run, at once and when one of them has ended.
//! 4. After the grace period, the running jobs are interrupted, and their outcomes are stored.
//! 5. Maintenance leaves, and the heartbeat, which has kept the leases alive until now.
//! 6. The worker's row is removed. A row with jobs that were not given back stays, so that other processes rescue them.
//! 7. The listener and the QueueActor leave. No address is left: from now on, callers receive `Stopped`.
//! 8. The streams of events end, and the connections are closed.
//! 9. `Scheduler::stop` returns. The thread ends with the threads of the workers.
//!
//! Until step 7 the supervisor restarts a QueueActor or a worker that dies, and nothing else.
//!
//! The file `patience.rs` has the times. Whatever the database does, step 9 is reached within the grace period and one second.
//! A process that holds no job does not wait for the grace period. The thread of step 9 may still wait for a statement that
//! the server does not end; nothing waits for that thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::patience::{Next, Patience};
use crate::actors::cron::CronActor;
use crate::actors::death_watch::Leave;
use crate::actors::heartbeat::HeartbeatActor;
use crate::actors::listener::ListenerActor;
use crate::actors::maintenance::MaintenanceActor;
use crate::actors::queue::{Drain, QueueActor};
use crate::config::Part;
use crate::engine::Drained;
use crate::event::Event;
use crate::phase::Phase;
use crate::running::Running;
use crate::shared::Shared;
use crate::store::Durability;
use crate::store::handover::announce_departure;
use crate::store::presence::{JobsLeft, unregister};
use crate::store::stats;
use crate::text::one_line;

// How often the stop looks at what is open.
const TICK: Duration = Duration::from_millis(20);
// More jobs do not fit into a log line that a person reads.
const MAX_NAMED: usize = 10;
// A QueueActor that died is restarted before this is over, and drains then.
const DRAIN_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// Owned by the handles of a scheduler. The stop is requested when the last of them is dropped.
pub(super) struct StopOnDrop {
    pub(super) shared: Arc<Shared>,
}

impl StopOnDrop {
    pub(super) fn request_stop(&self, grace_period: Duration) {
        self.shared.phase.request_stop(grace_period);
        // Nothing runs that would have to end first.
        if self.shared.config.part == Part::Client {
            self.shared.events.close();
            self.shared.store.close();
            self.shared.phase.advance(Phase::Stopped);
        }
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        // A stop that was requested keeps its grace period.
        if !self.shared.is_stopping() {
            self.request_stop(self.shared.config.grace_period);
        }
    }
}

/// Stops everything but the supervisor and the threads of the workers, in order.
pub(super) async fn stop(shared: &Shared) {
    let asked_at = shared.phase.stopping_since().unwrap_or_else(Instant::now);
    let grace_ends_at = shared.phase.grace_ends_at().unwrap_or(asked_at);
    let mut patience = Patience::new(asked_at, grace_ends_at);
    shared.send::<CronActor, _>(Leave);
    announce(shared);
    let end = drain(shared, &mut patience).await;
    shared.send::<MaintenanceActor, _>(Leave);
    shared.send::<HeartbeatActor, _>(Leave);
    if let Some(jobs_left) = end.jobs_left() {
        remove_worker(shared, jobs_left, patience.last_statement(Instant::now())).await;
    }
    let (listener, queue) = (shared.address::<ListenerActor>(), shared.address::<QueueActor>());
    shared.addresses.clear();
    listener.iter().for_each(|listener| listener.do_send(Leave));
    queue.iter().for_each(|queue| queue.do_send(Leave));
    #[cfg(feature = "metrics")]
    shared.record_metrics();
    shared.events.publish(|| Event::WorkerStopped { id: shared.worker_id() });
    shared.events.close();
    shared.store.close();
}

// Jobs that this process has made ready, and will not claim. If this is lost, the next poll of the others finds them.
fn announce(shared: &Shared) {
    let store = shared.store.clone();
    actix_rt::spawn(async move {
        let _ = store.run(Durability::Relaxed, announce_departure).await;
    });
}

/// How the wait for jobs and statements ended.
enum End {
    Drained(Drained),
    JobsOpen,
    /// The database may lease jobs to this worker that the process does not know.
    StatementsOpen,
}

impl End {
    /// Whether the worker's row may go. It stays where a rescue must find jobs through it.
    fn jobs_left(&self) -> Option<JobsLeft> {
        match self {
            Self::Drained(Drained::Agreed) => Some(JobsLeft::None),
            Self::Drained(Drained::Unsure | Drained::Stuck) | Self::JobsOpen => Some(JobsLeft::Possible),
            Self::StatementsOpen => None,
        }
    }
}

async fn drain(shared: &Shared, patience: &mut Patience) -> End {
    let mut drained = std::pin::pin!(drained(shared));
    loop {
        tokio::select! {
            biased;
            drained = &mut drained => return End::Drained(reported(shared, drained)),
            () = actix_rt::time::sleep(TICK) => {}
        }
        let now = Instant::now();
        shared.phase.grace_ends_at().into_iter().for_each(|ends_at| patience.hurry(ends_at));
        match patience.next(now, shared.leases.count()) {
            Next::Wait => {}
            Next::Report => log::info!("{}", still_open(shared, patience.left(now))),
            Next::Interrupt => {
                log::warn!(
                    "the grace period is over, and {} interrupted: {}",
                    counted(shared.leases.count(), "is", "are"),
                    open_jobs(shared)
                );
                shared.signals.interrupt_all();
            }
            Next::LeaveJobs => {
                log::error!(
                    "{} jobs could not be given back in time: others will find this worker lost and rescue them: {}",
                    shared.leases.count(),
                    open_jobs(shared)
                );
                return End::JobsOpen;
            }
            Next::LeaveStatements => {
                log::warn!(
                    "the database does not reply, so the stop does not wait for it: jobs that a claim under way has \
                     taken are rescued by others"
                );
                return End::StatementsOpen;
            }
        }
    }
}

fn reported(shared: &Shared, drained: Drained) -> Drained {
    if drained == Drained::Stuck {
        let left = shared.leases.count();
        log::error!(
            "the database refuses the outcomes of {left} jobs: others will find this worker lost and rescue them"
        );
    }
    drained
}

// Returns once no lease is open. A QueueActor that dies meanwhile is restarted, and the new one drains.
async fn drained(shared: &Shared) -> Drained {
    loop {
        // Without an address, the stop was requested before the actors were started.
        let Some(queue) = shared.address::<QueueActor>() else { return Drained::Unsure };
        match queue.send(Drain).await {
            Ok(drained) if drained == Drained::Stuck || shared.leases.count() == 0 => return drained,
            Ok(_) | Err(_) => actix_rt::time::sleep(DRAIN_AGAIN_AFTER).await,
        }
    }
}

fn still_open(shared: &Shared, left: Duration) -> String {
    let left = left.as_secs_f64().ceil();
    let running: usize = shared.addresses.workers().iter().map(|worker| worker.board.count()).sum();
    match running {
        0 => format!("stopping: outcomes are not stored yet, waiting up to {left} s: {}", open_jobs(shared)),
        _ => format!(
            "stopping: {}, waiting up to {left} s: {}",
            counted(running, "runs", "run"),
            open_jobs(shared)
        ),
    }
}

fn counted(jobs: usize, one: &str, many: &str) -> String {
    if jobs == 1 { format!("1 job {one}") } else { format!("{jobs} jobs {many}") }
}

/// The jobs that run, the oldest first, or those whose outcomes are not stored.
fn open_jobs(shared: &Shared) -> String {
    let workers = shared.addresses.workers();
    let mut running: Vec<Running> = workers.iter().flat_map(|worker| worker.board.running()).collect();
    running.sort_by_key(|running| running.since);
    let named = |running: &Running| {
        let (job, age) = (running.job.facts(), running.since.elapsed().as_secs_f64());
        format!("job {} `{}` for {age:.1} s", job.id, one_line(job.task))
    };
    let mut jobs: Vec<String> = running.iter().take(MAX_NAMED).map(named).collect();
    if jobs.is_empty() {
        let mut ids: Vec<i64> = shared.leases.all_open().into_iter().map(|(id, _)| id).collect();
        ids.sort_unstable();
        jobs.extend(ids.iter().take(MAX_NAMED).map(|id| format!("job {id}")));
    }
    let more = running.len().max(shared.leases.count()).saturating_sub(jobs.len());
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}{more}", jobs.join(", "))
}

/// Takes the worker's row away. Gives up after that time.
pub(super) async fn remove_worker(shared: &Shared, jobs_left: JobsLeft, within: Duration) {
    let (worker_id, origin) = (shared.worker_id(), shared.config.origin);
    let telemetry = Arc::clone(&shared.telemetry);
    // The connection that polls use is open.
    let removed = shared.store.run(Durability::Relaxed, move |conn| {
        let gone = unregister(conn, worker_id, origin, jobs_left);
        if let Some(Err(error)) = telemetry.store(|added, errors| stats::add(conn, added, errors)) {
            log::warn!("the last statistics of this process are not stored: {}", one_line(error));
        }
        let _ = announce_departure(conn);
        gone
    });
    match actix_rt::time::timeout(within, removed).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => log::error!("cannot take this worker's row away: {}", one_line(error)),
        Err(_) => log::error!("cannot take this worker's row away: the database does not answer"),
    }
}
