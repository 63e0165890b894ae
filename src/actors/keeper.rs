//! KeeperActor: shows that this process lives, looks after those that do not any more, and clears away what has been
//! kept long enough. When it cannot show that it lives, it stops the claims and the jobs before others may take them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::store::Session;
use actix::{Actor, AsyncContext, Context, WrapFuture};

use super::death_watch::DeathWatch;
use super::listener::{ListenerActor, LockAgain};
use super::queue::{Claims, LeasesLost, QueueActor, Reconcile};
use crate::engine::Wake;
use crate::error::StoreError;
use crate::event::{Event, JobFacts};
use crate::shared::{Role, Shared};
use crate::store::Durability;
use crate::store::admit::wake;
use crate::store::presence::{
    Heartbeat, RescuedJob, beat, cancelled_attempts, register, rescue, rescue_orphans,
};
use crate::store::retention::{delete_dead, drop_history, prepare_history};
use crate::store::schedules::prune_fires;

// About once a minute with the default time-out.
const BEATS_BETWEEN_LOOKS: u64 = 20;
// A crash of the server cuts the connections. Where a proxy hides that, it is found after ten minutes.
const BEATS_BETWEEN_LOOKS_IN_VAIN: u64 = 200;
const MAINTAIN_EVERY: Duration = Duration::from_secs(600);
const MAX_DELETED_AT_ONCE: i64 = 1_000;
const MAX_WAKES: usize = 1_000;

/// Keeps the worker's row fresh.
pub(crate) struct KeeperActor {
    shared: Arc<Shared>,
    _watch: DeathWatch,
}

impl KeeperActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), _watch: DeathWatch::new(Role::Keeper, shared) }
    }
}

super::death_watch::ends_on_leave!(KeeperActor);

impl Actor for KeeperActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.spawn(beat_for_ever(Arc::clone(&self.shared)).into_actor(self));
        ctx.spawn(cancel_on_request(Arc::clone(&self.shared)).into_actor(self));
        ctx.spawn(maintain_for_ever(Arc::clone(&self.shared)).into_actor(self));
    }
}

async fn beat_for_ever(shared: Arc<Shared>) {
    let mut pulse = Pulse { last_good: Instant::now(), told: false, lapsed: false };
    let mut looked_at = Instant::now();
    for beats in 1_u64.. {
        let began = Instant::now();
        let worker_id = shared.worker_id();
        match beat_once(&shared, worker_id).await {
            Ok(Heartbeat::Alive { others_late, cancelled }) => {
                pulse.good(began, &shared);
                if cancelled {
                    pass_on_cancellations(&shared).await;
                }
                if others_late {
                    rescue_others(&shared).await;
                }
                if beats.is_multiple_of(BEATS_BETWEEN_LOOKS) {
                    rescue_those_left(&shared, Durability::Heartbeat).await;
                }
                if shared.store.lost_a_connection_since(looked_at)
                    || beats.is_multiple_of(BEATS_BETWEEN_LOOKS_IN_VAIN)
                {
                    looked_at = began;
                    shared.send::<QueueActor, _>(Reconcile);
                }
            }
            Ok(Heartbeat::Lost) => register_again(&shared, worker_id).await,
            Err(error) => pulse.bad(&error, &shared),
        }
        actix_rt::time::sleep(shared.config.heartbeat_interval()).await;
    }
}

// A connection that rested may be lost, as after a restart of the server: another one may do. That there is none is told
// by the second attempt.
async fn beat_once(shared: &Shared, worker_id: i32) -> Result<Heartbeat, StoreError> {
    let once = || shared.store.run(Durability::Heartbeat, move |conn| beat(conn, worker_id));
    match once().await {
        Err(StoreError::Database(_)) => once().await,
        done => done,
    }
}

/// When this process was last heard by the database.
struct Pulse {
    last_good: Instant,
    told: bool,
    lapsed: bool,
}

impl Pulse {
    fn good(&mut self, began: Instant, shared: &Shared) {
        self.last_good = began;
        if std::mem::take(&mut self.told) {
            log::info!("the database answers heartbeats again");
            shared.events.publish(|| Event::DatabaseBack);
        }
        if std::mem::take(&mut self.lapsed) {
            shared.send::<QueueActor, _>(Claims::Resume);
        }
    }

    // Others take this worker for lost when the time-out is over; its jobs must have ended before, on whichever clock.
    fn bad(&mut self, error: &StoreError, shared: &Shared) {
        if !std::mem::replace(&mut self.told, true) {
            log::error!("heartbeat failed, trying again: {error}");
            shared.events.publish(|| Event::DatabaseLost { error: error.to_string() });
        }
        if self.last_good.elapsed() > shared.config.heartbeat_timeout * 2 / 3 {
            shared.send::<QueueActor, _>(Claims::Suspend);
            if !std::mem::replace(&mut self.lapsed, true) {
                log::error!(
                    "no heartbeat for so long that others may take this worker for lost: its jobs are interrupted"
                );
                shared.signals.interrupt_all();
            }
        }
    }
}

