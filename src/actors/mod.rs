//! The actors: who decides when. Each is thin; what it decides is plain functions beside it. Here is what all actors
//! of one scheduler share, so that each finds the others of today after any of them was restarted.

pub(crate) mod cron;
mod execution;
mod job_context;
pub(crate) mod keeper;
pub(crate) mod listener;
mod panics;
mod payload;
pub(crate) mod queue;
mod signals;
pub(crate) mod supervisor;
#[cfg(test)]
mod tests;
pub(crate) mod worker;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use actix::Addr;
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use tokio::sync::{mpsc, watch};

use crate::config::Config;
use crate::error::{SchedulerError, StoreError};
use crate::events::EventBus;
use crate::job::NewJob;
use crate::leases::{LeaseTable, LeasedJob};
use crate::prefetch::PrefetchBuffer;
use crate::progress::ProgressBoard;
use crate::registry::TaskRegistry;
use crate::store::claim::ClaimedJob;
use crate::store::{Durability, Store};

pub use job_context::{CronFire, JobContext};
pub(crate) use panics::CatchPanic;
pub(crate) use panics::record_places as record_panic_places;
pub(crate) use signals::Signals;

/// Application data by type.
pub(crate) type AppData = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// What the actors of one scheduler share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) registry: TaskRegistry,
    pub(crate) app_data: AppData,
    pub(crate) leases: Arc<LeaseTable>,
    pub(crate) prefetch: Arc<PrefetchBuffer>,
    /// The tasks with a handler here, in alphabetical order.
    pub(crate) tasks: Arc<[String]>,
    pub(crate) worker_id: AtomicI32,
    pub(crate) addresses: RwLock<ActorAddresses>,
    /// What running jobs are told.
    pub(crate) signals: Signals,
    pub(crate) progress: ProgressBoard,
    fetches: payload::Fetches,
    pub(crate) events: EventBus,
    /// True from the moment a stop is asked for, which running jobs are told.
    pub(crate) stopping: watch::Sender<bool>,
    /// Whether notifications are being received.
    pub(crate) listening: watch::Sender<bool>,
    deaths: mpsc::UnboundedSender<Role>,
    gave_up: watch::Sender<bool>,
    cron_started_at: DateTime<Utc>,
}

/// The addresses of today.
#[derive(Default)]
pub(crate) struct ActorAddresses {
    pub(crate) supervisor: Option<Addr<supervisor::SupervisorActor>>,
    pub(crate) queue: Option<Addr<queue::QueueActor>>,
    pub(crate) cron: Option<Addr<cron::CronActor>>,
    pub(crate) listener: Option<Addr<listener::ListenerActor>>,
    pub(crate) keeper: Option<Addr<keeper::KeeperActor>>,
    pub(crate) workers: Vec<worker::WorkerHandle>,
}

/// Which actor is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Supervisor,
    Queue,
    Cron,
    Listener,
    Keeper,
    Worker(usize),
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Supervisor => f.write_str("the supervisor actor"),
            Self::Queue => f.write_str("the queue actor"),
            Self::Cron => f.write_str("the cron actor"),
            Self::Listener => f.write_str("the listener actor"),
            Self::Keeper => f.write_str("the keeper actor"),
            Self::Worker(index) => write!(f, "worker actor {index}"),
        }
    }
}

impl Shared {
    pub(crate) fn new(
        config: Config,
        registry: TaskRegistry,
        app_data: AppData,
        deaths: mpsc::UnboundedSender<Role>,
    ) -> Self {
        let tasks = registry.tasks().into();
        Self {
            store: Store::new(&config),
            leases: Arc::new(LeaseTable::counting(config.task_limits.keys())),
            config,
            registry,
            app_data,
            prefetch: Arc::default(),
            tasks,
            worker_id: AtomicI32::new(0),
            addresses: RwLock::default(),
            signals: Signals::default(),
            progress: ProgressBoard::default(),
            fetches: payload::Fetches::default(),
            events: EventBus::default(),
            stopping: watch::Sender::new(false),
            listening: watch::Sender::new(false),
            deaths,
            gave_up: watch::Sender::new(false),
            cron_started_at: Utc::now(),
        }
    }

