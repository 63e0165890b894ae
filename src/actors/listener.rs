//! ListenerActor: holds the one connection that listens, and on it the lock that shows other processes that this one lives.
//! It passes notifications on and decides nothing about jobs.

mod hints;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message, SpawnHandle, WrapFuture};

use self::hints::{Hints, Look, Reader};
use super::cron::{CronActor, SchedulesChanged};
use super::death_watch::{DeathWatch, ends_on_leave};
use super::queue::{QueueActor, Reconcile};
use crate::config::Config;
use crate::engine::Wake;
use crate::engine::outage::{Failure, Outage};
use crate::error::StoreError;
use crate::shared::{Role, Shared};
use crate::store::Durability;
use crate::store::notifications::NotificationConnection;
use crate::store::pool::blocking;
use crate::store::presence::set_has_lock;
use crate::store::settings::LISTENER;
use crate::text::one_line;

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Receives the notifications of other processes.
pub(crate) struct ListenerActor {
    shared: Arc<Shared>,
    listening: SpawnHandle,
    _watch: DeathWatch,
}

/// The worker has a new id, and needs the lock of that id. Sent by the heartbeat. If it is lost, other processes rely on the
/// timeout of the heartbeat.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LockAgain;

impl ListenerActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            listening: SpawnHandle::default(),
            _watch: DeathWatch::new(Role::Listener, shared),
        }
    }
}

ends_on_leave!(ListenerActor);

impl Actor for ListenerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.listening = ctx.spawn(listen_forever(Arc::clone(&self.shared)).into_actor(self));
    }
}

// The lock belongs to the session of the connection, so a new connection takes the lock of the new id.
impl Handler<LockAgain> for ListenerActor {
    type Result = ();

    fn handle(&mut self, _: LockAgain, ctx: &mut Context<Self>) {
        self.shared.listening.send_replace(false);
        ctx.cancel_future(self.listening);
        self.listening = ctx.spawn(listen_forever(Arc::clone(&self.shared)).into_actor(self));
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
        stopped_listening(&shared).await;
        actix_rt::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

// Notifications were lost until now, so everything may have changed.
fn started_listening(shared: &Shared) {
    shared.listening.send_replace(true);
    shared.send::<QueueActor, _>(Wake::Everything);
    shared.send::<QueueActor, _>(Reconcile);
    shared.send::<CronActor, _>(SchedulesChanged);
}

async fn stopped_listening(shared: &Shared) {
    shared.listening.send_replace(false);
    // The CronActor sleeps for as long as notifications allow. Now it must poll.
    shared.send::<CronActor, _>(SchedulesChanged);
    // Without the lock, only the timeout of the heartbeat shows whether this process lives. While the database is away, the
    // row cannot be written, and no other process can read it.
    let worker_id = shared.worker_id();
    let _ = shared.store.run(Durability::Relaxed, move |conn| set_has_lock(conn, worker_id, false)).await;
}

async fn connect(shared: &Shared) -> Result<NotificationConnection, String> {
    let (config, worker_id) = (shared.config.clone(), shared.worker_id());
    let connected = blocking(move || Ok(listen_and_lock(&config, worker_id))).await;
    let (connection, locked) = connected.map_err(|error: StoreError| error.to_string())??;
    shared
        .store
        .run(Durability::Relaxed, move |conn| set_has_lock(conn, worker_id, locked))
        .await
        .map_err(|error| error.to_string())?;
    Ok(connection)
}

fn listen_and_lock(config: &Config, worker_id: i32) -> Result<(NotificationConnection, bool), String> {
    let mut connection =
        NotificationConnection::connect(&config.database_url).map_err(|error| error.to_string())?;
    let mut execute =
        |sql: &str| connection.execute(&config.schema.rewrite(sql)).map_err(|error| error.to_string());
    execute(&format!("{LISTENER}; LISTEN mainspring"))?;
    let lock = format!("SELECT pg_try_advisory_lock(mainspring.lock_class() + 1, {worker_id})");
    let locked = execute(&lock)?;
    Ok((connection, locked.as_deref() == Some("t")))
}

// Runs until the connection is lost, and returns the reason.
async fn pass_on(mut connection: NotificationConnection, shared: &Shared) -> String {
    let origin = shared.config.origin.to_string();
    loop {
        match connection.next_batch().await {
            Ok(batch) => {
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
