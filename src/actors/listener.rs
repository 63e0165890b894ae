//! ListenerActor: holds the one connection that listens. It passes notifications on and decides nothing about jobs.

mod hints;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, WrapFuture};

use self::hints::{Hints, Look, Reader};
use super::cron::{CronActor, SchedulesChanged};
use super::death_watch::{DeathWatch, ends_on_leave};
use super::queue::{QueueActor, Reconcile};
use crate::config::Config;
use crate::engine::Wake;
use crate::engine::outage::{Failure, Outage};
use crate::error::StoreError;
use crate::shared::{Role, Shared};
use crate::store::notifications::NotificationConnection;
use crate::store::pool::blocking;
use crate::store::settings::of_listener;
use crate::text::one_line;

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
// A server that says nothing is asked for a sign of life so often, and has as long to reply. So a probe of health fails within
// 10 s after the connection was lost.
const PROBE_INTERVAL: Duration = Duration::from_secs(4);
// libpq bounds the making of a connection, and a frozen server none of the statements after it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Receives the notifications of other processes.
pub(crate) struct ListenerActor {
    shared: Arc<Shared>,
    _watch: DeathWatch,
}

impl ListenerActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), _watch: DeathWatch::new(Role::Listener, shared) }
    }
}

ends_on_leave!(ListenerActor);

impl Actor for ListenerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.spawn(listen_forever(Arc::clone(&self.shared)).into_actor(self));
    }
}

async fn listen_forever(shared: Arc<Shared>) {
    let mut pause = SHORTEST_PAUSE;
    let mut outage = Outage::default();
    loop {
        let reason = match connect(&shared).await {
            Ok(connection) => {
                if outage.recovered() {
                    log::info!("listening for notifications again");
                }
                pause = SHORTEST_PAUSE;
                started_listening(&shared);
                pass_on(connection, &shared).await
            }
            Err(error) => {
                // Where the server has no room for another connection, the one that listens comes first.
                shared.store.close_one_at_rest();
                error
            }
        };
        if outage.failed(Instant::now(), pause) == Failure::First {
            log::warn!("not listening for notifications, polling until it works again: {}", one_line(reason));
        }
        stopped_listening(&shared);
        actix_rt::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

// Notifications were lost until now, so everything may have changed.
fn started_listening(shared: &Shared) {
    shared.vitals.listener.end();
    shared.listening.send_replace(true);
    shared.send::<QueueActor, _>(Wake::Everything);
    shared.send::<QueueActor, _>(Reconcile);
    shared.send::<CronActor, _>(SchedulesChanged);
}

fn stopped_listening(shared: &Shared) {
    shared.vitals.listener.begin();
    shared.listening.send_replace(false);
    // The CronActor sleeps for as long as notifications allow. Now it must poll.
    shared.send::<CronActor, _>(SchedulesChanged);
}

async fn connect(shared: &Shared) -> Result<NotificationConnection, String> {
    let config = shared.config.clone();
    let connecting = blocking(move || Ok(listen(&config)));
    let connected = actix_rt::time::timeout(CONNECT_TIMEOUT, connecting).await;
    let connected = connected.map_err(|_| "the server does not reply".to_owned())?;
    connected.map_err(|error: StoreError| error.to_string())?
}

fn listen(config: &Config) -> Result<NotificationConnection, String> {
    let mut connection =
        NotificationConnection::connect(config.listen_url()).map_err(|error| error.to_string())?;
    let listen = format!("{}; {}", of_listener(config), config.schema.rewrite("LISTEN mainspring"));
    connection.execute(&listen).map_err(|error| error.to_string())?;
    Ok(connection)
}

// Runs until the connection is lost, and returns the reason.
async fn pass_on(mut connection: NotificationConnection, shared: &Shared) -> String {
    let origin = shared.config.origin.to_string();
    let mut probe_at = Instant::now() + PROBE_INTERVAL;
    loop {
        let arrived = tokio::select! {
            biased;
            arrived = connection.next_batch() => arrived,
            () = actix_rt::time::sleep_until(probe_at.into()) => connection.probe().map(|()| Vec::new()),
        };
        match arrived {
            Ok(batch) => {
                probe_at = probe_at.max(Instant::now() + PROBE_INTERVAL);
                let reader = Reader { origin: &origin, worker_id: shared.worker_id() };
                let mut hints = Hints::default();
                batch.iter().for_each(|notification| hints.read(&notification.payload, reader));
                act_on(hints, shared);
            }
            Err(error) => return error.to_string(),
        }
    }
}

fn act_on(mut hints: Hints, shared: &Shared) {
    if hints.asks_for(Look::Schedules) {
        shared.send::<CronActor, _>(SchedulesChanged);
    }
    if hints.asks_for(Look::Cancellations) {
        shared.cancellations_posted.notify_one();
    }
    std::mem::take(&mut hints.events).into_iter().for_each(|event| shared.events.publish(|| event));
    hints.wakes().into_iter().for_each(|wake| shared.send::<QueueActor, _>(wake));
}