    pub(crate) fn worker_id(&self) -> i32 {
        self.worker_id.load(Ordering::Acquire)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// The queue of today, or `None` when the scheduler is stopped.
    pub(crate) fn queue(&self) -> Option<Addr<queue::QueueActor>> {
        self.read_addresses().queue.clone()
    }

    pub(crate) fn read_addresses(&self) -> std::sync::RwLockReadGuard<'_, ActorAddresses> {
        self.addresses.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change_addresses(&self, change: impl FnOnce(&mut ActorAddresses)) {
        change(&mut self.addresses.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Sends to the queue of today. While there is none the message is lost, which each message allows for.
    pub(crate) fn send_to_queue<M>(&self, message: M)
    where
        M: actix::Message + Send + 'static,
        M::Result: Send,
        queue::QueueActor: actix::Handler<M>,
    {
        if let Some(queue) = self.queue() {
            queue.do_send(message);
        }
    }

    /// Jobs were claimed under the lease, which is in the book from now on.
    fn open(&self, claimed: Vec<ClaimedJob>, lease: i64) -> Vec<LeasedJob> {
        let now = Instant::now();
        claimed.into_iter().map(|job| self.leases.open(job, lease, now)).collect()
    }

    /// Lays jobs on the prefetch buffer, and wakes as many workers as there are jobs.
    fn offer(&self, leased: Vec<LeasedJob>) {
        let jobs = leased.len();
        if jobs == 0 {
            return;
        }
        self.prefetch.put(leased);
        let mut workers: Vec<worker::WorkerHandle> = self.read_addresses().workers.clone();
        workers.sort_by_key(|member| std::cmp::Reverse(member.idle.load(Ordering::SeqCst)));
        let mut covered = 0;
        for member in workers {
            if covered >= jobs {
                break;
            }
            covered += member.idle.load(Ordering::SeqCst);
            member.address.do_send(worker::TakeJobs);
        }
    }

    /// Has the cron of today look at the stored schedules. While there is none the message is lost, and the next one looks.
    pub(crate) fn notify_cron(&self) {
        if let Some(cron) = self.read_addresses().cron.as_ref() {
            cron.do_send(cron::SchedulesChanged);
        }
    }

    /// The actors cannot be kept alive: the root stops what is left.
    pub(crate) fn give_up(&self) {
        self.gave_up.send_replace(true);
    }

    /// Waits until the scheduler gives up.
    pub(crate) async fn given_up(&self) {
        // The sender lives here, so waiting cannot fail.
        let _ = self.gave_up.subscribe().wait_for(|gave_up| *gave_up).await;
    }

    /// When the scheduler started; cron actors that follow one another go on from there.
    pub(crate) fn cron_started_at(&self) -> DateTime<Utc> {
        self.cron_started_at
    }

    /// Does what somebody asks for on a connection whose commits are durable, unless the scheduler has stopped.
    pub(crate) async fn do_durably<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SchedulerError> {
        self.queue().ok_or(SchedulerError::Stopped)?;
        Ok(self.store.run(Durability::Durable, work).await?)
    }

    /// Adds a job through the queue of today.
    pub(crate) async fn enqueue(&self, job: NewJob) -> Result<i64, SchedulerError> {
        let ids = self.enqueue_many(vec![job]).await?;
        ids.first().copied().ok_or(SchedulerError::Interrupted)
    }

    /// Adds jobs through the queue of today, all or none.
    pub(crate) async fn enqueue_many(&self, jobs: Vec<NewJob>) -> Result<Vec<i64>, SchedulerError> {
        let queue = self.queue().ok_or(SchedulerError::Stopped)?;
        Ok(queue.send(queue::EnqueueMany(jobs)).await??)
    }
}

/// The work of this actor is over. Sent by the supervisor at a stop; when it is lost, the actor ends with its thread.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub(crate) struct Leave;

/// Held by an actor for as long as it lives; its end, in whatever way, is reported.
pub(crate) struct DeathWatch {
    role: Role,
    shared: Arc<Shared>,
}

impl DeathWatch {
    pub(crate) fn new(role: Role, shared: &Arc<Shared>) -> Self {
        Self { role, shared: Arc::clone(shared) }
    }
}

impl Drop for DeathWatch {
    fn drop(&mut self) {
        // The receiver is gone only when the whole scheduler is.
        let _ = self.shared.deaths.send(self.role);
    }
}

/// Lets an actor end when it is told to.
macro_rules! ends_on_leave {
    ($actor:ty) => {
        impl actix::Handler<$crate::actors::Leave> for $actor {
            type Result = ();

            fn handle(&mut self, _: $crate::actors::Leave, ctx: &mut actix::Context<Self>) {
                actix::ActorContext::terminate(ctx);
            }
        }

        #[cfg(test)]
        $crate::actors::tests::panics_on_request!($actor);
    };
}
pub(crate) use ends_on_leave;

impl From<actix::MailboxError> for SchedulerError {
    fn from(_: actix::MailboxError) -> Self {
        Self::Interrupted
    }
}
