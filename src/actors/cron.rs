//! CronActor: sleeps until a schedule is due, and fires it. Crontab lines are schedules that the program owns. What is
//! due when is plain code over times (`crate::cron`). The store makes each fire happen once over all processes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message, WrapFuture};
use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::death_watch::{DeathWatch, ends_on_leave};
use super::queue::QueueActor;
use crate::engine::Wake;
use crate::engine::outage::{Failure, Outage};
use crate::error::StoreError;
use crate::event::Event;
use crate::shared::{Role, Shared};
use crate::store::claim::Position;
use crate::store::schedules::{FaultySchedule, Fired, fire_due, plan_marked, register_lines, until_next};
use crate::store::{Durability, Session};

// A clock that was set, or a machine that slept, is noticed after this time at the latest.
const MAX_SLEEP: Duration = Duration::from_secs(60);
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);
// While another process fires what is due here too, the next tick follows after this time, then after twice this time.
const MIN_PAUSE: Duration = Duration::from_millis(25);
// How many schedules one transaction fires, so that none holds its locks for long.
const MAX_SCHEDULES_AT_ONCE: i64 = 500;
// Beyond this number, one wake of everything is cheaper than a wake for each queue.
const MAX_QUEUES_NAMED: usize = 8;

/// Fires the lines of the crontab and the stored schedules.
pub(crate) struct CronActor {
    shared: Arc<Shared>,
    changed: Arc<Notify>,
    _watch: DeathWatch,
}

/// Stored schedules may have changed. Sent by the listener for notifications, and when it starts or stops to receive them.
/// If it is lost, the next tick finds the change, after a minute at the latest.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct SchedulesChanged;

impl CronActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            changed: Arc::default(),
            _watch: DeathWatch::new(Role::Cron, shared),
        }
    }
}

ends_on_leave!(CronActor);

impl Actor for CronActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let (shared, changed) = (Arc::clone(&self.shared), Arc::clone(&self.changed));
        ctx.spawn(fire_forever(shared, changed).into_actor(self));
    }
}

impl Handler<SchedulesChanged> for CronActor {
    type Result = ();

    fn handle(&mut self, _: SchedulesChanged, _: &mut Context<Self>) {
        self.changed.notify_one();
    }
}

async fn fire_forever(shared: Arc<Shared>, changed: Arc<Notify>) {
    let lines = shared.config.lines();
    let mut ticks = Ticks { shared, lines, registration: Registration::Due, pause: MIN_PAUSE };
    let mut outage = Outage::default();
    loop {
        let rest = match ticks.next().await {
            Ok(rest) => {
                if outage.recovered() {
                    log::info!("cron stores what is due again");
                }
                rest.min(max_sleep(&ticks.shared))
            }
            Err(error) => {
                if outage.failed(Instant::now(), PAUSE_AFTER_ERROR) == Failure::First {
                    log::error!("cron cannot store what is due, trying again each second: {error}");
                }
                PAUSE_AFTER_ERROR
            }
        };
        tokio::select! {
            () = actix_rt::time::sleep(rest) => {}
            () = changed.notified() => {}
        }
    }
}

// Without notifications, polls are how changes are found.
fn max_sleep(shared: &Shared) -> Duration {
    if *shared.listening.borrow() { MAX_SLEEP } else { shared.config.poll_interval().min(MAX_SLEEP) }
}

/// Fires whatever is due, again and again.
struct Ticks {
    shared: Arc<Shared>,
    /// The names of the program's crontab lines.
    lines: Vec<String>,
    registration: Registration,
    /// When to look again for what another process is firing.
    pause: Duration,
}

/// Whether the program's crontab lines are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registration {
    Due,
    Done,
}

impl Ticks {
    /// Fires whatever is due. Returns how long nothing will be.
    async fn next(&mut self) -> Result<Duration, StoreError> {
        if self.registration == Registration::Due {
            self.register_lines().await?;
            self.registration = Registration::Done;
        }
        let until = fire_schedules(&self.shared, &self.lines).await?;
        Ok(until.map_or(MAX_SLEEP, |until| self.patient(until)))
    }

