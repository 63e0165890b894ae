//! QueueActor: the only one that claims, admits and settles. It takes what callers and workers send, gathers it into
//! batches while a statement is under way, and keeps the workers supplied. Each lane (enqueue, claim, settle, gates) has at
//! most one statement under way (the claims two), and a file of its own beside this one.

mod ask_again;
mod choice;
mod claim_lane;
mod enqueue_lane;
mod full_looks;
mod gate_lane;
mod gate_round;
mod give_back;
mod low_water;
mod pace;
mod progress_lane;
mod reconcile;
mod settle_lane;

use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, Context, Handler, Message, ResponseFuture};
use tokio::sync::oneshot;

use self::claim_lane::ClaimLane;
use self::enqueue_lane::EnqueueLane;
use self::gate_lane::GateLane;
pub(crate) use self::progress_lane::ProgressBoard;
use self::progress_lane::ProgressLane;
use self::settle_lane::SettleLane;
use super::lease::Lease;
use super::{DeathWatch, Role, Shared};
use crate::error::{SchedulerError, StoreError};
use crate::job::{Enqueue, NewJob, Task};
use crate::store::claim::Position;
use crate::store::enqueue::Added;
use crate::store::{Durability, remove};

/// Moves jobs between the database and the workers of this process. Reached by
/// [`Scheduler::queue`](crate::Scheduler::queue).
pub struct QueueActor {
    shared: Arc<Shared>,
    mode: Mode,
    enqueues: EnqueueLane,
    claims: ClaimLane,
    settles: SettleLane,
    gates: GateLane,
    progress: ProgressLane,
    reconcile_requested: bool,
    drained: Vec<oneshot::Sender<bool>>,
    _watch: DeathWatch,
}

/// What the queue does besides storing what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Claims jobs.
    Active,
    /// Claims nothing: the process cannot show that it lives.
    Suspended,
    /// Claims nothing and gives everything back: the scheduler stops.
    Draining,
}

/// Adds several jobs in one statement, all or none. Sent by applications; answers the jobs' ids in the order of the
/// input. When the reply is lost, the jobs may have been stored: keys make it safe to ask again.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<i64>, StoreError>")]
pub struct EnqueueMany(pub Vec<NewJob>);

/// Takes back the job under a key. Sent by applications; answers the id of the waiting job that was deleted. A running job
/// loses its key and is not retried; an unknown key is no error. When it is lost, nothing has changed.
#[derive(Debug, Message)]
#[rtype(result = "Result<Option<i64>, StoreError>")]
pub struct Remove(pub String);

impl<T: Task + 'static> Message for Enqueue<T> {
    type Result = Result<i64, StoreError>;
}

/// Jobs have become due, or will be soon. Sent by the listener for notifications, by cron and by the keeper; when it is
/// lost, the next poll finds the jobs.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) enum Wake {
    /// A job that this process added by other ways than the queue.
    Added(Added),
    /// Jobs outside of queues.
    Jobs(Position),
    /// Jobs of one queue, from this mark on; without one anywhere.
    Queue(String, Option<Position>),
    /// Jobs with flags, which are only looked at where there may be some.
    Flagged,
    /// Jobs that are not due, and will be before the next poll.
    Soon,
    /// Anything may have happened: look everywhere.
    Everything,
}

/// Resolved leases. Sent by workers; a batch that is lost falls back into the book of leases and is settled from there.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Settle(pub(crate) Vec<Lease>);

/// Whether this process may claim. Sent by the keeper when heartbeats fail and when they succeed again; when it is lost,
/// the queue is dead: the next one begins by claiming, and a heartbeat that fails says no again.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct MayClaim(pub(crate) bool);

/// Others took this worker for lost and gave its jobs away. Sent by the keeper; when it is lost, the settles of those jobs
/// change nothing, because their leases are gone.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct LeasesLost;

/// The server may have crashed, and forgotten outcomes that it had stored. Sent by the listener when it listens again, and
/// by the keeper when a connection was lost, and every ten minutes; when it is lost, the next one makes the same found.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Reconcile;

/// Jobs have reported progress. Sent by the first of them; when it is lost, the next report of any job finds them.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct ProgressPosted;

/// Claim no more, give back what has not started, and answer when no lease is open, and whether the database is known to agree.
/// Sent by the supervisor at a stop; when it is lost, the supervisor's time runs out and others rescue the jobs.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct Drain;

impl QueueActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let now = Instant::now();
        Self {
            shared: Arc::clone(shared),
            mode: if shared.is_stopping() { Mode::Draining } else { Mode::Active },
            enqueues: EnqueueLane::default(),
            claims: ClaimLane::new(now),
            settles: SettleLane::default(),
            gates: GateLane::default(),
            progress: ProgressLane::default(),
            reconcile_requested: false,
            drained: Vec::new(),
            _watch: DeathWatch::new(Role::Queue, shared),
        }
    }

    /// Starts whatever there is to start. Called at the end of every message and of every statement.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        self.start_enqueue(ctx);
        self.start_settle(ctx);
        self.start_gates(ctx);
        self.start_reconcile(ctx);
        self.start_claim(ctx);
        self.answer_drained();
    }

    fn answer_drained(&mut self) {
        let nothing_under_way = self.claims.is_idle() && self.enqueues.is_idle();
        if self.mode == Mode::Draining && nothing_under_way && self.shared.leases.count() == 0 {
            // A supervisor that no longer waits has given this queue up already.
            for waiting in self.drained.drain(..) {
                let _ = waiting.send(!self.reconcile_requested);
            }
        }
    }
}

