//! HeartbeatActor: shows the database that this process lives, notices when it cannot, and rescues the jobs of workers
//! that no longer do. It stops its own claims and jobs before other processes may take them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, WrapFuture};

use super::death_watch::{DeathWatch, ends_on_leave};
use super::listener::{ListenerActor, LockAgain};
use super::queue::{Claims, LeasesLost, QueueActor, Reconcile};
use super::rescue::Rescuer;
use crate::engine::outage::{Failure, Outage};
use crate::error::StoreError;
use crate::event::Event;
use crate::shared::{Role, Shared};
use crate::store::migrate::check_schema;
use crate::store::presence::{Heartbeat, beat, cancelled_attempts, register};
use crate::store::{Durability, Session};
use crate::text::one_line;

// Connections are tried again every few seconds for as long as one is missing.
const SHORTAGE_LASTS: Duration = Duration::from_secs(60);
// About once a minute with the default timeout.
const BEATS_BETWEEN_RESCUES: u64 = 20;
// A crash of the server cuts the connections. Where a proxy hides that, ten minutes pass until it is noticed.
const BEATS_BETWEEN_RECONCILES: u64 = 200;

/// Keeps the worker's row fresh.
pub(crate) struct HeartbeatActor {
    shared: Arc<Shared>,
    _watch: DeathWatch,
}

impl HeartbeatActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), _watch: DeathWatch::new(Role::Heartbeat, shared) }
    }
}

ends_on_leave!(HeartbeatActor);

impl Actor for HeartbeatActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.spawn(beat_forever(Arc::clone(&self.shared)).into_actor(self));
        ctx.spawn(cancel_on_request(Arc::clone(&self.shared)).into_actor(self));
    }
}

async fn beat_forever(shared: Arc<Shared>) {
    let mut presence = Presence::new(Instant::now());
    let mut rescuer = Rescuer::default();
    let mut reconciled_at = Instant::now();
    for beats in 1_u64.. {
        let now = Instant::now();
        let worker_id = shared.worker_id();
        let (beat, schema) = match beat_once(&shared, worker_id).await {
            Ok((beat, schema)) => (Ok(beat), schema),
            Err(error) => (Err(error), Ok(())),
        };
        let fits = schema.is_ok();
        match beat {
            Ok(Heartbeat::Alive { others_late, cancelled }) => {
                presence.shown(now, schema, &shared);
                if cancelled {
                    cancel_attempts(&shared).await;
                }
                if others_late {
                    rescuer.rescue_lost_workers(&shared).await;
                }
                if beats.is_multiple_of(BEATS_BETWEEN_RESCUES) {
                    rescuer.rescue_jobs_without_worker(&shared, Durability::Heartbeat).await;
                }
                if shared.store.lost_a_connection_since(reconciled_at)
                    || beats.is_multiple_of(BEATS_BETWEEN_RECONCILES)
                {
                    reconciled_at = now;
                    shared.send::<QueueActor, _>(Reconcile);
                }
            }
            Ok(Heartbeat::Lost) if fits => register_again(&shared, worker_id).await,
            Ok(Heartbeat::Lost) => presence.shown(now, schema, &shared),
            Err(error) => presence.failed(&error, &shared),
        }
        actix_rt::time::sleep(shared.config.heartbeat_interval()).await;
    }
}

/// A heartbeat, and whether the schema still fits this program.
type Beat = (Heartbeat, Result<(), StoreError>);

// An idle connection may be lost, as after a restart of the server, and another one may work. If there is none, the second
// try returns the error.
async fn beat_once(shared: &Shared, worker_id: i32) -> Result<Beat, StoreError> {
    let beat_and_check = move |conn: &mut Session<'_>| match (beat(conn, worker_id), check_schema(conn)) {
        (Ok(beat), Err(error)) if error.is_about_schema() => Ok((beat, Err(error))),
        (Ok(beat), checked) => checked.map(|()| (beat, Ok(()))),
        // A statement that an unknown schema refuses is its fault.
        (Err(_), Err(error)) if error.is_about_schema() => Err(error),
        (Err(error), _) => Err(error),
    };
    let once = || shared.store.run(Durability::Heartbeat, beat_and_check);
    match once().await {
        Err(StoreError::Database(_)) => once().await,
        done => done,
    }
}

/// How well this process has shown lately that it lives.
struct Presence {
    shown_at: Instant,
    outage: Outage,
    /// Since when the schema is not one that this program can work with.
    misfit: Outage,
    /// Since when the server refuses connections beside this one.
    shortage: Outage,
    /// The last message to the QueueActor. `None` until then, because the actor before may have suspended it.
    claims: Option<Claims>,
}

