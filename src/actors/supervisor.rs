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
use super::worker::{CrewMember, WorkerActor};
use super::{Core, DeathWatch, Leave, Role};
use crate::store::Durability;
use crate::store::presence::unregister;

// An actor that dies more often than this will not be mended by starting it again.
const MOST_RESTARTS: usize = 50;
const RESTARTS_WITHIN: Duration = Duration::from_secs(60);
// What remains to be done after the jobs have ended is a few statements.
const TIME_TO_SETTLE: Duration = Duration::from_secs(5);

/// Starts, restarts and stops the others.
pub(crate) struct SupervisorActor {
    core: Arc<Core>,
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
    pub(crate) fn new(core: &Arc<Core>, threads: Threads) -> Self {
        let watch = DeathWatch::new(Role::Supervisor, core);
        Self { core: Arc::clone(core), threads, restarts: VecDeque::new(), _watch: watch }
    }

    fn start_missing(&self) {
        let shares = self.core.config.shares();
        // Workers first, in the order of their places: the queue wakes them as soon as it has claimed.
        let workers = (0..shares.len()).map(Role::Worker);
        let others = [Role::Keeper, Role::Listener, Role::Cron, Role::Queue];
        workers.chain(others).filter(|role| !self.is_alive(*role)).for_each(|role| self.start_role(role));
    }

    fn is_alive(&self, role: Role) -> bool {
        fn alive<A: Actor<Context = Context<A>>>(address: Option<&Addr<A>>) -> bool {
            address.is_some_and(Addr::connected)
        }
        let roster = self.core.read_roster();
        match role {
            Role::Supervisor => alive(roster.supervisor.as_ref()),
            Role::Queue => alive(roster.queue.as_ref()),
            Role::Cron => alive(roster.cron.as_ref()),
            Role::Listener => !self.core.config.listen || alive(roster.listener.as_ref()),
            Role::Keeper => alive(roster.keeper.as_ref()),
            // On another thread, where the address closes a moment after the death was told.
            Role::Worker(index) => roster
                .crew
                .get(index)
                .is_some_and(|member| member.alive.load(Ordering::SeqCst) && member.address.connected()),
        }
    }

    fn start_role(&self, role: Role) {
        let core = &self.core;
        match role {
            // The root starts supervisors.
            Role::Supervisor => {}
            Role::Queue => {
                let queue = QueueActor::new(core).start();
                core.change_roster(|roster| roster.queue = Some(queue));
            }
            Role::Cron => {
                let cron = CronActor::new(core).start();
                core.change_roster(|roster| roster.cron = Some(cron));
            }
            Role::Listener => {
                let listener = ListenerActor::new(core).start();
                core.change_roster(|roster| roster.listener = Some(listener));
            }
            Role::Keeper => {
                let keeper = KeeperActor::new(core).start();
                core.change_roster(|roster| roster.keeper = Some(keeper));
            }
            Role::Worker(index) => self.start_worker(index),
        }
    }

    fn start_worker(&self, index: usize) {
        let share = self.core.config.shares().get(index).copied().unwrap_or_default();
        let before = self.core.read_roster().crew.get(index).map(|member| Arc::clone(&member.idle));
        let idle = before.unwrap_or_else(|| Arc::new(AtomicUsize::new(share)));
        let alive = Arc::new(AtomicBool::new(true));
        let (core, slots, flag) = (Arc::clone(&self.core), Arc::clone(&idle), Arc::clone(&alive));
        let Some(thread) = self.threads.0.get(index) else { return };
        let address =
            WorkerActor::start_in_arbiter(thread, move |_| WorkerActor::new(index, &core, slots, flag));
        let member = CrewMember { address, idle, alive };
        self.core.change_roster(|roster| match roster.crew.get_mut(index) {
            Some(place) => *place = member,
            None => roster.crew.push(member),
        });
    }

    fn is_within_budget(&mut self) -> bool {
        let now = Instant::now();
        self.restarts.retain(|at| now.duration_since(*at) < RESTARTS_WITHIN);
        self.restarts.push_back(now);
        self.restarts.len() <= MOST_RESTARTS
    }
}

#[cfg(test)]
super::tests::panics_when_told!(SupervisorActor);

impl Actor for SupervisorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let address = ctx.address();
        self.core.change_roster(|roster| roster.supervisor = Some(address));
        if !self.core.is_stopping() {
            self.start_missing();
        }
    }
}

impl Handler<Died> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, Died(role): Died, _: &mut Context<Self>) {
        let needed = !self.core.is_stopping()
            || self.core.queue().is_some() && matches!(role, Role::Queue | Role::Worker(_));
        if !needed || self.is_alive(role) {
            return;
        }
        if self.is_within_budget() {
            log::warn!("{role} ended and is started again");
            self.start_role(role);
        } else {
            log::error!(
                "actors ended {MOST_RESTARTS} times within a minute: the scheduler gives up and stops"
            );
            self.core.give_up();
        }
    }
}

impl Handler<StopAll> for SupervisorActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: StopAll, _: &mut Context<Self>) -> Self::Result {
        Box::pin(stop_all(Arc::clone(&self.core)))
    }
}

// Cron first, then the queue and with it the jobs, then those that keep the leases alive.
async fn stop_all(core: Arc<Core>) {
    core.stopping.send_replace(true);
    if let Some(cron) = core.read_roster().cron.as_ref() {
        cron.do_send(Leave);
    }
    let deadline = Instant::now() + core.config.grace_period;
    let mut drained = drained_by(&core, deadline).await;
    if drained.is_none() {
        log::warn!("the grace period is over: {} jobs are interrupted", core.leases.count());
        core.orders.interrupt_all();
        drained = drained_by(&core, Instant::now() + TIME_TO_SETTLE).await;
        if drained.is_none() {
            let left = core.leases.count();
            log::error!(
                "{left} jobs could not be given back in time: others will find this worker lost and rescue them"
            );
        }
    }
    if let Some(keeper) = core.read_roster().keeper.as_ref() {
        keeper.do_send(Leave);
    }
    let (worker_id, given_back) = (core.worker_id(), drained.unwrap_or(false));
    let left = core.store.run(Durability::Durable, move |conn| unregister(conn, worker_id, given_back));
    match actix_rt::time::timeout(TIME_TO_SETTLE, left).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => log::error!("cannot take this worker's row away: {error}"),
        Err(_) => log::error!("cannot take this worker's row away: the database does not answer"),
    }
    let roster = std::mem::take(&mut *core.roster.write().unwrap_or_else(std::sync::PoisonError::into_inner));
    roster.listener.iter().for_each(|listener| listener.do_send(Leave));
    roster.queue.iter().for_each(|queue| queue.do_send(Leave));
}

// Whether everything is known to be given back, once no lease is open. A queue that dies meanwhile is started again, and the new
// one is asked.
async fn drained_by(core: &Core, deadline: Instant) -> Option<bool> {
    loop {
        let left = deadline.checked_duration_since(Instant::now())?;
        let Some(queue) = core.queue() else { return Some(false) };
        match actix_rt::time::timeout(left, queue.send(Drain)).await {
            Ok(Ok(given_back)) if core.leases.count() == 0 => return Some(given_back),
            Ok(_) => actix_rt::time::sleep(Duration::from_millis(10).min(left)).await,
            Err(_) => return None,
        }
    }
}