super::ends_on_leave!(QueueActor);

impl Actor for QueueActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        // Counted here and not by actix: messages carry batches, and a sender that waits would deadlock a stop.
        ctx.set_mailbox_capacity(usize::MAX >> 8);
        if self.mode == Mode::Active {
            // The queue before may have died while it was suspended.
            self.shared.prefetch.open();
        }
        self.look_everywhere();
        self.schedule_poll(ctx);
        self.pump(ctx);
    }
}

impl<T: Task + 'static> Handler<Enqueue<T>> for QueueActor {
    type Result = ResponseFuture<Result<i64, StoreError>>;

    fn handle(&mut self, message: Enqueue<T>, ctx: &mut Context<Self>) -> Self::Result {
        // How a payload becomes JSON is the application's code: its panic must not end the queue for all.
        let job = super::panics::caught(|| NewJob::try_from(message)).unwrap_or_else(|panic| {
            Err(StoreError::Invalid(format!(
                "payload of task `{}` cannot be written as JSON: it {panic}",
                T::NAME
            )))
        });
        let added = job.map(|job| self.accept(vec![job], ctx));
        Box::pin(async move {
            let ids = added?.await?;
            ids.first().copied().ok_or_else(|| diesel::result::Error::NotFound.into())
        })
    }
}

impl Handler<EnqueueMany> for QueueActor {
    type Result = ResponseFuture<Result<Vec<i64>, StoreError>>;

    fn handle(&mut self, EnqueueMany(jobs): EnqueueMany, ctx: &mut Context<Self>) -> Self::Result {
        Box::pin(self.accept(jobs, ctx))
    }
}

impl Handler<Remove> for QueueActor {
    type Result = ResponseFuture<Result<Option<i64>, StoreError>>;

    fn handle(&mut self, Remove(key): Remove, _: &mut Context<Self>) -> Self::Result {
        let store = self.shared.store.clone();
        Box::pin(async move { store.run(Durability::Durable, move |conn| remove(conn, &key)).await })
    }
}

impl Handler<Wake> for QueueActor {
    type Result = ();

    fn handle(&mut self, wake: Wake, ctx: &mut Context<Self>) {
        match wake {
            Wake::Added(job) => self.expect_added(&job),
            Wake::Jobs(position) => self.claims.announce(Some(position)),
            Wake::Flagged => {
                // They are in an index of their own, which knows no mark.
                self.claims.choice.look = true;
                self.claims.expect_some();
            }
            Wake::Queue(queue, position) => self.gates.expect_parked(queue, position),
            Wake::Soon => self.gates.look_for_due = true,
            Wake::Everything => self.look_everywhere(),
        }
        self.pump(ctx);
    }
}

impl Handler<Settle> for QueueActor {
    type Result = ();

    fn handle(&mut self, Settle(leases): Settle, ctx: &mut Context<Self>) {
        self.claims.pace.record(Instant::now(), leases.len());
        self.settles.waiting.extend(leases);
        self.pump(ctx);
    }
}

impl Handler<MayClaim> for QueueActor {
    type Result = ();

    fn handle(&mut self, MayClaim(allowed): MayClaim, ctx: &mut Context<Self>) {
        match (self.mode, allowed) {
            (Mode::Active, false) => {
                self.mode = Mode::Suspended;
                self.settles.waiting.extend(self.shared.prefetch.close());
            }
            (Mode::Suspended, true) => {
                self.mode = Mode::Active;
                self.shared.prefetch.open();
                self.look_everywhere();
            }
            (Mode::Active | Mode::Draining, _) | (Mode::Suspended, false) => {}
        }
        self.pump(ctx);
    }
}

impl Handler<LeasesLost> for QueueActor {
    type Result = ();

    fn handle(&mut self, _: LeasesLost, ctx: &mut Context<Self>) {
        // Those that were not given away after all go back; the lease keeps the others from being touched.
        self.settles.waiting.extend(self.shared.prefetch.clear());
        self.shared.signals.interrupt_all();
        self.pump(ctx);
    }
}

impl Handler<Reconcile> for QueueActor {
    type Result = ();

    fn handle(&mut self, _: Reconcile, ctx: &mut Context<Self>) {
        self.reconcile_requested = true;
        self.pump(ctx);
    }
}

impl Handler<ProgressPosted> for QueueActor {
    type Result = ();

    fn handle(&mut self, _: ProgressPosted, ctx: &mut Context<Self>) {
        self.start_progress(ctx);
    }
}

impl Handler<Drain> for QueueActor {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, _: Drain, ctx: &mut Context<Self>) -> Self::Result {
        let (done, drained) = oneshot::channel();
        self.mode = Mode::Draining;
        self.drained.push(done);
        self.settles.waiting.extend(self.shared.prefetch.close());
        self.pump(ctx);
        Box::pin(async move {
            // A queue that died while draining is restarted, and the supervisor asks the new one.
            drained.await.unwrap_or(false)
        })
    }
}

impl From<actix::MailboxError> for SchedulerError {
    fn from(_: actix::MailboxError) -> Self {
        Self::Interrupted
    }
}