impl Presence {
    fn new(now: Instant) -> Self {
        Self {
            shown_at: now,
            outage: Outage::default(),
            misfit: Outage::default(),
            shortage: Outage::default(),
            claims: None,
        }
    }

    fn shown(&mut self, now: Instant, schema: Result<(), StoreError>, shared: &Shared) {
        self.shown_at = now;
        self.report_shortage(shared);
        if self.outage.recovered() {
            log::info!("the database receives heartbeats again");
            shared.events.publish(|| Event::DatabaseBack);
        }
        if let Err(error) = schema {
            return self.suspend_for(&error, shared);
        }
        if self.misfit.recovered() {
            log::info!("the schema fits this program again, and jobs are claimed again");
        }
        if self.claims.replace(Claims::Resume) != Some(Claims::Resume) {
            shared.send::<QueueActor, _>(Claims::Resume);
        }
    }

    // Statements written for another schema may do anything. Sent each time: a QueueActor that was restarted meanwhile
    // starts with claims.
    fn suspend_for(&mut self, error: &StoreError, shared: &Shared) {
        if self.misfit.failed(Instant::now(), shared.config.heartbeat_interval()) == Failure::First {
            log::error!("nothing is claimed until this is over: {}", one_line(error));
        }
        self.claims = Some(Claims::Suspend);
        shared.send::<QueueActor, _>(Claims::Suspend);
    }

    // Without room for another connection, statements share the connections that there are.
    fn report_shortage(&mut self, shared: &Shared) {
        match shared.store.refused_within(SHORTAGE_LASTS) {
            Some(reason) if self.shortage.failed(Instant::now(), SHORTAGE_LASTS) == Failure::First => {
                log::warn!(
                    "the server refuses further connections, so work waits for those that are open: {}",
                    one_line(reason)
                );
            }
            None if self.shortage.recovered() => {
                log::info!("the server has refused no connection for a minute");
            }
            Some(_) | None => {}
        }
    }

    // Other processes take this worker for lost after the timeout. Its jobs must have ended before that, on every clock.
    fn failed(&mut self, error: &StoreError, shared: &Shared) {
        if error.is_about_schema() {
            self.suspend_for(error, shared);
        } else if self.outage.failed(Instant::now(), shared.config.heartbeat_interval()) == Failure::First {
            log::error!("heartbeat failed, trying again: {}", one_line(error));
            shared.events.publish(|| Event::DatabaseLost { error: error.to_string() });
        }
        if self.shown_at.elapsed() > shared.config.heartbeat_timeout * 2 / 3 {
            // Sent each time: a QueueActor that was restarted meanwhile starts with claims.
            shared.send::<QueueActor, _>(Claims::Suspend);
            if self.claims.replace(Claims::Suspend) != Some(Claims::Suspend) {
                log::error!(
                    "no heartbeat for so long that others may take this worker for lost: its jobs are interrupted"
                );
                shared.signals.interrupt_all();
            }
        }
    }
}

// Other processes took this worker for lost. Its old id is dead, and so are its leases.
async fn register_again(shared: &Arc<Shared>, old: i32) {
    if shared.is_stopping() {
        return;
    }
    let (config, tasks) = (shared.config.clone(), Arc::clone(&shared.tasks));
    let registration = move |conn: &mut Session<'_>| {
        register(conn, &config.worker_name, &tasks, &config.lines(), config.heartbeat_timeout)
    };
    match shared.store.run(Durability::Durable, registration).await {
        Ok(new) => {
            log::error!(
                "worker {old} was taken for lost, or its row was deleted: its jobs were given away; \
                 going on as worker {new}"
            );
            shared.send::<QueueActor, _>(LeasesLost);
            shared.worker_id.store(new, Ordering::Release);
            shared.events.publish(|| Event::WorkerStarted { id: new });
            shared.send::<QueueActor, _>(Claims::Resume);
            shared.send::<ListenerActor, _>(LockAgain);
        }
        Err(error) => {
            log::error!(
                "worker {old} was taken for lost and cannot register again, trying again: {}",
                one_line(error)
            );
        }
    }
}

async fn cancel_on_request(shared: Arc<Shared>) {
    loop {
        shared.cancellations_posted.notified().await;
        cancel_attempts(&shared).await;
    }
}

// After an error, the next heartbeat reads the cancellations again.
async fn cancel_attempts(shared: &Shared) {
    let worker_id = shared.worker_id();
    match shared.store.run(Durability::Heartbeat, move |conn| cancelled_attempts(conn, worker_id)).await {
        Ok(cancelled) => shared.signals.cancel(cancelled, &shared.leases.all_open()),
        Err(error) => log::warn!("cannot look for cancelled jobs, trying again: {}", one_line(error)),
    }
}
