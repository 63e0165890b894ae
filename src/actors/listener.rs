//! ListenerActor: holds the one connection that listens, and on it the lock that tells others that this process lives.
//! It passes on what it hears and decides nothing about jobs.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, WrapFuture};
use chrono::DateTime;

use super::cron::{CronActor, SchedulesChanged};
use super::death_watch::DeathWatch;
use super::queue::{QueueActor, Reconcile};
use crate::config::Config;
use crate::engine::Wake;
use crate::error::StoreError;
use crate::event::Event;
use crate::shared::{Role, Shared};
use crate::store::Durability;
use crate::store::claim::Position;
use crate::store::notifications::{Notification, NotificationConnection};
use crate::store::pool::blocking;
use crate::store::presence::set_has_lock;

// What the SQL function mainspring.tell_schedules_changed says, to this process too.
const SCHEDULES_CHANGED: &str = "schedules";
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Receives the notifications of other processes.
pub(crate) struct ListenerActor {
    shared: Arc<Shared>,
    _watch: DeathWatch,
}

/// The worker has a new id, so its lock must be taken anew. Sent by the keeper; when it is lost, the time-out of the
/// heartbeat is what others go by.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LockAgain;

impl ListenerActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), _watch: DeathWatch::new(Role::Listener, shared) }
    }
}

super::death_watch::ends_on_leave!(ListenerActor);

impl Actor for ListenerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.spawn(listen_for_ever(Arc::clone(&self.shared)).into_actor(self));
    }
}

// A listener that ends is started again, and the new connection takes the lock of the new id.
impl Handler<LockAgain> for ListenerActor {
    type Result = ();

    fn handle(&mut self, _: LockAgain, ctx: &mut Context<Self>) {
        self.shared.listening.send_replace(false);
        ctx.terminate();
    }
}

async fn listen_for_ever(shared: Arc<Shared>) {
    let mut pause = SHORTEST_PAUSE;
    let mut told = false;
    loop {
        let reason = match connect(&shared).await {
            Ok(connection) => {
                if std::mem::take(&mut told) {
                    log::info!("listening for notifications again");
                }
                pause = SHORTEST_PAUSE;
                shared.listening.send_replace(true);
                // What was announced while nobody listened is looked for now.
                shared.send::<QueueActor, _>(Wake::Everything);
                shared.send::<QueueActor, _>(Reconcile);
                shared.send::<CronActor, _>(SchedulesChanged);
                pass_on(connection, &shared).await
            }
            Err(error) => error,
        };
        shared.listening.send_replace(false);
        // It sleeps as long as one may who will be told of changes.
        shared.send::<CronActor, _>(SchedulesChanged);
        if !std::mem::replace(&mut told, true) {
            log::warn!("not listening for notifications, polling until it works again: {reason}");
        }
        // Without the lock, only the time-out of the heartbeat may speak for this process. Nothing can be said while the
        // whole database is away, and nobody could hear it.
        let worker_id = shared.worker_id();
        let _ = shared.store.run(Durability::Relaxed, move |conn| set_has_lock(conn, worker_id, false)).await;
        actix_rt::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
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
    execute("LISTEN mainspring")?;
    let lock = format!("SELECT pg_try_advisory_lock(mainspring.lock_class() + 1, {worker_id})");
    let locked = execute(&lock)?;
    Ok((connection, locked.as_deref() == Some("t")))
}

// Until the connection is lost; answers why.
async fn pass_on(mut connection: NotificationConnection, shared: &Shared) -> String {
    let origin = shared.config.origin.to_string();
    loop {
        match connection.next_batch().await {
            Ok(batch) => {
                for heard in &batch {
                    act_on(heard, &origin, shared);
                }
            }
            Err(error) => return error.to_string(),
        }
    }
}

fn act_on(heard: &Notification, own_origin: &str, shared: &Shared) {
    if heard.payload == SCHEDULES_CHANGED {
        return shared.send::<CronActor, _>(SchedulesChanged);
    }
    match heard.payload.split_once(' ') {
        Some(("cancel", worker)) => {
            if worker.parse() == Ok(shared.worker_id()) {
                shared.cancellations_posted.notify_one();
            }
        }
        Some(("paused", queue)) => shared.events.publish(|| Event::QueuePaused { queue: queue.to_owned() }),
        Some(("resumed", queue)) => shared.events.publish(|| Event::QueueResumed { queue: queue.to_owned() }),
        _ => understand(&heard.payload, own_origin)
            .into_iter()
            .for_each(|wake| shared.send::<QueueActor, _>(wake)),
    }
}

// The text is described where it is made, in the SQL function mainspring.wake. Anything else means: look.
fn understand(payload: &str, own_origin: &str) -> Vec<Wake> {
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

    fn heard(payload: &str) -> Option<String> {
        let wakes: Vec<String> = understand(payload, "7").iter().map(|wake| format!("{wake:?}")).collect();
        (!wakes.is_empty()).then(|| wakes.join(" and "))
    }

    #[test]
    fn own_notifications_are_passed_over_and_strange_ones_mean_look_everywhere() {
        assert_eq!(heard("job 7 0 1000"), None);
        assert!(
            heard("job 8 -3 1000")
                .unwrap()
                .starts_with("Ready(Position { priority: -3, turn_at: 1970-01-01T00:00:01Z")
        );
        assert!(
            heard("queue - 0 1000 a lane with spaces")
                .unwrap()
                .starts_with("Parked(\"a lane with spaces\", Some(Position {")
        );
        let several = heard(r#"queues 8 0 1000 ["a","b c"]"#).unwrap();
        assert!(several.starts_with("Parked(\"a\", Some(") && several.contains("and Parked(\"b c\", Some("));
        assert_eq!(heard("soon 8").as_deref(), Some("DueSoon"));
        assert_eq!(heard("flagged 8").as_deref(), Some("Flagged"));
        for strange in [
            "",
            "job",
            "job 8 x y",
            "queues 8 0 1000",
            "queues 8 0 1000 x",
            "anything else at all, of any length",
        ] {
            assert_eq!(heard(strange).as_deref(), Some("Everything"), "{strange}");
        }
    }
}
