//! CronActor: sleeps until a line of the crontab or a stored schedule is due, and fires it. Plain code over times decides
//! what is due (`crate::cron`). The store makes sure that a fire happens once over all processes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message, WrapFuture};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::death_watch::{DeathWatch, ends_on_leave};
use super::queue::QueueActor;
use crate::cron::{CronEntry, StandingLine};
use crate::engine::Wake;
use crate::engine::outage::{Failure, Outage};
use crate::error::StoreError;
use crate::event::Event;
use crate::job::{JobOptions, NewJob};
use crate::shared::{Role, Shared};
use crate::store::Durability;
use crate::store::claim::Position;
use crate::store::cron::{fire, register_lines};
use crate::store::schedules::{FaultySchedule, Fired, fire_due, plan_marked, until_next};

// A clock that was set, or a machine that slept, is noticed after this time at the latest.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);
// While another process fires what is due here too, the next tick follows after this time, then after twice this time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(25);
// How many schedules one transaction fires, so that none holds its locks for long.
const SCHEDULES_AT_ONCE: i64 = 500;
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
    let mut ticks = Ticks { shared, lines: None, patience: SHORTEST_PAUSE };
    let mut outage = Outage::default();
    loop {
        let rest = match ticks.next().await {
            Ok(rest) => {
                if outage.recovered() {
                    log::info!("cron stores what is due again");
                }
                rest.min(longest_sleep(&ticks.shared))
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

// Without notifications, changes are found by polling.
fn longest_sleep(shared: &Shared) -> Duration {
    if *shared.listening.borrow() { LONGEST_SLEEP } else { shared.config.poll_interval().min(LONGEST_SLEEP) }
}

/// The lines of the crontab, and when to look at them and at stored schedules again.
struct Ticks {
    shared: Arc<Shared>,
    /// `None` until their last fires have been read.
    lines: Option<Vec<StandingLine>>,
    /// The pause before the next tick, while another process fires what is due.
    patience: Duration,
}

impl Ticks {
    /// Fires everything that is due. Returns how long nothing will be due.
    async fn next(&mut self) -> Result<Duration, StoreError> {
        let lines = match &mut self.lines {
            Some(lines) => lines,
            unread => unread.insert(crontab_lines(&self.shared).await?),
        };
        let now = self.shared.clock.now();
        for line in lines.iter_mut() {
            fire_line(line, now, &self.shared).await?;
        }
        let until_schedule = fire_schedules(&self.shared).await?;
        let next = lines.iter().map(StandingLine::next).min();
        let until_line =
            next.map(|next| (next - self.shared.clock.now()).to_std().unwrap_or(Duration::from_millis(1)));
        let until_schedule = until_schedule.map(|until| self.patient(until));
        Ok(until_schedule.into_iter().chain(until_line).min().unwrap_or(LONGEST_SLEEP))
    }

    // A schedule that is due and was left to another process is looked for again, less often each time.
    fn patient(&mut self, until: Duration) -> Duration {
        if !until.is_zero() {
            self.patience = SHORTEST_PAUSE;
            return until;
        }
        let patience = self.patience;
        self.patience = (patience * 2).min(PAUSE_AFTER_ERROR);
        patience
    }
}

async fn crontab_lines(shared: &Shared) -> Result<Vec<StandingLine>, StoreError> {
    let crontab = &shared.config.crontab;
    if crontab.is_empty() {
        return Ok(Vec::new());
    }
    let identifiers: Vec<_> = crontab.iter().map(|entry| entry.identifier.clone()).collect();
    let known = shared.store.run(Durability::Durable, move |conn| register_lines(conn, &identifiers)).await?;
    let line = |entry: &CronEntry| {
        let books = known.iter().find(|known| known.identifier == entry.identifier);
        let last_seen = books.map(|books| books.last_fire.unwrap_or(books.known_since));
        StandingLine::new(entry.clone(), last_seen, shared.cron_started_at())
    };
    Ok(crontab.iter().map(line).collect())
}

// Fires the oldest first. A fire that is stored is not repeated when a later one fails.
async fn fire_line(
    line: &mut StandingLine,
    now: DateTime<Utc>,
    shared: &Arc<Shared>,
) -> Result<(), StoreError> {
    for due in line.due(now) {
        let (identifier, job) = (line.entry.identifier.clone(), job_of(&line.entry, due.at, due.is_late));
        let added =
            shared.store.run(Durability::Durable, move |conn| fire(conn, &identifier, due.at, &job)).await;
        let added = match added {
            Err(StoreError::Invalid(reason)) => {
                // Another try would fail as well, and must not delay the other lines.
                log::error!("cron `{}` cannot add its job for {}: {reason}", line.entry.identifier, due.at);
                None
            }
            done => done?,
        };
        line.seen_to(due.at);
        if let Some(added) = added {
            let CronEntry { identifier, task, .. } = &line.entry;
            log::info!("cron `{identifier}` fired for {}: job {} `{task}`", due.at, added.id);
            publish_fired(shared, identifier, due.at, due.is_late, added.id);
            shared.send::<QueueActor, _>(Wake::Added(added));
        }
    }
    line.seen_to(now);
    Ok(())
}

fn publish_fired(shared: &Shared, identifier: &str, due: DateTime<Utc>, backfilled: bool, job: i64) {
    shared.events.publish(|| Event::CronFired {
        identifier: identifier.to_owned(),
        due_at: due,
        backfilled,
        job,
    });
}

fn job_of(entry: &CronEntry, due: DateTime<Utc>, backfilled: bool) -> NewJob {
    let mut payload = entry.payload.clone();
    payload.insert("_cron".into(), json!({"ts": due, "backfilled": backfilled}));
    let options = JobOptions { run_at: Some(due), ..entry.options.clone() };
    NewJob::new(entry.task.clone(), &Value::Object(payload)).with_options(options)
}

// Fires stored schedules until none is due. Returns how long until the next one is due, if there is one.
async fn fire_schedules(shared: &Shared) -> Result<Option<Duration>, StoreError> {
    // This query writes nothing, and an idle scheduler runs it on the connection that it already has.
    let until = shared.store.run(Durability::Relaxed, |conn| until_next(conn)).await?;
    if until.is_none_or(|until| !until.is_zero()) {
        return Ok(until);
    }
    loop {
        let (planned, fired, until) = shared
            .store
            .run(Durability::Durable, |conn| {
                let planned = plan_marked(conn, SCHEDULES_AT_ONCE)?;
                Ok((planned, fire_due(conn, SCHEDULES_AT_ONCE)?, until_next(conn)?))
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
