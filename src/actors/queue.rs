//! QueueActor: moves jobs between the database and the workers of this process. It decides nothing: each handler passes
//! what happened to the [`Engine`], and one loop performs the steps that the engine returns.

mod admission_pass;
mod forbidden_flags;
mod isolation;
mod notices;
mod perform;
mod requests;

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use actix::fut::ActorFutureExt;
use actix::{Actor, AsyncContext, Context, Handler, Message, ResponseFuture, SpawnHandle, WrapFuture};
use tokio::sync::oneshot;

use self::notices::publish;
use self::perform::{Reply, perform};
use super::death_watch::{DeathWatch, ends_on_leave};
use crate::attempt::panics::caught;
use crate::engine::{Done, Drained, Engine, Settings, Wake};
use crate::error::StoreError;
use crate::job::{Enqueue, NewJob, Task};
use crate::leases::Lease;
pub use crate::shared::EnqueueMany;
use crate::shared::{ProgressPosted, Role, Shared};
use crate::store::{Durability, remove};

/// Moves jobs between the database and the workers of this process. Its address is
/// [`Scheduler::queue_actor`](crate::Scheduler::queue_actor).
pub struct QueueActor {
    shared: Arc<Shared>,
    engine: Engine<Reply>,
    timer: Option<(Instant, SpawnHandle)>,
    drained: Vec<oneshot::Sender<Drained>>,
    _watch: DeathWatch,
}

impl std::fmt::Debug for QueueActor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueueActor").finish_non_exhaustive()
    }
}

/// Removes the job under a key. Sent by applications. Returns the id of the waiting job that was deleted. A running job
/// loses its key and is not retried. An unknown key is not an error. If the message is lost, nothing has changed.
#[derive(Debug, Message)]
#[rtype(result = "Result<Option<i64>, StoreError>")]
pub struct Remove {
    /// The job's key.
    pub key: String,
}

impl Remove {
    /// Creates the message for a key.
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into() }
    }
}

impl<T: Task + 'static> Message for Enqueue<T> {
    type Result = Result<i64, StoreError>;
}

/// Jobs may have become due, parked or ready. Sent by the listener for notifications, by the CronActor, by maintenance
/// and by the handles. If it is lost, the next poll finds the jobs.
impl Message for Wake {
    type Result = ();
}

/// Attempts have ended. Sent by workers. A batch that is lost falls back into the lease table, and is settled from
/// there.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Settle(pub(crate) Vec<Lease>);

/// Whether this process may claim. Sent by the heartbeat when it fails for too long, and when it succeeds again. If it is
/// lost, the QueueActor is dead: the next one starts with claims, and the next failed heartbeat suspends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub(crate) enum Claims {
    Suspend,
    Resume,
}

/// Other processes took this worker for lost and requeued its jobs. Sent by the heartbeat. If it is lost, the outcomes of
/// those jobs change nothing, because their leases are gone.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct LeasesLost;

/// The server may have crashed and lost outcomes that it had confirmed. Sent by the listener when it listens again, and by
/// the heartbeat when a connection was lost, and every ten minutes. If it is lost, the next one finds the same jobs.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Reconcile;

/// Stops claims, gives back what has not started, and returns once every lease is settled. Sent by the supervisor at a
/// stop. If it is lost, the supervisor times out and other processes rescue the jobs.
#[derive(Debug, Message)]
#[rtype(result = "Drained")]
pub(crate) struct Drain;

impl QueueActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let settings = Settings::new(&shared.config, Arc::clone(&shared.tasks));
        let (leases, prefetch) = (Arc::clone(&shared.leases), Arc::clone(&shared.prefetch));
        let random = fastrand::Rng::new();
        let mut engine = Engine::new(settings, leases, prefetch, random, shared.now());
        if shared.is_stopping() {
            engine.drain(shared.now());
        }
        let watch = DeathWatch::new(Role::Queue, shared);
        Self { shared: Arc::clone(shared), engine, timer: None, drained: Vec::new(), _watch: watch }
    }

    /// Starts whatever there is to start. Called after every input and every step.
    fn drive(&mut self, ctx: &mut Context<Self>) {
        while let Some(step) = self.engine.next(self.shared.now()) {
            let step = perform(step, Arc::clone(&self.shared)).into_actor(self);
            ctx.spawn(step.map(|done, actor, ctx| actor.finished(done, ctx)));
        }
        self.set_timer(ctx);
        self.reply_drained();
    }

    fn finished(&mut self, done: Done<Reply>, ctx: &mut Context<Self>) {
        self.engine.finished(done, self.shared.now());
        for notice in self.engine.take_notices() {
            publish(notice, &self.shared.events);
        }
        self.drive(ctx);
    }

    // A timer that fires too early costs one call of `drive`. So it is replaced only by an earlier one: under load the
    // next time changes with every statement.
    fn set_timer(&mut self, ctx: &mut Context<Self>) {
        let now = self.shared.now();
        let Some(at) = self.engine.wake_at(now) else { return };
        if self.timer.as_ref().is_some_and(|(armed, _)| *armed <= at) {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let timer = ctx.run_later(at.saturating_duration_since(now.instant), |actor, ctx| {
            actor.timer = None;
            actor.drive(ctx);
        });
        self.timer = Some((at, timer));
    }

    fn reply_drained(&mut self) {
        if let Some(drained) = self.engine.drained() {
            // A supervisor that no longer waits has given up on this actor.
            for reply in self.drained.drain(..) {
                let _ = reply.send(drained);
            }
        }
    }

    /// Accepts jobs. The future returns their ids once they are stored.
    fn accept(
        &mut self,
        jobs: Vec<NewJob>,
        ctx: &mut Context<Self>,
    ) -> impl Future<Output = Result<Vec<i64>, StoreError>> + use<> {
        let (reply, stored) = oneshot::channel();
        self.engine.enqueue(jobs, reply);
        self.drive(ctx);
        async move {
            let lost = || StoreError::Connect("the scheduler stopped before it could store the job".into());
            stored.await.unwrap_or_else(|_| Err(lost()))
        }
    }
}

