//! The order of a stop, from the request to the end of the thread:
//!
//! 1. [`StopOnDrop`] requests it: by `Scheduler::stop`, or when the last handle is dropped. The supervisor requests it when
//!    actors die too often. Running jobs can observe it.
//! 2. [`stop`] runs on the scheduler's thread. The CronActor leaves.
//! 3. The QueueActor drains: it claims no more, releases what has not started, and stores outcomes. Running jobs have the
//!    grace period.
//! 4. After the grace period, the running jobs are interrupted, and their outcomes are stored.
//! 5. Maintenance leaves, and the heartbeat, which has kept the leases alive until now.
//! 6. The worker's row is removed. A row with jobs that were not given back stays, so that other processes rescue them.
//! 7. The listener and the QueueActor leave. No address is left: from now on, callers receive `Stopped`.
//! 8. The streams of events end, and the connections are closed.
//! 9. The thread ends with the threads of the workers. `Scheduler::stop` returns.
//!
//! Until step 7 the supervisor restarts a QueueActor or a worker that dies, and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::actors::cron::CronActor;
use crate::actors::death_watch::Leave;
use crate::actors::heartbeat::HeartbeatActor;
use crate::actors::listener::ListenerActor;
use crate::actors::maintenance::MaintenanceActor;
use crate::actors::queue::{Drain, QueueActor};
use crate::engine::Drained;
use crate::event::Event;
use crate::phase::Phase;
use crate::shared::Shared;
use crate::store::Durability;
use crate::store::presence::{JobsLeft, unregister};
use crate::text::one_line;

// After the jobs have ended, only a few statements remain.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);
// A QueueActor that died is restarted before this is over, and drains then.
const DRAIN_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// Owned by the handles of a scheduler. The stop is requested when the last of them is dropped.
pub(super) struct StopOnDrop {
    pub(super) shared: Arc<Shared>,
}

impl StopOnDrop {
    pub(super) fn request_stop(&self) {
        self.shared.phase.advance(Phase::Stopping);
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.request_stop();
    }
}

/// Stops everything but the supervisor and the threads of the workers, in order.
pub(super) async fn stop(shared: &Shared) {
    shared.send::<CronActor, _>(Leave);
    let drained = drain(shared).await;
    shared.send::<MaintenanceActor, _>(Leave);
    shared.send::<HeartbeatActor, _>(Leave);
    remove_worker(shared, drained).await;
    let (listener, queue) = (shared.address::<ListenerActor>(), shared.address::<QueueActor>());
    shared.addresses.clear();
    listener.iter().for_each(|listener| listener.do_send(Leave));
    queue.iter().for_each(|queue| queue.do_send(Leave));
    shared.events.publish(|| Event::WorkerStopped { id: shared.worker_id() });
    shared.events.close();
    shared.store.close();
}

async fn drain(shared: &Shared) -> Drained {
    if let Some(drained) = drained_by(shared, Instant::now() + shared.config.grace_period).await {
        return reported(shared, drained);
    }
    log::warn!("the grace period is over: {} jobs are interrupted", shared.leases.count());
    shared.signals.interrupt_all();
    if let Some(drained) = drained_by(shared, Instant::now() + SETTLE_TIMEOUT).await {
        return reported(shared, drained);
    }
    let left = shared.leases.count();
    log::error!(
        "{left} jobs could not be given back in time: others will find this worker lost and rescue them"
    );
    Drained::Unsure
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

// Returns once no lease is open, or `None` at the deadline. A QueueActor that dies meanwhile is restarted, and the new one
// drains.
async fn drained_by(shared: &Shared, deadline: Instant) -> Option<Drained> {
    loop {
        let left = deadline.checked_duration_since(Instant::now())?;
        // Without an address, the stop was requested before the actors were started.
        let Some(queue) = shared.address::<QueueActor>() else { return Some(Drained::Unsure) };
        match actix_rt::time::timeout(left, queue.send(Drain)).await {
            Ok(Ok(drained)) if drained == Drained::Stuck || shared.leases.count() == 0 => {
                return Some(drained);
            }
            Ok(_) => actix_rt::time::sleep(DRAIN_AGAIN_AFTER.min(left)).await,
            Err(_) => return None,
        }
    }
}

async fn remove_worker(shared: &Shared, drained: Drained) {
    let jobs_left = match drained {
        Drained::Agreed => JobsLeft::None,
        Drained::Unsure | Drained::Stuck => JobsLeft::Possible,
    };
    let worker_id = shared.worker_id();
    let removed = shared.store.run(Durability::Durable, move |conn| unregister(conn, worker_id, jobs_left));
    match actix_rt::time::timeout(SETTLE_TIMEOUT, removed).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => log::error!("cannot take this worker's row away: {}", one_line(error)),
        Err(_) => log::error!("cannot take this worker's row away: the database does not answer"),
    }
}
