//! Cron fires: once over all instances, with the time in the payload, and late boundaries only where a line fills them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use mainspring::{Cron as CronLine, Event, JobContext, JobResult, NewSchedule, Scheduler, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::reports;

mod outages;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cron {
    ts: DateTime<Utc>,
    backfilled: bool,
}
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tick {
    _cron: Cron,
    note: Option<String>,
}
impl Task for Tick {
    const NAME: &'static str = "tick";
}

async fn tick(task: Tick, job: JobContext) -> JobResult {
    assert_eq!(task._cron.ts, job.run_at());
    let _ = job.data::<UnboundedSender<Tick>>().send(task);
    Ok(())
}

#[tokio::test]
async fn three_instances_fire_each_second_once() {
    let database = TestDatabase::new();
    let (sender, mut ticks) = reports::<Tick>(&database.url());
    let mut instances = Vec::new();
    for _ in 0..3 {
        let builder = Scheduler::builder(database.url()).handler(tick).app_data(sender.clone());
        instances.push(builder.crontab("* * * * * * tick ?id=each {note: 'hi'}").start().await.unwrap());
    }
    let mut seen: HashMap<DateTime<Utc>, usize> = HashMap::new();
    while seen.len() < 5 {
        let tick = ticks.next().await;
        assert!(!tick._cron.backfilled && tick.note.as_deref() == Some("hi"));
        *seen.entry(tick._cron.ts).or_default() += 1;
    }
    for instance in instances {
        instance.stop().await;
    }
    while let Some(tick) = ticks.try_next() {
        *seen.entry(tick._cron.ts).or_default() += 1;
    }
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    let mut times: Vec<_> = seen.into_keys().collect();
    times.sort_unstable();
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0]).num_seconds() == 1), "{times:?}");
}

#[tokio::test]
async fn fill_makes_up_for_misses_oldest_first_and_plain_lines_do_not() {
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute(
            "INSERT INTO mainspring.schedules (owner, name, task, expression, zone, payload, priority, max_attempts, \
             overlap, catch_up, jitter_seconds, paused, created_at, last_fire_at) \
             SELECT 'code', name, 'tick', '0 * * * *', 'UTC', '{}', 0, 25, 'allow', 100, 0, false, \
             now() - interval '1 day', date_trunc('hour', now()) - interval '3 hours' \
             FROM (VALUES ('filled'), ('plain')) AS line(name)",
        )
        .unwrap();
    let (sender, mut ticks) = reports::<Tick>(&database.url());
    let builder = Scheduler::builder(database.url()).handler(tick).app_data(sender).concurrency(1);
    let lines =
        "0 * * * * tick ?id=filled&fill=1d {note: 'filled'}\n0 * * * * tick ?id=plain {note: 'plain'}";
    let scheduler = builder.crontab(lines).start().await.unwrap();
    let mut times = Vec::new();
    for _ in 0..3 {
        let tick = ticks.next().await;
        assert!(tick._cron.backfilled && tick.note.as_deref() == Some("filled"), "{tick:?}");
        times.push(tick._cron.ts);
    }
    assert!(times.is_sorted() && (times[2] - times[0]).num_hours() == 2, "{times:?}");
    scheduler.stop().await;
    assert_eq!(
        count(
            &mut database.connection(),
            "mainspring.schedules WHERE owner = 'code' AND last_fire_at = date_trunc('hour', now())"
        ),
        1
    );
}

#[derive(Serialize)]
struct Built {
    note: &'static str,
}
impl Task for Built {
    const NAME: &'static str = Tick::NAME;
}

#[tokio::test]
async fn a_line_that_code_has_built_fires_as_one_of_the_text() {
    let database = TestDatabase::new();
    let (sender, mut ticks) = reports::<Tick>(&database.url());
    let builder = Scheduler::builder(database.url()).handler(tick).app_data(sender);
    let line = CronLine::new("* * * * * *", Built { note: "built" }).id("built");
    let scheduler = builder.cron(line).start().await.unwrap();
    assert_eq!(ticks.next().await.note.as_deref(), Some("built"));
    scheduler.stop().await;
    let wrong = CronLine::every_day_at(25, 0, Built { note: "built" });
    let error = Scheduler::builder(database.url()).cron(wrong).start().await.unwrap_err();
    let named = format!(
        "cron line `{0}` of the task `{0}`, `0 25 * * *`: column 3: found `25`, expected an hour",
        Built::NAME
    );
    assert!(error.to_string().starts_with(&named), "{error}");
}

#[tokio::test]
async fn an_event_tells_of_each_fire_that_this_process_has_won() {
    let database = TestDatabase::new();
    let scheduler =
        Scheduler::builder(database.url()).crontab("* * * * * * nobody ?id=line").start().await.unwrap();
    let mut events = scheduler.events();
    let schedule = NewSchedule::new("schedule", "nobody", "* * * * * *");
    scheduler.schedules().create(schedule).await.unwrap();
    let mut told = HashMap::new();
    while told.len() < 2 {
        if let Event::CronFired { identifier, due_at: due, backfilled, job } = events.next().await.unwrap() {
            assert!(!backfilled);
            told.insert(identifier, (due, job));
        }
    }
    scheduler.stop().await;
    let mut conn = database.connection();
    for name in ["line", "schedule"] {
        let (due, job) = told[name];
        assert_eq!(count(&mut conn, &format!("mainspring.jobs WHERE id = {job} AND run_at = '{due}'")), 1);
    }
}
