//! Carries heartbeats to the server, on a thread and a connection of its own. It may hang in libpq for as long as libpq does:
//! the keeper then sends another courier. Decides nothing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use chrono::TimeDelta;

use crate::clock::Clock;
use crate::config::Config;
use crate::error::StoreError;
use crate::fence::Fence;
use crate::store::Store;
use crate::store::connector::{Own, Way, connect_for_heartbeats};
use crate::store::presence::{Beat, Heartbeat, beat};

/// What a courier needs. It owns no actor and no pool, so that one which hangs holds up nothing else.
pub(super) struct Courier {
    pub(super) token: Token,
    pub(super) config: Config,
    pub(super) fence: Arc<Fence>,
    pub(super) store: Store,
    pub(super) replies: Sender<Input>,
}

/// What the keeper waits for.
pub(super) enum Input {
    Replied(Reply),
    /// The actor has ended.
    End,
}

/// A heartbeat to send.
pub(super) struct Order {
    pub(super) worker_id: i32,
    /// The codes of what is wrong with the worker.
    pub(super) problems: Vec<&'static str>,
}

/// Names a courier. The keeper counts the threads by their tokens.
pub(super) struct Token {
    courier: u64,
    _alive: Arc<()>,
}

impl Token {
    pub(super) fn new(courier: u64, alive: &Arc<()>) -> Self {
        Self { courier, _alive: Arc::clone(alive) }
    }
}

/// The reply to one order.
pub(super) struct Reply {
    pub(super) courier: u64,
    pub(super) worker_id: i32,
    /// When the heartbeat was sent that was confirmed.
    pub(super) sent_at: Instant,
    /// How far the server's clock is ahead, if the server has replied.
    pub(super) clock_ahead: Option<TimeDelta>,
    pub(super) result: Result<Heartbeat, StoreError>,
}

impl Courier {
    /// Sends a heartbeat of the worker for each order, until the keeper has gone or has sent another courier.
    pub(super) fn carry(self, orders: &Receiver<Order>) {
        let mut road = Road { way: self.first_way(), connection: None };
        while let Ok(order) = orders.recv() {
            let reply = self.send_by_all_means(&order, &mut road);
            if self.replies.send(Input::Replied(reply)).is_err() {
                return;
            }
        }
    }

    // A courier that follows one that hangs takes the other way.
    fn first_way(&self) -> Way {
        let is_first = self.token.courier % 2 == 1;
        if is_first && self.config.beats_directly() { Way::Direct } else { Way::Common }
    }

    fn send_by_all_means(&self, order: &Order, road: &mut Road) -> Reply {
        let fresh = road.connection.is_none();
        let mut reply = self.send(order, road);
        // A connection that rested may be lost, as after a restart of the server, and another one may work.
        if reply.result.is_err() && !fresh {
            self.store.note_loss();
            reply = self.send(order, road);
        }
        if reply.result.is_err() && self.config.beats_directly() {
            road.way = road.way.other();
            reply = self.send(order, road);
        }
        reply
    }

    fn send(&self, order: &Order, road: &mut Road) -> Reply {
        let opened = match road.connection.take() {
            Some(connected) => Ok(connected),
            None => {
                connect_for_heartbeats(&self.config, road.way).map(|inner| Connected { inner, row: None })
            }
        };
        let (sent_at, sent) = (Instant::now(), self.config.clock.now());
        let result = opened.and_then(|mut connected| {
            let result = connected.beat(order, self.config.origin, self.fence.next_beat());
            // A statement that is refused may leave the connection in any state, and another one is soon open.
            if result.is_ok() {
                road.connection = Some(connected);
            }
            result
        });
        if matches!(result, Err(StoreError::Connect(_))) {
            // Where the server has no room for another connection, that of the heartbeats comes first.
            self.store.close_one_at_rest();
        }
        let clock_ahead = match &result {
            Ok(Heartbeat::Alive { received_at, .. }) => {
                Some(Clock::ahead_of(*received_at, sent, self.config.clock.now()))
            }
            Ok(Heartbeat::Superseded | Heartbeat::Lost) | Err(_) => None,
        };
        Reply { courier: self.token.courier, worker_id: order.worker_id, sent_at, clock_ahead, result }
    }
}

/// The way that the last heartbeat took, and its connection if that still serves.
struct Road {
    way: Way,
    connection: Option<Connected>,
}

/// A connection, and where it has last seen the row of which worker.
struct Connected {
    inner: Own,
    row: Option<(i32, String)>,
}

impl Connected {
    fn beat(&mut self, order: &Order, origin: i64, number: i64) -> Result<Heartbeat, StoreError> {
        let Order { worker_id, ref problems } = *order;
        let row = self.row.take().filter(|(id, _)| *id == worker_id);
        let row_at = row.as_ref().map(|(_, row_at)| row_at.as_str());
        let done = beat(&mut self.inner, Beat { worker_id, origin, number, problems, row_at });
        if let Ok(Heartbeat::Alive { row_at, .. }) = &done {
            self.row = Some((worker_id, row_at.clone()));
        }
        done
    }
}
