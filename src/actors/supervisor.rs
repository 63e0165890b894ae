//! SupervisorActor: starts the other actors, starts them again when they die, within a budget, and drains them in order
//! at a stop. actix's own supervisor does not survive a panic, so deaths are noticed here, by a watch that each actor holds.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, ResponseFuture};
use actix_rt::{Arbiter, ArbiterHandle};

use super::cron::CronActor;
use super::keeper::KeeperActor;
use super::listener::ListenerActor;
use super::queue::{Drain, QueueActor};
use super::worker::{WorkerActor, WorkerHandle};
use super::{DeathWatch, Leave, Role, Shared};
use crate::engine::Drained;
use crate::store::Durability;
use crate::store::presence::unregister;

// An actor that dies more often than this will not be mended by starting it again.
const MAX_RESTARTS: usize = 50;
const RESTARTS_WITHIN: Duration = Duration::from_secs(60);
// What remains to be done after the jobs have ended is a few statements.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts, restarts and stops the others.
pub(crate) struct SupervisorActor {
    shared: Arc<Shared>,
    threads: Threads,
    restarts: VecDeque<Instant>,
    _watch: DeathWatch,
}

/// The threads of the workers. They outlive every actor, the supervisor included.
#[derive(Clone)]
pub(crate) struct Threads(Arc<Vec<ArbiterHandle>>);

/// An actor died. Sent by the root of the scheduler's own thread; when it is lost because the supervisor itself is dead,
/// the next supervisor looks at every actor when it starts.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Died(pub(crate) Role);

/// Stop everything in order. Sent by the root once; answers when all is done.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct StopAll;

impl Threads {
    pub(crate) fn start(count: usize) -> std::io::Result<Self> {
        let started: std::io::Result<Vec<_>> =
            (0..count).map(|_| Arbiter::try_new().map(|arbiter| arbiter.handle())).collect();
        Ok(Self(Arc::new(started?)))
    }
}

impl SupervisorActor {
    pub(crate) fn new(shared: &Arc<Shared>, threads: Threads) -> Self {
        let watch = DeathWatch::new(Role::Supervisor, shared);
        Self { shared: Arc::clone(shared), threads, restarts: VecDeque::new(), _watch: watch }
    }

    fn start_missing(&self) {
        let shares = self.shared.config.shares();
        // Workers first, in the order of their places: the queue wakes them as soon as it has claimed.
        let workers = (0..shares.len()).map(Role::Worker);
        let others = [Role::Keeper, Role::Listener, Role::Cron, Role::Queue];
        workers.chain(others).filter(|role| !self.is_alive(*role)).for_each(|role| self.start_role(role));
    }

    fn is_alive(&self, role: Role) -> bool {
        fn alive<A: Actor<Context = Context<A>>>(address: Option<&Addr<A>>) -> bool {
            address.is_some_and(Addr::connected)
        }
        let addresses = self.shared.read_addresses();
        match role {
            Role::Supervisor => alive(addresses.supervisor.as_ref()),
            Role::Queue => alive(addresses.queue.as_ref()),
            Role::Cron => alive(addresses.cron.as_ref()),
            Role::Listener => !self.shared.config.listen || alive(addresses.listener.as_ref()),
            Role::Keeper => alive(addresses.keeper.as_ref()),
            // On another thread, where the address closes a moment after the death was told.
            Role::Worker(index) => addresses
                .workers
                .get(index)
                .is_some_and(|member| member.alive.load(Ordering::SeqCst) && member.address.connected()),
        }
    }

    fn start_role(&self, role: Role) {
        let shared = &self.shared;
        match role {
            // The root starts supervisors.
            Role::Supervisor => {}
            Role::Queue => {
                let queue = QueueActor::new(shared).start();
                shared.change_addresses(|addresses| addresses.queue = Some(queue));
            }
            Role::Cron => {
                let cron = CronActor::new(shared).start();
                shared.change_addresses(|addresses| addresses.cron = Some(cron));
            }
            Role::Listener => {
                let listener = ListenerActor::new(shared).start();
                shared.change_addresses(|addresses| addresses.listener = Some(listener));
            }
            Role::Keeper => {
                let keeper = KeeperActor::new(shared).start();
                shared.change_addresses(|addresses| addresses.keeper = Some(keeper));
            }
            Role::Worker(index) => self.start_worker(index),
        }
    }

