//! CronActor: sleeps until a line of the crontab is due, and fires. What is due when is plain code over times beside it;
//! that a fire happens once over all processes is the store's doing.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, WrapFuture};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::queue::Wake;
use super::{Core, DeathWatch, Role};
use crate::cron::CronEntry;
use crate::error::StoreError;
use crate::job::NewJob;
use crate::store::Lane;
use crate::store::cron::{KnownCron, fire, know};

// A clock that is set, or a machine that slept, is noticed at the latest after this long.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

/// Fires the lines of the crontab.
pub(crate) struct CronActor {
    core: Arc<Core>,
    _watch: DeathWatch,
}

impl CronActor {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core), _watch: DeathWatch::new(Role::Cron, core) }
    }
}

super::leaves_when_told!(CronActor);

impl Actor for CronActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if !self.core.config.crontab.is_empty() {
            ctx.spawn(fire_for_ever(Arc::clone(&self.core)).into_actor(self));
        }
    }
}

async fn fire_for_ever(core: Arc<Core>) {
    // A boundary that lies before the start is not fired, but for the lines that ask to have it filled in.
    let started = core.cron_started_at();
    let known = loop {
        let identifiers =
            core.config.crontab.iter().map(|entry| entry.identifier.clone()).collect::<Vec<_>>();
        match core.store.run(Lane::Durable, move |conn| know(conn, &identifiers)).await {
            Ok(known) => break known,
            Err(error) => pause_after(&error).await,
        }
    };
    let lines = core.config.crontab.iter().map(|entry| Line::new(entry.clone(), &known, started));
    let mut lines: Vec<Line> = lines.collect();
    loop {
        let now = Utc::now();
        for line in &mut lines {
            while let Err(error) = line.fire_until(now, &core).await {
                pause_after(&error).await;
            }
        }
        let next = lines.iter().map(|line| line.entry.next_after(line.fired_until)).min();
        let until = next.map_or(LONGEST_SLEEP, |next| (next - Utc::now()).to_std().unwrap_or_default());
        actix_rt::time::sleep(until.min(LONGEST_SLEEP)).await;
    }
}

async fn pause_after(error: &StoreError) {
    log::error!("cron cannot store what is due, trying again each second: {error}");
    actix_rt::time::sleep(PAUSE_AFTER_ERROR).await;
}

/// One line of the crontab, and up to when it has been fired here.
struct Line {
    entry: CronEntry,
    fired_until: DateTime<Utc>,
    /// Fires up to here were due before this process started.
    started: DateTime<Utc>,
}

impl Line {
    // Misses are filled in back to the last fire, to when the line was first known, and no further than asked for.
    fn new(entry: CronEntry, known: &[KnownCron], started: DateTime<Utc>) -> Self {
        let books = known.iter().find(|known| known.identifier == entry.identifier);
        let fill_from =
            entry.fill.and_then(|fill| started.checked_sub_signed(fill)).zip(books).map(|(from, books)| {
                let since = books.last_fire.unwrap_or(books.known_since);
                from.max(since).min(started)
            });
        Self { entry, fired_until: fill_from.unwrap_or(started), started }
    }

    /// Fires everything that is due, oldest first; what is stored is not fired again when a later one fails.
    async fn fire_until(&mut self, now: DateTime<Utc>, core: &Arc<Core>) -> Result<(), StoreError> {
        for due in self.entry.fires_between(self.fired_until, now, self.entry.catchup.max(1) as usize) {
            let (identifier, job) =
                (self.entry.identifier.clone(), job_of(&self.entry, due, due <= self.started));
            let task = self.entry.task.clone();
            let added = core.store.run(Lane::Durable, move |conn| fire(conn, &identifier, due, &job)).await?;
            self.fired_until = due;
            if let Some(added) = added {
                log::info!("cron `{}` fired for {due}: job {} `{task}`", self.entry.identifier, added.id);
                core.tell_queue(Wake::Added(added));
            }
        }
        self.fired_until = self.fired_until.max(now);
        Ok(())
    }
}

fn job_of(entry: &CronEntry, due: DateTime<Utc>, backfilled: bool) -> NewJob {
    let mut payload = entry.payload.clone();
    payload.insert("_cron".into(), json!({"ts": due, "backfilled": backfilled}));
    let options = crate::job::JobOptions { run_at: Some(due), ..entry.options.clone() };
    NewJob::new(entry.task.clone(), &Value::Object(payload)).with_options(options)
}
