//! Keeps the lease of this worker, on a thread of its own that never waits for a server: it has a heartbeat sent every
//! interval, by another courier if one hangs, and interrupts all jobs when the fence shuts. The protocol is in
//! docs/notes/leases.md. Logs nothing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::courier::{Courier, Input, Order, Reply, Token};
use crate::error::StoreError;
use crate::shared::Shared;
use crate::store::presence::Heartbeat;

// As many threads may hang in libpq. More would not reach a server that so many have not reached.
const MAX_COURIERS: usize = 4;

// A server that refuses is asked again after this part of an interval.
const RETRIES_PER_INTERVAL: u32 = 4;

/// What the actor learns from its helpers.
pub(super) enum Report {
    /// A heartbeat of that worker has ended.
    Beat { worker_id: i32, result: Result<Heartbeat, StoreError> },
    /// The fence has shut.
    FenceShut,
    /// A heartbeat was confirmed after the fence had shut.
    FenceOpened,
    /// The schema was compared with this program. Sent by the lookout.
    Schema(Result<(), StoreError>),
}

/// Held by the actor. The keeper ends with it.
pub(super) struct KeeperHandle(Sender<Input>);

impl Drop for KeeperHandle {
    fn drop(&mut self) {
        // A keeper that has ended already takes no more.
        let _ = self.0.send(Input::End);
    }
}

/// Starts the keeper's thread.
pub(super) fn start(shared: &Arc<Shared>, reports: UnboundedSender<Report>) -> std::io::Result<KeeperHandle> {
    let (sender, inputs) = channel();
    let keeper = Keeper::new(Arc::clone(shared), reports, sender.clone());
    let alive = shared.vitals.lease_thread();
    Builder::new().name("mainspring-lease".into()).spawn(move || {
        let _alive = alive;
        keeper.run(&inputs);
    })?;
    Ok(KeeperHandle(sender))
}

struct Keeper {
    shared: Arc<Shared>,
    reports: UnboundedSender<Report>,
    inputs: Sender<Input>,
    courier: Option<Hired>,
    alive: Arc<()>,
    couriers: u64,
    next_beat: Instant,
    fence: Seen,
}

/// The courier that has the orders now.
struct Hired {
    id: u64,
    orders: Sender<Order>,
    busy_since: Option<Instant>,
}

/// How the keeper has last seen the fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Open,
    Shut,
}

impl Keeper {
    fn new(shared: Arc<Shared>, reports: UnboundedSender<Report>, inputs: Sender<Input>) -> Self {
        let (alive, next_beat) = (Arc::new(()), Instant::now());
        Self { shared, reports, inputs, courier: None, alive, couriers: 0, next_beat, fence: Seen::Open }
    }

    fn run(mut self, inputs: &Receiver<Input>) {
        loop {
            let now = Instant::now();
            self.watch_fence();
            self.dismiss_late_courier(now);
            if now >= self.next_beat {
                self.order_beat(now);
            }
            match inputs.recv_timeout(self.next_event().saturating_duration_since(Instant::now())) {
                Ok(Input::Replied(reply)) => self.replied(reply),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Input::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn interval(&self) -> Duration {
        self.shared.config.heartbeat_interval()
    }

    fn next_event(&self) -> Instant {
        let late = self.courier.as_ref().and_then(|courier| courier.busy_since);
        let late = late.filter(|_| self.may_hire()).map(|since| since + self.interval());
        let shuts_at = (self.fence == Seen::Open).then(|| self.shared.fence.shuts_at());
        [late, shuts_at].into_iter().flatten().fold(self.next_beat, Instant::min)
    }

    // Attempts compare the fence with the clock themselves. This wakes those that wait for something else.
    fn watch_fence(&mut self) {
        let is_open = self.shared.fence.is_open();
        match (self.fence, is_open) {
            (Seen::Open, false) => {
                self.fence = Seen::Shut;
                self.shared.signals.interrupt_all();
                self.report(Report::FenceShut);
            }
            (Seen::Shut, true) => {
                self.fence = Seen::Open;
                self.report(Report::FenceOpened);
            }
            (Seen::Open, true) | (Seen::Shut, false) => {}
        }
    }

    // One of the tokens is the keeper's.
    fn may_hire(&self) -> bool {
        Arc::strong_count(&self.alive) <= MAX_COURIERS
    }

    // Its reply counts all the same, if it comes.
    fn dismiss_late_courier(&mut self, now: Instant) {
        let busy_since = self.courier.as_ref().and_then(|courier| courier.busy_since);
        let is_late = busy_since.is_some_and(|since| since + self.interval() <= now);
        if is_late && self.may_hire() {
            self.courier = None;
            self.next_beat = now;
        }
    }

    fn order_beat(&mut self, now: Instant) {
        self.next_beat = now + self.interval();
        if self.courier.as_ref().is_some_and(|courier| courier.busy_since.is_some()) {
            return;
        }
        let courier = self.courier.take().or_else(|| self.hire());
        // A courier whose thread has ended takes no order, and the next beat hires another.
        self.courier = courier.and_then(|mut courier| {
            courier.busy_since = Some(now);
            let order = Order { worker_id: self.shared.worker_id(), problems: self.shared.problems() };
            courier.orders.send(order).is_ok().then_some(courier)
        });
    }

    fn hire(&mut self) -> Option<Hired> {
        self.couriers += 1;
        let id = self.couriers;
        let courier = Courier {
            token: Token::new(id, &self.alive),
            config: self.shared.config.clone(),
            fence: Arc::clone(&self.shared.fence),
            store: self.shared.store.clone(),
            replies: self.inputs.clone(),
        };
        let (orders, received) = channel();
        let started = Builder::new().name("mainspring-beat".into()).spawn(move || courier.carry(&received));
        started.ok().map(|_| Hired { id, orders, busy_since: None })
    }

    fn replied(&mut self, reply: Reply) {
        let Reply { courier, worker_id, sent_at, clock_ahead, result } = reply;
        if matches!(result, Ok(Heartbeat::Alive { .. })) {
            self.shared.fence.confirm(worker_id, sent_at);
        }
        clock_ahead.into_iter().for_each(|ahead| self.shared.vitals.clock_seen(ahead));
        self.shared.vitals.heartbeats.note(&result);
        let retry_at = Instant::now() + self.interval() / RETRIES_PER_INTERVAL;
        if let Some(hired) = self.courier.as_mut().filter(|hired| hired.id == courier) {
            hired.busy_since = None;
            if result.is_err() {
                self.next_beat = self.next_beat.min(retry_at);
            }
        }
        self.report(Report::Beat { worker_id, result });
    }

    fn report(&self, report: Report) {
        // An actor that has ended reads no more, and has sent `End`.
        let _ = self.reports.send(report);
    }
}
