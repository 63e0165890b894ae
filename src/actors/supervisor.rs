//! SupervisorActor: starts the other actors, and restarts those that die, within a budget. The supervisor of actix does not
//! survive a panic. So each actor holds a watch that reports its death.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message};
use actix_rt::{Arbiter, ArbiterHandle};

use super::cron::CronActor;
use super::death_watch::DeathWatch;
use super::heartbeat::HeartbeatActor;
use super::listener::ListenerActor;
use super::maintenance::MaintenanceActor;
use super::queue::QueueActor;
use super::queue::slots::SlotsChanged;
use super::worker::{WorkerActor, WorkerSetup};
use crate::attempt::TaskRegistry;
use crate::config::Fires;
use crate::engine::Wake;
use crate::prefetch::{Life, WorkerHandle};
use crate::running::WorkerBoard;
use crate::shared::{EnqueueInSpan, ProgressPosted, Role, Shared};

// Beyond this number, restarting does not repair what is wrong.
const MAX_RESTARTS: usize = 50;
const RESTARTS_WITHIN: Duration = Duration::from_secs(60);

/// Starts and restarts the other actors.
pub(crate) struct SupervisorActor {
    shared: Arc<Shared>,
    workers: WorkerThreads,
    restarts: VecDeque<Instant>,
    _watch: DeathWatch,
}

/// The threads of the workers, and the handlers that they run. They outlive every actor, the supervisor included.
#[derive(Clone)]
pub(crate) struct WorkerThreads {
    threads: Arc<[ArbiterHandle]>,
    handlers: Arc<TaskRegistry>,
}

/// An actor died. Sent by the scheduler's own thread. If it is lost because the supervisor is dead, the next supervisor
/// checks every actor when it starts.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Died(pub(crate) Role);

impl WorkerThreads {
    pub(crate) fn start(count: usize, handlers: Arc<TaskRegistry>) -> std::io::Result<Self> {
        let threads: std::io::Result<Vec<_>> =
            (0..count).map(|_| Arbiter::try_new().map(|arbiter| arbiter.handle())).collect();
        Ok(Self { threads: threads?.into(), handlers })
    }
}

impl SupervisorActor {
    pub(crate) fn new(shared: &Arc<Shared>, workers: WorkerThreads) -> Self {
        let watch = DeathWatch::new(Role::Supervisor, shared);
        Self { shared: Arc::clone(shared), workers, restarts: VecDeque::new(), _watch: watch }
    }

    fn start_missing(&self) {
        let shares = self.shared.config.shares();
        // Workers first, in the order of their places: they are woken as soon as jobs are claimed.
        let workers = (0..shares.len()).map(Role::Worker);
        let others = [Role::Heartbeat, Role::Maintenance, Role::Listener, Role::Cron, Role::Queue];
        let missing = |role: &Role| self.is_needed(*role) && !self.is_alive(*role);
        workers.chain(others).filter(missing).for_each(|role| self.start_role(role));
    }

    // During a stop, jobs still end and are settled. None is left once the QueueActor has no address.
    fn is_needed(&self, role: Role) -> bool {
        let settles = || self.shared.address::<QueueActor>().is_some();
        !self.shared.is_stopping() || matches!(role, Role::Queue | Role::Worker(_)) && settles()
    }

    fn is_alive(&self, role: Role) -> bool {
        fn alive<A: Actor<Context = Context<A>>>(shared: &Shared) -> bool {
            shared.address::<A>().is_some_and(|address| address.connected())
        }
        match role {
            Role::Supervisor => alive::<Self>(&self.shared),
            Role::Queue => alive::<QueueActor>(&self.shared),
            Role::Cron => self.shared.config.fires == Fires::None || alive::<CronActor>(&self.shared),
            Role::Listener => !self.shared.config.listens() || alive::<ListenerActor>(&self.shared),
            Role::Heartbeat => alive::<HeartbeatActor>(&self.shared),
            Role::Maintenance => alive::<MaintenanceActor>(&self.shared),
            Role::Worker(index) => {
                self.shared.addresses.worker(index).is_some_and(|worker| worker.is_alive())
            }
        }
    }

    fn start_role(&self, role: Role) {
        let shared = &self.shared;
        match role {
            // The root thread starts supervisors.
            Role::Supervisor => {}
            Role::Queue => {
                let queue = QueueActor::new(shared).start();
                shared.addresses.set(queue.clone().recipient::<EnqueueInSpan>());
                shared.addresses.set(queue.clone().recipient::<ProgressPosted>());
                shared.addresses.set(queue.clone().recipient::<Wake>());
                queue.do_send(SlotsChanged);
                shared.addresses.set(queue);
            }
            Role::Cron => shared.addresses.set(CronActor::new(shared).start()),
            Role::Listener => shared.addresses.set(ListenerActor::new(shared).start()),
            Role::Heartbeat => shared.addresses.set(HeartbeatActor::new(shared).start()),
            Role::Maintenance => shared.addresses.set(MaintenanceActor::new(shared).start()),
            Role::Worker(index) => self.start_worker(index),
        }
    }

    fn start_worker(&self, index: usize) {
        let share = self.shared.config.shares().get(index).copied().unwrap_or_default();
        let before = self.shared.addresses.worker(index).map(|worker| (worker.idle, worker.board));
        let (idle, board) =
            before.unwrap_or_else(|| (Arc::new(AtomicUsize::new(share)), Arc::new(WorkerBoard::default())));
        let (life, handlers) = (Life::new(), Arc::clone(&self.workers.handlers));
        let (own_idle, own_board, own_life) = (Arc::clone(&idle), Arc::clone(&board), Arc::clone(&life));
        let setup = WorkerSetup { index, handlers, idle: own_idle, board: own_board, life: own_life };
        let Some(thread) = self.workers.threads.get(index) else { return };
        let shared = Arc::clone(&self.shared);
        let address = WorkerActor::start_in_arbiter(thread, move |_| WorkerActor::new(setup, &shared));
        #[cfg(test)]
        self.shared.addresses.set(address.clone());
        let worker = WorkerHandle { wake: address.recipient(), idle, board, life };
        self.shared.addresses.set_worker(index, worker);
    }

    fn is_within_budget(&mut self) -> bool {
        let now = Instant::now();
        self.restarts.retain(|at| now.duration_since(*at) < RESTARTS_WITHIN);
        self.restarts.push_back(now);
        self.restarts.len() <= MAX_RESTARTS
    }
}

#[cfg(test)]
super::tests::panics_on_request!(SupervisorActor);

impl Actor for SupervisorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.shared.addresses.set(ctx.address());
        self.start_missing();
    }
}

impl Handler<Died> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, Died(role): Died, _: &mut Context<Self>) {
        if !self.is_needed(role) || self.is_alive(role) {
            return;
        }
        if self.is_within_budget() {
            log::warn!("{role} ended and is started again");
            self.start_role(role);
        } else {
            log::error!(
                "actors ended {MAX_RESTARTS} times within a minute: the scheduler gives up and stops"
            );
            self.shared.vitals.gave_up.begin();
            self.shared.phase.request_stop(self.shared.config.grace_period);
        }
    }
}
