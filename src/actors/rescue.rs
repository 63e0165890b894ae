//! Requeues the jobs of workers that no longer live, and wakes the processes that can run them.

use super::queue::QueueActor;
use crate::engine::Wake;
use crate::error::StoreError;
use crate::event::{Event, JobFacts};
use crate::shared::Shared;
use crate::store::admit::wake;
use crate::store::presence::{RescuedJob, rescue, rescue_orphans};
use crate::store::{Durability, Session};

// Beyond this number, one scan of everything is cheaper than a wake for each job.
const MAX_WAKES: usize = 1_000;

/// Requeues the jobs of workers whose heartbeat or lock is missing. After an error, the next heartbeat tries again.
pub(super) async fn rescue_lost_workers(shared: &Shared) {
    let worker_id = shared.worker_id();
    let rescue_and_announce = move |conn: &mut Session<'_>| {
        let rescued = rescue(conn, worker_id)?;
        announce(conn, &rescued)?;
        Ok(rescued)
    };
    match shared.store.run(Durability::Relaxed, rescue_and_announce).await {
        Ok(rescued) => {
            for job in &rescued {
                log_rescue(job);
                shared.events.publish(|| rescued_event(job));
            }
            wake_own_queue(shared, &rescued);
        }
        Err(error) => log::error!("cannot rescue the jobs of lost workers, trying again: {error}"),
    }
}

/// Requeues running jobs whose worker has no row any more.
pub(super) async fn rescue_jobs_without_worker(shared: &Shared, durability: Durability) {
    match shared.store.run(durability, |conn| rescue_orphans(conn)).await {
        Ok(0) => {}
        Ok(jobs) => {
            log::warn!("{jobs} jobs taken from workers that left without settling them");
            shared.send::<QueueActor, _>(Wake::Everything);
        }
        Err(error) => log::error!("cannot rescue the jobs of workers that left, trying again: {error}"),
    }
}

fn log_rescue(job: &RescuedJob) {
    let RescuedJob { id, task, worker_id, attempt, .. } = job;
    let fate = if job.dead { "it is dead, no attempt is left" } else { "it goes back" };
    log::warn!("job {id} `{task}` taken from lost worker {worker_id} in attempt {attempt}: {fate}");
}

fn rescued_event(rescued: &RescuedJob) -> Event {
    let RescuedJob { id, attempt, dead, worker_id, .. } = *rescued;
    let (task, queue) = (rescued.task.clone(), rescued.queue.clone());
    Event::JobRescued { job: JobFacts { id, task, queue, attempt }, lost_worker: worker_id, dead }
}

// Workers may be lost often. The wakes name positions, because a scan of everything is slow while many dead rows are there.
fn wake_own_queue(shared: &Shared, rescued: &[RescuedJob]) {
    if rescued.len() > MAX_WAKES {
        return shared.send::<QueueActor, _>(Wake::Everything);
    }
    for job in rescued {
        let wake = match &job.queue {
            // A dead job leaves its slot to the next one of its queue.
            Some(queue) => Wake::Parked(queue.clone(), Some(job.position())),
            None if job.dead => continue,
            None => Wake::Ready(job.position()),
        };
        shared.send::<QueueActor, _>(wake);
    }
    if !rescued.is_empty() {
        shared.send::<QueueActor, _>(Wake::Flagged);
        shared.send::<QueueActor, _>(Wake::DueSoon);
    }
}

// A notification names queues or none, so jobs outside of queues get one of their own.
fn announce(conn: &mut Session<'_>, rescued: &[RescuedJob]) -> Result<(), StoreError> {
    let (in_queues, outside): (Vec<_>, Vec<_>) =
        rescued.iter().filter(|job| !job.dead).partition(|job| job.queue.is_some());
    for jobs in [outside, in_queues] {
        let queues: Vec<String> = jobs.iter().filter_map(|job| job.queue.clone()).collect();
        let best = jobs.iter().map(|job| job.position()).min();
        best.map_or(Ok(()), |position| wake(conn, position, &queues))?;
    }
    Ok(())
}