    async fn register_lines(&self) -> Result<(), StoreError> {
        let (config, worker_id) = (self.shared.config.clone(), self.shared.worker_id());
        let since_start = self.shared.started_at.elapsed();
        let register =
            move |conn: &mut Session<'_>| register_lines(conn, worker_id, &config.crontab, since_start);
        self.shared.store.run(Durability::Durable, register).await
    }

    /// A schedule that is due and that another process fires is looked for again, less often each time.
    fn patient(&mut self, until: Duration) -> Duration {
        if !until.is_zero() {
            self.pause = MIN_PAUSE;
            return until;
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSE_AFTER_ERROR);
        pause
    }
}

fn publish_fired(shared: &Shared, identifier: &str, due: DateTime<Utc>, backfilled: bool, job: i64) {
    shared.events.publish(|| Event::CronFired {
        identifier: identifier.to_owned(),
        due_at: due,
        backfilled,
        job,
    });
}

// Fires until nothing is due. Returns how long until something is, if ever.
async fn fire_schedules(shared: &Shared, lines: &[String]) -> Result<Option<Duration>, StoreError> {
    // A query writes nothing, and a scheduler at rest makes it on the connection that it has.
    let own = lines.to_vec();
    let until = shared.store.run(Durability::Relaxed, move |conn| until_next(conn, &own)).await?;
    if until.is_none_or(|until| !until.is_zero()) {
        return Ok(until);
    }
    loop {
        let own = lines.to_vec();
        let (planned, fired, until) = shared
            .store
            .run(Durability::Durable, move |conn| {
                let planned = plan_marked(conn, &own, MAX_SCHEDULES_AT_ONCE)?;
                Ok((planned, fire_due(conn, &own, MAX_SCHEDULES_AT_ONCE)?, until_next(conn, &own)?))
            })
            .await?;
        planned.faulty.iter().chain(&fired.faulty).for_each(log_faulty);
        announce(shared, &fired);
        if planned.count == 0 && fired.count == 0 {
            return Ok(until);
        }
    }
}

fn log_faulty(FaultySchedule { name, error }: &FaultySchedule) {
    log::error!("schedule `{name}` fires no more until it is changed: {error}");
}

// Logs and publishes the fires, and wakes the QueueActor for their jobs.
fn announce(shared: &Shared, fired: &Fired) {
    let level = shared.config.job_log_level;
    for fire in &fired.fires {
        match fire.job_id {
            Some(id) => {
                log::log!(level, "schedule `{}` fired for {}: job {id}", fire.name, fire.due);
                publish_fired(shared, &fire.name, fire.due, fire.is_late, id);
            }
            None => log::log!(level, "schedule `{}` was due at {}: {}", fire.name, fire.due, fire.outcome),
        }
    }
    let added = || fired.fires.iter().filter(|fire| fire.job_id.is_some());
    let mut queues: BTreeMap<&String, Option<Position>> = BTreeMap::new();
    for (queue, position) in
        added().filter_map(|fire| fire.queue.as_ref().map(|queue| (queue, fire.position)))
    {
        let least = queues.entry(queue).or_insert(position);
        *least = (*least).min(position);
    }
    if queues.len() > MAX_QUEUES_NAMED {
        return shared.send::<QueueActor, _>(Wake::Everything);
    }
    queues
        .into_iter()
        .for_each(|(queue, position)| shared.send::<QueueActor, _>(Wake::Parked(queue.clone(), position)));
    let marks = added().filter(|fire| fire.queue.is_none()).filter_map(|fire| fire.position);
    let (due, later): (Vec<Position>, Vec<Position>) =
        marks.partition(|position| position.turn_at <= shared.clock.now());
    let (priority, run_at) = (
        due.iter().map(|position| position.priority).min(),
        due.iter().map(|position| position.turn_at).min(),
    );
    if let Some((priority, run_at)) = priority.zip(run_at) {
        shared.send::<QueueActor, _>(Wake::Ready(Position { priority, turn_at: run_at }));
    }
    if !later.is_empty() {
        shared.send::<QueueActor, _>(Wake::DueSoon);
    }
}
