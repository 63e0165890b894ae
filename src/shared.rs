//! What the actors of one scheduler share: the configuration, the store, the leases, and the addresses by which each finds
//! the others after a restart. It knows no actor: addresses are kept by type.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use actix::{Actor, Addr, Context, Handler, Message, Recipient};
use tokio::sync::{Notify, Semaphore, mpsc, watch};

use crate::config::Config;
use crate::engine::outage::Outage;
use crate::engine::{Notifications, Now, Slots, Wake};
use crate::error::SchedulerError;
use crate::events::EventBus;
use crate::fence::Fence;
use crate::job::KnownTasks;
use crate::leases::{LeaseTable, LeasedJob};
use crate::lock::lock;
use crate::orphans::Orphans;
use crate::phase::{Phase, PhaseWatch};
use crate::prefetch::{PrefetchBuffer, WorkerHandle, wake_workers};
use crate::progress::ProgressBoard;
use crate::signals::Signals;
use crate::store::Store;
use crate::store::claim::ClaimedJob;
use crate::store::looks::Looks;
use crate::telemetry::Telemetry;
use crate::vitals::Vitals;

mod ended_steps;
mod enqueues;
mod exports;
mod foreign;
mod health;
mod registration;
mod requests;

pub(crate) use self::enqueues::EnqueueInSpan;
pub use self::enqueues::EnqueueMany;

/// Application data by type.
pub(crate) type AppData = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// What the actors of one scheduler share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Store,
    /// The names of the tasks that have a handler here, in alphabetical order.
    pub(crate) tasks: Arc<[String]>,
    /// The same tasks, and what is known of them without their types.
    pub(crate) known: Arc<KnownTasks>,
    pub(crate) app_data: AppData,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) leases: Arc<LeaseTable>,
    pub(crate) prefetch: Arc<PrefetchBuffer>,
    /// The id of this worker, and until when its jobs may run.
    pub(crate) fence: Arc<Fence>,
    pub(crate) addresses: Addresses,
    pub(crate) signals: Signals,
    pub(crate) progress: ProgressBoard,
    /// Payloads are fetched one at a time, so that claims and settles find a connection.
    pub(crate) payload_turn: Semaphore,
    pub(crate) payload_outage: Mutex<Outage>,
    pub(crate) flags_outage: Mutex<Outage>,
    /// Whether handlers fail to get connections.
    pub(crate) handlers_outage: Mutex<Outage>,
    /// The running jobs whose worker has no row.
    pub(crate) orphans: Mutex<Orphans>,
    /// The tasks of jobs that were added here without a handler.
    pub(crate) foreign_tasks: Mutex<foreign::ForeignTasks>,
    pub(crate) ended_steps: ended_steps::EndedSteps,
    /// The jobs that were reported as not movable.
    pub(crate) unmovable_jobs: Mutex<HashSet<i64>>,
    /// Notified when running jobs of this worker were cancelled. The next heartbeat finds them as well.
    pub(crate) cancellations_posted: Notify,
    pub(crate) events: EventBus,
    /// Looks at jobs whose end is awaited.
    pub(crate) looks: Looks,
    pub(crate) phase: PhaseWatch,
    /// Whether notifications are being received.
    pub(crate) listening: watch::Sender<bool>,
    deaths: mpsc::UnboundedSender<Role>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) started_at: Instant,
}

/// Names an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Supervisor,
    Queue,
    Cron,
    Listener,
    Heartbeat,
    Maintenance,
    Worker(usize),
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Supervisor => f.write_str("the supervisor actor"),
            Self::Queue => f.write_str("the queue actor"),
            Self::Cron => f.write_str("the cron actor"),
            Self::Listener => f.write_str("the listener actor"),
            Self::Heartbeat => f.write_str("the heartbeat actor"),
            Self::Maintenance => f.write_str("the maintenance actor"),
            Self::Worker(index) => write!(f, "worker actor {index}"),
        }
    }
}

/// Jobs have reported progress. Sent by the first of them. If it is lost, the next report of any job finds them.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct ProgressPosted;

/// The current addresses of the actors. None is left once the scheduler has stopped.
#[derive(Default)]
pub(crate) struct Addresses {
    by_type: RwLock<HashMap<TypeId, Box<dyn Any + Send + Sync>>>,
    workers: RwLock<Vec<WorkerHandle>>,
}