    fn start_worker(&self, index: usize) {
        let share = self.shared.config.shares().get(index).copied().unwrap_or_default();
        let before = self.shared.read_addresses().workers.get(index).map(|member| Arc::clone(&member.idle));
        let idle = before.unwrap_or_else(|| Arc::new(AtomicUsize::new(share)));
        let alive = Arc::new(AtomicBool::new(true));
        let (shared, slots, flag) = (Arc::clone(&self.shared), Arc::clone(&idle), Arc::clone(&alive));
        let Some(thread) = self.threads.0.get(index) else { return };
        let address =
            WorkerActor::start_in_arbiter(thread, move |_| WorkerActor::new(index, &shared, slots, flag));
        let member = WorkerHandle { address, idle, alive };
        self.shared.change_addresses(|addresses| match addresses.workers.get_mut(index) {
            Some(place) => *place = member,
            None => addresses.workers.push(member),
        });
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
        let address = ctx.address();
        self.shared.change_addresses(|addresses| addresses.supervisor = Some(address));
        if !self.shared.is_stopping() {
            self.start_missing();
        }
    }
}

impl Handler<Died> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, Died(role): Died, _: &mut Context<Self>) {
        let needed = !self.shared.is_stopping()
            || self.shared.queue().is_some() && matches!(role, Role::Queue | Role::Worker(_));
        if !needed || self.is_alive(role) {
            return;
        }
        if self.is_within_budget() {
            log::warn!("{role} ended and is started again");
            self.start_role(role);
        } else {
            log::error!(
                "actors ended {MAX_RESTARTS} times within a minute: the scheduler gives up and stops"
            );
            self.shared.give_up();
        }
    }
}

impl Handler<StopAll> for SupervisorActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: StopAll, _: &mut Context<Self>) -> Self::Result {
        Box::pin(stop_all(Arc::clone(&self.shared)))
    }
}

// Cron first, then the queue and with it the jobs, then those that keep the leases alive.
async fn stop_all(shared: Arc<Shared>) {
    shared.stopping.send_replace(true);
    if let Some(cron) = shared.read_addresses().cron.as_ref() {
        cron.do_send(Leave);
    }
    let deadline = Instant::now() + shared.config.grace_period;
    let mut drained = drained_by(&shared, deadline).await;
    if drained.is_none() {
        log::warn!("the grace period is over: {} jobs are interrupted", shared.leases.count());
        shared.signals.interrupt_all();
        drained = drained_by(&shared, Instant::now() + SETTLE_TIMEOUT).await;
        if drained.is_none() {
            let left = shared.leases.count();
            log::error!(
                "{left} jobs could not be given back in time: others will find this worker lost and rescue them"
            );
        }
    }
    if let Some(keeper) = shared.read_addresses().keeper.as_ref() {
        keeper.do_send(Leave);
    }
    let (worker_id, given_back) = (shared.worker_id(), drained.unwrap_or(false));
    let left = shared.store.run(Durability::Durable, move |conn| unregister(conn, worker_id, given_back));
    match actix_rt::time::timeout(SETTLE_TIMEOUT, left).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => log::error!("cannot take this worker's row away: {error}"),
        Err(_) => log::error!("cannot take this worker's row away: the database does not answer"),
    }
    let addresses =
        std::mem::take(&mut *shared.addresses.write().unwrap_or_else(std::sync::PoisonError::into_inner));
    addresses.listener.iter().for_each(|listener| listener.do_send(Leave));
    addresses.queue.iter().for_each(|queue| queue.do_send(Leave));
}

// Whether everything is known to be given back, once no lease is open. A queue that dies meanwhile is started again, and the new
// one is asked.
async fn drained_by(shared: &Shared, deadline: Instant) -> Option<bool> {
    loop {
        let left = deadline.checked_duration_since(Instant::now())?;
        let Some(queue) = shared.queue() else { return Some(false) };
        match actix_rt::time::timeout(left, queue.send(Drain)).await {
            Ok(Ok(given_back)) if shared.leases.count() == 0 => return Some(given_back == Drained::Agreed),
            Ok(_) => actix_rt::time::sleep(Duration::from_millis(10).min(left)).await,
            Err(_) => return None,
        }
    }
}
