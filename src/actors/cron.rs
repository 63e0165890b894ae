//! CronActor: sleeps until a line of the crontab or a stored schedule is due, and has it fired. What is due when is plain
//! code over times (`crate::cron`); that a fire happens once over all processes is the store's doing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message, WrapFuture};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::death_watch::DeathWatch;
use super::queue::QueueActor;
use crate::cron::{CronEntry, StandingLine};
use crate::engine::Wake;
use crate::error::StoreError;
use crate::event::Event;
use crate::job::{JobOptions, NewJob};
use crate::shared::{Role, Shared};
use crate::store::Durability;
use crate::store::claim::Position;
use crate::store::cron::{fire, register_lines};
use crate::store::schedules::{FaultySchedule, Fired, fire_due, plan_marked, until_next};

// A clock that is set, or a machine that slept, is noticed at the latest after this long.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);
// While another process is at what is due here too, it is looked for again after this long, then after twice as long.
const SHORTEST_PAUSE: Duration = Duration::from_millis(25);
// One transaction's worth: a thousand due at once are two, and none holds its locks for long.
const SCHEDULES_AT_ONCE: i64 = 500;
// More lanes than this are not worth naming one by one.
const MAX_QUEUES_NAMED: usize = 8;

/// Fires the lines of the crontab and the stored schedules.
pub(crate) struct CronActor {
    shared: Arc<Shared>,
    changed: Arc<Notify>,
    _watch: DeathWatch,
}

/// Stored schedules may have changed. Sent by the listener for notifications, and when it begins or ceases to hear them;
/// when it is lost, the cron's next look finds the change, after a minute at the latest.
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

super::death_watch::ends_on_leave!(CronActor);

impl Actor for CronActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let (shared, changed) = (Arc::clone(&self.shared), Arc::clone(&self.changed));
        ctx.spawn(fire_for_ever(shared, changed).into_actor(self));
    }
}

impl Handler<SchedulesChanged> for CronActor {
    type Result = ();

    fn handle(&mut self, _: SchedulesChanged, _: &mut Context<Self>) {
        self.changed.notify_one();
    }
}

async fn fire_for_ever(shared: Arc<Shared>, changed: Arc<Notify>) {
    let mut rounds = Rounds { shared, lines: None, patience: SHORTEST_PAUSE };
    let mut failing = false;
    loop {
        let rest = match rounds.next().await {
            Ok(rest) => {
                failing = false;
                rest.min(longest_sleep(&rounds.shared))
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
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

// Without notifications nobody tells of changes, and polling is how they are found.
fn longest_sleep(shared: &Shared) -> Duration {
    if *shared.listening.borrow() { LONGEST_SLEEP } else { shared.config.poll_interval().min(LONGEST_SLEEP) }
}

/// Looks at everything that may be due, again and again.
struct Rounds {
    shared: Arc<Shared>,
    /// None until the books have been read.
    lines: Option<Vec<StandingLine>>,
    /// After how long to look again at what others are at.
    patience: Duration,
}

impl Rounds {
    /// Fires whatever is due, and answers how long nothing will be.
    async fn next(&mut self) -> Result<Duration, StoreError> {
        let lines = match &mut self.lines {
            Some(lines) => lines,
            unread => unread.insert(standing_lines(&self.shared).await?),
        };
        let now = Utc::now();
        for line in lines.iter_mut() {
            fire_line(line, now, &self.shared).await?;
        }
        let until_schedule = fire_schedules(&self.shared).await?;
        let next = lines.iter().map(StandingLine::next).min();
        let until_line = next.map(|next| (next - Utc::now()).to_std().unwrap_or(Duration::from_millis(1)));
        let until_schedule = until_schedule.map(|until| self.patient(until));
        Ok(until_schedule.into_iter().chain(until_line).min().unwrap_or(LONGEST_SLEEP))
    }

    /// A schedule that is due and was left to others is looked for again, less often each time.
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

async fn standing_lines(shared: &Shared) -> Result<Vec<StandingLine>, StoreError> {
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

// Oldest first; what is stored is not fired again when a later one fails.
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
                // It will not get better, and must not hold up the others.
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

// Until nothing is left to do here; answers how long until there is, if ever.
async fn fire_schedules(shared: &Shared) -> Result<Option<Duration>, StoreError> {
    // A look writes nothing, and a scheduler at rest does it on the connection that it has.
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

// Tells the log, and the queue where the new jobs are.
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
    let mut lanes: BTreeMap<&String, Option<Position>> = BTreeMap::new();
    for (lane, position) in added().filter_map(|fire| fire.queue.as_ref().map(|queue| (queue, fire.position)))
    {
        let least = lanes.entry(lane).or_insert(position);
        *least = (*least).min(position);
    }
    if lanes.len() > MAX_QUEUES_NAMED {
        return shared.send::<QueueActor, _>(Wake::Everything);
    }
    lanes
        .into_iter()
        .for_each(|(lane, position)| shared.send::<QueueActor, _>(Wake::Parked(lane.clone(), position)));
    let marks = added().filter(|fire| fire.queue.is_none()).filter_map(|fire| fire.position);
    let (due, later): (Vec<Position>, Vec<Position>) =
        marks.partition(|position| position.turn_at <= Utc::now());
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