impl Addresses {
    /// Stores an `Addr<A>` or a `Recipient<M>` in place of the one before.
    pub(crate) fn set<T: Send + Sync + 'static>(&self, address: T) {
        let mut by_type = self.by_type.write().unwrap_or_else(PoisonError::into_inner);
        by_type.insert(TypeId::of::<T>(), Box::new(address));
    }

    fn get<T: Clone + 'static>(&self) -> Option<T> {
        let by_type = self.by_type.read().unwrap_or_else(PoisonError::into_inner);
        by_type.get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned()
    }

    /// Stores a worker in its place.
    pub(crate) fn set_worker(&self, index: usize, worker: WorkerHandle) {
        let mut workers = self.workers.write().unwrap_or_else(PoisonError::into_inner);
        match workers.get_mut(index) {
            Some(place) => *place = worker,
            None => workers.push(worker),
        }
    }

    pub(crate) fn workers(&self) -> Vec<WorkerHandle> {
        self.workers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn worker(&self, index: usize) -> Option<WorkerHandle> {
        self.workers.read().unwrap_or_else(PoisonError::into_inner).get(index).cloned()
    }

    /// Removes all addresses: the scheduler has stopped.
    pub(crate) fn clear(&self) {
        self.by_type.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.workers.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Shared {
    /// `known` are the tasks that have a handler here. `deaths` receives the role of each actor that ends.
    pub(crate) fn new(
        config: Config,
        known: Arc<KnownTasks>,
        app_data: AppData,
        deaths: mpsc::UnboundedSender<Role>,
    ) -> Self {
        let fence = Arc::new(Fence::new(config.fence_timeout()));
        let telemetry =
            Arc::new(Telemetry::new(known.own_names().collect::<Vec<_>>().iter(), &config.counted_queues));
        #[cfg(feature = "testing")]
        let events = EventBus::recording(config.test.as_ref());
        Self {
            store: Store::new(&config),
            leases: Arc::new(LeaseTable::counting(config.task_limits.keys(), Arc::clone(&telemetry))),
            telemetry,
            orphans: Mutex::new(Orphans::new(config.heartbeat_timeout)),
            config,
            tasks: known.names(),
            known,
            app_data,
            prefetch: Arc::default(),
            fence,
            addresses: Addresses::default(),
            signals: Signals::default(),
            progress: ProgressBoard::default(),
            payload_turn: Semaphore::new(1),
            payload_outage: Mutex::default(),
            flags_outage: Mutex::default(),
            handlers_outage: Mutex::default(),
            foreign_tasks: Mutex::default(),
            ended_steps: Default::default(),
            unmovable_jobs: Mutex::default(),
            cancellations_posted: Notify::new(),
            #[cfg(feature = "testing")]
            events,
            #[cfg(not(feature = "testing"))]
            events: EventBus::default(),
            looks: Looks::default(),
            phase: PhaseWatch::default(),
            listening: watch::Sender::new(false),
            deaths,
            vitals: Arc::new(Vitals::new()),
            started_at: Instant::now(),
        }
    }

    /// The present, for the engine.
    pub(crate) fn now(&self) -> Now {
        let listening = *self.listening.borrow();
        let notifications = if listening { Notifications::Received } else { Notifications::Missing };
        Now { instant: Instant::now(), utc: self.config.clock.now(), notifications }
    }

    pub(crate) fn worker_id(&self) -> i32 {
        self.fence.worker_id()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.phase.current() >= Phase::Stopping
    }

    /// Returns the current address of the actor, or `None` when the scheduler has stopped.
    pub(crate) fn address<A: Actor>(&self) -> Option<Addr<A>> {
        self.addresses.get()
    }

    /// Sends a message to the current actor. It is lost while the actor restarts; every message tolerates that.
    pub(crate) fn send<A, M>(&self, message: M)
    where
        A: Actor<Context = Context<A>> + Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        if let Some(address) = self.address::<A>() {
            address.do_send(message);
        }
    }

    /// Registers jobs as leased that were claimed for this id of the worker.
    pub(crate) fn open(&self, claimed: Vec<ClaimedJob>, worker_id: i32, lease: i64) -> Vec<LeasedJob> {
        let now = Instant::now();
        claimed.into_iter().map(|job| self.leases.open(job, worker_id, lease, now)).collect()
    }

    /// Puts jobs into the prefetch buffer, and wakes workers for them.
    pub(crate) fn offer(&self, leased: Vec<LeasedJob>) {
        let jobs = leased.len();
        if jobs == 0 {
            return;
        }
        self.prefetch.put(leased);
        wake_workers(self.addresses.workers(), jobs);
    }

    /// Which slots can start jobs.
    pub(crate) fn slots(&self) -> Slots {
        let (workers, shares) = (self.addresses.workers(), self.config.shares());
        let blocked = || workers.iter().zip(&shares).filter(|(worker, _)| worker.board.is_blocked());
        if blocked().count() == workers.len() && !workers.is_empty() {
            return Slots::None;
        }
        Slots::AllBut(blocked().map(|(worker, share)| share.saturating_sub(worker.board.count())).sum())
    }

    /// Reports that a job of a queue has ended although its lease is still open. If it is lost, the next poll admits.
    pub(crate) fn slot_freed(&self, queue: &str) {
        if let Some(actor) = self.addresses.get::<Recipient<Wake>>() {
            actor.do_send(Wake::SlotFreed(queue.to_owned()));
        }
    }

    /// Logs that handlers have connections again, after the first of them.
    pub(crate) fn handlers_connect(&self) {
        if lock(&self.handlers_outage).recovered() {
            log::info!("handlers have connections to the database again");
        }
    }

    /// Reports that an actor has ended.
    pub(crate) fn report_death(&self, role: Role) {
        // The receiver is gone only when the whole scheduler is.
        let _ = self.deaths.send(role);
    }
}

/// The actor failed before it replied. Not a public `From`: actix's errors are no part of our interface.
pub(crate) fn interrupted(_: actix::MailboxError) -> SchedulerError {
    SchedulerError::Interrupted
}