ends_on_leave!(QueueActor);

impl Actor for QueueActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        // Bounded here and not by actix: messages carry batches, and a sender that waits would deadlock a stop.
        ctx.set_mailbox_capacity(usize::MAX >> 8);
        if !self.shared.is_stopping() {
            // The actor before may have died while it was suspended.
            self.shared.prefetch.open();
        }
        self.drive(ctx);
    }
}

impl<T: Task + 'static> Handler<Enqueue<T>> for QueueActor {
    type Result = ResponseFuture<Result<i64, StoreError>>;

    fn handle(&mut self, message: Enqueue<T>, ctx: &mut Context<Self>) -> Self::Result {
        // Serializing a payload runs the application's code: its panic must not end the actor for all.
        let job = caught(|| NewJob::try_from(message)).unwrap_or_else(|panic| {
            let problem = format!("payload of task `{}` cannot be written as JSON: it {panic}", T::NAME);
            Err(StoreError::Invalid(problem))
        });
        let added = job.map(|job| self.accept(vec![job], ctx));
        Box::pin(async move {
            let ids = added?.await?;
            ids.first().copied().ok_or_else(StoreError::no_row)
        })
    }
}

impl Handler<EnqueueMany> for QueueActor {
    type Result = ResponseFuture<Result<Vec<i64>, StoreError>>;

    fn handle(&mut self, EnqueueMany { jobs }: EnqueueMany, ctx: &mut Context<Self>) -> Self::Result {
        Box::pin(self.accept(jobs, ctx))
    }
}

impl Handler<Remove> for QueueActor {
    type Result = ResponseFuture<Result<Option<i64>, StoreError>>;

    fn handle(&mut self, Remove { key }: Remove, _: &mut Context<Self>) -> Self::Result {
        let store = self.shared.store.clone();
        Box::pin(async move { store.run(Durability::Durable, move |conn| remove(conn, &key)).await })
    }
}

impl Handler<Wake> for QueueActor {
    type Result = ();

    fn handle(&mut self, wake: Wake, ctx: &mut Context<Self>) {
        self.engine.wake(wake, self.shared.now());
        self.drive(ctx);
    }
}

impl Handler<Settle> for QueueActor {
    type Result = ();

    fn handle(&mut self, Settle(leases): Settle, ctx: &mut Context<Self>) {
        self.engine.settle(leases, self.shared.now());
        self.drive(ctx);
    }
}

impl Handler<Claims> for QueueActor {
    type Result = ();

    fn handle(&mut self, claims: Claims, ctx: &mut Context<Self>) {
        match claims {
            Claims::Suspend => self.engine.suspend(),
            Claims::Resume => self.engine.resume(),
        }
        self.drive(ctx);
    }
}

impl Handler<LeasesLost> for QueueActor {
    type Result = ();

    fn handle(&mut self, _: LeasesLost, ctx: &mut Context<Self>) {
        self.engine.leases_lost();
        self.shared.signals.interrupt_all();
        self.drive(ctx);
    }
}

impl Handler<Reconcile> for QueueActor {
    type Result = ();

    fn handle(&mut self, _: Reconcile, ctx: &mut Context<Self>) {
        self.engine.request_reconciliation();
        self.drive(ctx);
    }
}

impl Handler<ProgressPosted> for QueueActor {
    type Result = ();

    fn handle(&mut self, _: ProgressPosted, ctx: &mut Context<Self>) {
        self.engine.progress_posted();
        self.drive(ctx);
    }
}

impl Handler<Drain> for QueueActor {
    type Result = ResponseFuture<Drained>;

    fn handle(&mut self, _: Drain, ctx: &mut Context<Self>) -> Self::Result {
        let (reply, drained) = oneshot::channel();
        self.drained.push(reply);
        self.engine.drain(self.shared.now());
        self.drive(ctx);
        // An actor that died while it drained is restarted, and the supervisor sends the message again.
        Box::pin(async move { drained.await.unwrap_or(Drained::Unsure) })
    }
}
