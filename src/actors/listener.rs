//! ListenerActor: holds the one connection that listens, and on it the lock that shows other processes that this one lives.
//! It passes notifications on and decides nothing about jobs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message, SpawnHandle, WrapFuture};
use chrono::DateTime;

use super::cron::{CronActor, SchedulesChanged};
use super::death_watch::{DeathWatch, ends_on_leave};
use super::queue::{QueueActor, Reconcile};
use crate::config::Config;
use crate::engine::Wake;
use crate::engine::outage::{Failure, Outage};
use crate::error::StoreError;
use crate::event::Event;
use crate::shared::{Role, Shared};
use crate::store::Durability;
use crate::store::claim::Position;
use crate::store::notifications::{Notification, NotificationConnection};
use crate::store::pool::blocking;
use crate::store::presence::set_has_lock;
use crate::store::settings::LISTENER;

// The payload sent by the SQL function mainspring.tell_schedules_changed, to this process too.
const SCHEDULES_CHANGED: &str = "schedules";
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
            log::warn!("not listening for notifications, polling until it works again: {reason}");
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
                for notification in &batch {
                    act_on(notification, &origin, shared);
                }
            }
            Err(error) => return error.to_string(),
        }
    }
}

fn act_on(notification: &Notification, own_origin: &str, shared: &Shared) {
    if notification.payload == SCHEDULES_CHANGED {
        return shared.send::<CronActor, _>(SchedulesChanged);
    }
    match notification.payload.split_once(' ') {
        Some(("cancel", worker)) => {
            if worker.parse() == Ok(shared.worker_id()) {
                shared.cancellations_posted.notify_one();
            }
        }
        Some(("paused", queue)) => shared.events.publish(|| Event::QueuePaused { queue: queue.to_owned() }),
        Some(("resumed", queue)) => shared.events.publish(|| Event::QueueResumed { queue: queue.to_owned() }),
        _ => parse_wakes(&notification.payload, own_origin)
            .into_iter()
            .for_each(|wake| shared.send::<QueueActor, _>(wake)),
    }
}

// The format is described in the SQL function mainspring.wake. Any other text means that anything may have changed.
fn parse_wakes(payload: &str, own_origin: &str) -> Vec<Wake> {
    let mut words = payload.splitn(5, ' ');
    let (kind, origin) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if origin == own_origin {
        return Vec::new();
    }
    let priority = words.next().and_then(|word| word.parse().ok());
    let turn_at = words.next().and_then(|word| word.parse().ok()).and_then(DateTime::from_timestamp_millis);
    let position = priority.zip(turn_at).map(|(priority, turn_at)| Position { priority, turn_at });
    match (kind, position, words.next()) {
        ("soon", None, None) => vec![Wake::DueSoon],
        ("flagged", None, None) => vec![Wake::Flagged],
        ("job", Some(position), None) => vec![Wake::Ready(position)],
        ("queue", Some(_), Some(queue)) => vec![Wake::Parked(queue.to_owned(), position)],
        ("queues", Some(_), Some(names)) => match serde_json::from_str::<Vec<String>>(names) {
            Ok(names) => names.into_iter().map(|queue| Wake::Parked(queue, position)).collect(),
            Err(_) => vec![Wake::Everything],
        },
        _ => vec![Wake::Everything],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(payload: &str) -> Option<String> {
        let wakes: Vec<String> = parse_wakes(payload, "7").iter().map(|wake| format!("{wake:?}")).collect();
        (!wakes.is_empty()).then(|| wakes.join(" and "))
    }

    #[test]
    fn own_notifications_are_ignored_and_unknown_ones_wake_everything() {
        assert_eq!(parsed("job 7 0 1000"), None);
        assert!(
            parsed("job 8 -3 1000")
                .unwrap()
                .starts_with("Ready(Position { priority: -3, turn_at: 1970-01-01T00:00:01Z")
        );
        assert!(
            parsed("queue - 0 1000 a queue with spaces")
                .unwrap()
                .starts_with("Parked(\"a queue with spaces\", Some(Position {")
        );
        let several = parsed(r#"queues 8 0 1000 ["a","b c"]"#).unwrap();
        assert!(several.starts_with("Parked(\"a\", Some(") && several.contains("and Parked(\"b c\", Some("));
        assert_eq!(parsed("soon 8").as_deref(), Some("DueSoon"));
        assert_eq!(parsed("flagged 8").as_deref(), Some("Flagged"));
        for strange in [
            "",
            "job",
            "job 8 x y",
            "queues 8 0 1000",
            "queues 8 0 1000 x",
            "anything else at all, of any length",
        ] {
            assert_eq!(parsed(strange).as_deref(), Some("Everything"), "{strange}");
        }
    }
}
