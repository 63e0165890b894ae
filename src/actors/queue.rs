//! QueueActor: moves jobs between the database and the workers of this process. It decides nothing: each handler passes
//! what happened to the [`Engine`], and one loop performs the steps that the engine returns.

mod admission_pass;
mod application;
mod forbidden_flags;
mod handover;
mod isolation;
mod notices;
mod once;
mod perform;
mod removal;
mod requests;
pub(super) mod slots;
mod unknown_tasks;

use std::sync::Arc;
use std::time::Instant;

use actix::fut::ActorFutureExt;
use actix::{Actor, AsyncContext, Context, Handler, Message, ResponseFuture, SpawnHandle, WrapFuture};
use tokio::sync::oneshot;

use self::notices::log_notice;
pub(crate) use self::once::RunOnce;
use self::once::Waiting;
use self::perform::{Reply, perform};
pub use self::removal::Remove;
use super::death_watch::{DeathWatch, ends_on_leave};
use crate::attempt::report::report_stored;
use crate::engine::{Done, Drained, Engine, Notice, Settings, Wake};
use crate::leases::Lease;
pub use crate::shared::EnqueueMany;
use crate::shared::{ProgressPosted, Role, Shared};

/// Moves jobs between the database and the workers of this process. Its address is
/// [`Scheduler::queue_actor`](crate::Scheduler::queue_actor).
pub struct QueueActor {
    shared: Arc<Shared>,
    engine: Engine<Reply>,
    timer: Option<(Instant, SpawnHandle)>,
    drained: Vec<oneshot::Sender<Drained>>,
    once: Waiting,
    _watch: DeathWatch,
}

impl std::fmt::Debug for QueueActor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueueActor").finish_non_exhaustive()
    }
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

/// Stops claims, gives back what has not started, and returns once every lease is settled. Sent by the stop, again if lost.
#[derive(Debug, Message)]
#[rtype(result = "Drained")]
pub(crate) struct Drain;

impl QueueActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let settings =
            Settings::new(&shared.config, Arc::clone(&shared.tasks), shared.known.raised_versions());
        let (leases, prefetch) = (Arc::clone(&shared.leases), Arc::clone(&shared.prefetch));
        let random = fastrand::Rng::new();
        let mut engine = Engine::new(settings, leases, prefetch, random, shared.now());
        #[cfg(feature = "testing")]
        if shared.config.test.is_some() {
            engine.hold();
        }
        if shared.is_stopping() {
            engine.drain(shared.now());
        }
        let watch = DeathWatch::new(Role::Queue, shared);
        Self {
            shared: Arc::clone(shared),
            engine,
            timer: None,
            drained: Vec::new(),
            once: Waiting::default(),
            _watch: watch,
        }
    }

    /// Starts whatever there is to start. Called after every input and every step.
    fn drive(&mut self, ctx: &mut Context<Self>) {
        while let Some(step) = self.engine.next(self.shared.now()) {
            let step = perform(step, Arc::clone(&self.shared)).into_actor(self);
            ctx.spawn(step.map(|done, actor, ctx| actor.finished(done, ctx)));
        }
        self.publish_notices();
        self.set_timer(ctx);
        self.reply_drained();
        self.reply_once();
    }

    fn finished(&mut self, done: Done, ctx: &mut Context<Self>) {
        self.engine.finished(done, self.shared.now());
        self.publish_notices();
        self.drive(ctx);
    }

    fn publish_notices(&mut self) {
        for notice in self.engine.take_notices() {
            match notice {
                // A sender that no longer waits has its jobs all the same.
                Notice::Reply(reply, ids) => drop(reply.send(ids)),
                Notice::AttemptEnded { ended, outcome, left } => {
                    report_stored(&ended, &outcome, left);
                    self.shared.events.publish_outcome(ended, &outcome, left);
                }
                notice => {
                    note_claims(&notice, &self.shared);
                    log_notice(notice);
                }
            }
        }
    }

    // A timer that fires too early costs one call of `drive`. So it is replaced only by an earlier one: under load the
    // next time changes with every statement.
    fn set_timer(&mut self, ctx: &mut Context<Self>) {
        let now = self.shared.now();
        let is_earlier = |at: &Instant| self.timer.as_ref().is_none_or(|(armed, _)| at < armed);
        let Some(at) = self.engine.wake_at(now).filter(is_earlier) else { return };
        if let Some((_, timer)) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let timer = ctx.run_later(at.saturating_duration_since(now.instant), |actor, ctx| {
            actor.timer = None;
            actor.drive(ctx);
        });
        self.timer = Some((at, timer));
    }

    fn reply_once(&mut self) {
        if let Some(end) = self.engine.take_run_end() {
            self.once.reply(&end, self.engine.summary());
        }
    }

    fn reply_drained(&mut self) {
        if let Some(drained) = self.engine.drained() {
            // A supervisor that no longer waits has given up on this actor.
            for reply in self.drained.drain(..) {
                let _ = reply.send(drained);
            }
        }
    }
}

fn note_claims(notice: &Notice<Reply>, shared: &Shared) {
    match notice {
        Notice::ClaimsFail(_) => shared.vitals.claims.begin(),
        Notice::ClaimsRecovered => shared.vitals.claims.end(),
        _ => {}
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
        // Nor does this one know what the one before has learned of claims.
        self.shared.vitals.claims.end();
        self.drive(ctx);
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