// Others took this worker for lost: its old id is dead, and so are its leases.
async fn register_again(shared: &Arc<Shared>, old: i32) {
    if shared.is_stopping() {
        return;
    }
    let (config, tasks) = (shared.config.clone(), Arc::clone(&shared.tasks));
    let registration =
        move |conn: &mut Session<'_>| register(conn, &config.worker_name, &tasks, config.heartbeat_timeout);
    let registered = shared.store.run(Durability::Durable, registration).await;
    match registered {
        Ok(new) => {
            log::error!(
                "worker {old} was taken for lost and its jobs were given away; going on as worker {new}"
            );
            shared.send::<QueueActor, _>(LeasesLost);
            shared.worker_id.store(new, Ordering::Release);
            shared.events.publish(|| Event::WorkerStarted { id: new });
            shared.send::<QueueActor, _>(Claims::Resume);
            shared.send::<ListenerActor, _>(LockAgain);
        }
        Err(error) => {
            log::error!("worker {old} was taken for lost and cannot register again, trying again: {error}")
        }
    }
}

async fn cancel_on_request(shared: Arc<Shared>) {
    loop {
        shared.cancellations_posted.notified().await;
        pass_on_cancellations(&shared).await;
    }
}

// What cannot be read now is read after the next heartbeat.
async fn pass_on_cancellations(shared: &Shared) {
    let worker_id = shared.worker_id();
    match shared.store.run(Durability::Heartbeat, move |conn| cancelled_attempts(conn, worker_id)).await {
        Ok(cancelled) => shared.signals.cancel(cancelled, &shared.leases.all_open()),
        Err(error) => log::warn!("cannot look for cancelled jobs, trying again: {error}"),
    }
}

async fn rescue_others(shared: &Shared) {
    let worker_id = shared.worker_id();
    let rescued = shared
        .store
        .run(Durability::Relaxed, move |conn| {
            let rescued = rescue(conn, worker_id)?;
            announce(conn, &rescued)?;
            Ok(rescued)
        })
        .await;
    match rescued {
        Ok(jobs) => {
            for job in &jobs {
                let fate = if job.dead { "it is dead, no attempt is left" } else { "it goes back" };
                log::warn!(
                    "job {} `{}` taken from lost worker {} in attempt {}: {fate}",
                    job.id,
                    job.task,
                    job.worker_id,
                    job.attempt
                );
                shared.events.publish(|| rescued_event(job));
            }
            wake_own_queue(shared, &jobs);
        }
        Err(error) => log::error!("cannot rescue the jobs of lost workers, trying again: {error}"),
    }
}

fn rescued_event(rescued: &RescuedJob) -> Event {
    let RescuedJob { id, attempt, dead, worker_id, .. } = *rescued;
    let (task, queue) = (rescued.task.clone(), rescued.queue.clone());
    Event::JobRescued { job: JobFacts { id, task, queue, attempt }, lost_worker: worker_id, dead }
}

// Of workers that have no row any more.
async fn rescue_those_left(shared: &Shared, lane: Durability) {
    match shared.store.run(lane, |conn| rescue_orphans(conn)).await {
        Ok(0) => {}
        Ok(orphans) => {
            log::warn!("{orphans} jobs taken from workers that left without settling them");
            shared.send::<QueueActor, _>(Wake::Everything);
        }
        Err(error) => log::error!("cannot rescue the jobs of workers that left, trying again: {error}"),
    }
}

// Where to look and not everywhere, which takes long while many dead rows are there: workers may be lost often.
fn wake_own_queue(shared: &Shared, rescued: &[RescuedJob]) {
    if rescued.len() > MAX_WAKES {
        return shared.send::<QueueActor, _>(Wake::Everything);
    }
    for job in rescued {
        let wake = match &job.queue {
            // One that is dead leaves its slot to the next.
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

fn announce(conn: &mut Session<'_>, rescued: &[RescuedJob]) -> Result<(), StoreError> {
    let (in_queues, outside): (Vec<_>, Vec<_>) =
        rescued.iter().filter(|job| !job.dead).partition(|job| job.queue.is_some());
    // A wake names queues or no queue: the jobs outside of queues get one of their own.
    for jobs in [outside, in_queues] {
        let queues: Vec<String> = jobs.iter().filter_map(|job| job.queue.clone()).collect();
        let best = jobs.iter().map(|job| job.position()).min();
        best.map_or(Ok(()), |position| wake(conn, position, &queues))?;
    }
    Ok(())
}

async fn maintain_for_ever(shared: Arc<Shared>) {
    loop {
        if let Err(error) = maintain(&shared).await {
            log::error!("cannot clear away what is over, trying again in ten minutes: {error}");
        }
        actix_rt::time::sleep(MAINTAIN_EVERY.mul_f64(0.9 + 0.2 * fastrand::f64())).await;
    }
}

async fn maintain(shared: &Shared) -> Result<(), StoreError> {
    let keeps_history = shared.config.history().is_kept();
    let history = shared.config.history_retention;
    shared
        .store
        .run(Durability::Relaxed, move |conn| {
            if keeps_history {
                prepare_history(conn)?;
            }
            drop_history(conn, history)
        })
        .await?;
    // In portions, so that no statement holds its locks for long.
    while shared
        .store
        .run(Durability::Relaxed, move |conn| prune_fires(conn, history, MAX_DELETED_AT_ONCE))
        .await?
        > 0
    {}
    rescue_those_left(shared, Durability::Relaxed).await;
    let Some(dead) = shared.config.dead_retention else { return Ok(()) };
    while shared
        .store
        .run(Durability::Relaxed, move |conn| delete_dead(conn, dead, MAX_DELETED_AT_ONCE))
        .await?
        > 0
    {}
    Ok(())
}
