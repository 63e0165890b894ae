//! HeartbeatActor: lets this process claim while its heartbeats are confirmed, and looks after others: it rescues the jobs of
//! workers that are lost. Heartbeats and the fence are the work of the keeper, on a thread of its own.

mod courier;
mod keeper;
mod lookout;
mod presence;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, AsyncContext, Context, WrapFuture};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use self::keeper::{KeeperHandle, Report};
use self::lookout::look_out;
use self::presence::Presence;
use super::death_watch::{DeathWatch, ends_on_leave};
use super::queue::{LeasesLost, QueueActor, Reconcile};
use crate::event::Event;
use crate::shared::{Role, Shared};
use crate::store::presence::{Heartbeat, cancelled_attempts, register_under_new_id};
use crate::store::{Durability, Session};
use crate::text::one_line;

// A crash of the server cuts the connections. Where a proxy hides that, ten minutes pass until it is noticed.
const BETWEEN_RECONCILIATIONS: Duration = Duration::from_secs(600);

/// Keeps the worker's lease, and rescues the jobs of others.
pub(crate) struct HeartbeatActor {
    shared: Arc<Shared>,
    keeper: Option<KeeperHandle>,
    _watch: DeathWatch,
}

impl HeartbeatActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let watch = DeathWatch::new(Role::Heartbeat, shared);
        Self { shared: Arc::clone(shared), keeper: None, _watch: watch }
    }
}

ends_on_leave!(HeartbeatActor);

impl Actor for HeartbeatActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let (sender, reports) = unbounded_channel();
        match keeper::start(&self.shared, sender.clone()) {
            Ok(keeper) => self.keeper = Some(keeper),
            // Without heartbeats nothing runs, and the supervisor starts the actor again.
            Err(error) => {
                log::error!("cannot start the thread of the heartbeats: {}", one_line(error));
                return ctx.terminate();
            }
        }
        let lookout = Arc::new(Notify::new());
        ctx.spawn(look_out(Arc::clone(&self.shared), sender, Arc::clone(&lookout)).into_actor(self));
        let attendant = Attendant {
            shared: Arc::clone(&self.shared),
            presence: Presence::default(),
            lookout,
            reconciled_at: Instant::now(),
        };
        ctx.spawn(attendant.attend(reports).into_actor(self));
        ctx.spawn(cancel_on_request(Arc::clone(&self.shared)).into_actor(self));
    }
}

/// Notes what the keeper reports, and what a look finds of the schema.
struct Attendant {
    shared: Arc<Shared>,
    presence: Presence,
    lookout: Arc<Notify>,
    reconciled_at: Instant,
}

impl Attendant {
    async fn attend(mut self, mut reports: UnboundedReceiver<Report>) {
        while let Some(report) = reports.recv().await {
            self.note(report).await;
        }
    }

    async fn note(&mut self, report: Report) {
        match report {
            Report::Beat { worker_id, .. } if worker_id != self.shared.worker_id() => {}
            Report::Beat { result: Ok(Heartbeat::Alive { .. }), .. } => {
                self.presence.shown(&self.shared);
                self.reconcile_in_time();
            }
            Report::Beat { result: Ok(Heartbeat::Superseded), .. } => {}
            Report::Beat { worker_id, result: Ok(Heartbeat::Lost) } => {
                self.shared.store.server_found();
                self.register_again(worker_id).await;
            }
            Report::Beat { result: Err(error), .. } => {
                self.presence.failed(&error, &self.shared);
                // A statement that an unknown schema refuses is its fault.
                if error.is_refusal() {
                    self.lookout.notify_one();
                }
            }
            Report::Schema(schema) => self.presence.compared(schema, &self.shared),
            Report::FenceShut => self.presence.fenced(&self.shared),
            Report::FenceOpened => {
                self.shared.store.server_found();
                self.presence.set_claims(&self.shared);
            }
        }
    }

    fn reconcile_in_time(&mut self) {
        if self.shared.store.lost_a_connection_since(self.reconciled_at)
            || self.reconciled_at.elapsed() >= BETWEEN_RECONCILIATIONS
        {
            self.reconciled_at = Instant::now();
            self.shared.send::<QueueActor, _>(Reconcile);
        }
    }

    // Other processes took this worker for lost. Its old id is dead, and so are its leases.
    async fn register_again(&mut self, old: i32) {
        if self.shared.is_stopping() || !self.presence.fits() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let registration = move |conn: &mut Session<'_>| {
            let sent_at = Instant::now();
            let register = |conn: &mut Session<'_>| shared.register(conn);
            register_under_new_id(conn, &shared.fence.ids(), shared.config.origin, register)
                .map(|id| (id, sent_at))
        };
        match self.shared.store.run(Durability::Durable, registration).await {
            Ok((new, sent_at)) => {
                log::error!(
                    "worker {old} was taken for lost, or its row was deleted: its jobs were given away; \
                     going on as worker {new}"
                );
                self.shared.fence.begin(new, sent_at);
                self.shared.send::<QueueActor, _>(LeasesLost);
                self.shared.events.publish(|| Event::WorkerStarted { id: new });
                self.presence.registered(&self.shared);
            }
            Err(error) => {
                log::error!(
                    "worker {old} was taken for lost and cannot register again, trying again: {}",
                    one_line(error)
                );
            }
        }
    }
}

async fn cancel_on_request(shared: Arc<Shared>) {
    loop {
        shared.cancellations_posted.notified().await;
        cancel_attempts(&shared).await;
    }
}

// After an error, the next look reads the cancellations again.
async fn cancel_attempts(shared: &Shared) {
    let worker_id = shared.worker_id();
    match shared.store.run(Durability::Relaxed, move |conn| cancelled_attempts(conn, worker_id)).await {
        Ok(cancelled) => shared.signals.cancel(cancelled, &shared.leases.all_open()),
        Err(error) => log::warn!("cannot look for cancelled jobs, trying again: {}", one_line(error)),
    }
}
