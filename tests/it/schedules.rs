//! Schedules that live in the database: changed while schedulers run, fired once over all of them, with a history.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::schedules::{
    ScheduleFilter, create, delete, fires, get, list, pause, resume, trigger, update,
};
use mainspring::{
    CatchUp, JobContext, JobResult, NewSchedule, Overlap, ScheduleChanges, Scheduler, SchedulerBuilder,
    SchedulerError, StoreError, Task,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::{Reports, in_time_once, reports, until, until_at_least};

mod many;
mod sql;
mod times;

const EACH_SECOND: &str = "* * * * * *";
const NEVER_IN_A_TEST: &str = "0 0 1 1 *";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cron {
    ts: DateTime<Utc>,
    backfilled: bool,
    schedule: String,
}
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tick {
    _cron: Cron,
    #[serde(default)]
    note: Option<String>,
}
impl Task for Tick {
    const NAME: &'static str = "tick";
}

async fn tick(task: Tick, job: JobContext) -> JobResult {
    let _ = job.data::<UnboundedSender<Tick>>().send(task);
    Ok(())
}

fn ticking(database: &TestDatabase) -> (SchedulerBuilder, Reports<Tick>) {
    let (sender, ticks) = reports(&database.url());
    (Scheduler::builder(database.url()).handler(tick).app_data(sender), ticks)
}

fn new(name: &str, expression: &str) -> NewSchedule {
    NewSchedule::new(name, "tick", expression)
}

fn refusal(conn: &mut PgConnection, schedule: NewSchedule) -> String {
    create(conn, &schedule).unwrap_err().to_string()
}

/// Makes the schedule due as if no scheduler had seen to it since then.
fn overdue(conn: &mut PgConnection, name: &str, since: &str) {
    let text = format!(
        "UPDATE mainspring.schedules SET plan_after = NULL, next_fire_at = {since} WHERE name = '{name}'"
    );
    conn.batch_execute(&text).unwrap();
}

#[tokio::test]
async fn three_instances_fire_each_moment_of_a_schedule_once_and_write_it_down() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let (sender, mut ticks) = reports::<Tick>(&database.url());
    let mut instances = Vec::new();
    for _ in 0..3 {
        let builder = Scheduler::builder(database.url()).handler(tick).app_data(sender.clone());
        instances.push(builder.start().await.unwrap());
    }
    create(&mut conn, &new("each", EACH_SECOND).payload(json!({"note": "hi"}))).unwrap();
    let mut seen: HashMap<DateTime<Utc>, usize> = HashMap::new();
    while seen.len() < 4 {
        let tick = ticks.next().await;
        assert_eq!((tick.note.as_deref(), tick._cron.schedule.as_str()), (Some("hi"), "each"));
        *seen.entry(tick._cron.ts).or_default() += 1;
    }
    pause(&mut conn, "each").unwrap();
    for instance in instances {
        instance.stop().await;
    }
    while let Some(tick) = ticks.try_next() {
        *seen.entry(tick._cron.ts).or_default() += 1;
    }
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    let history = fires(&mut conn, "each", 100).unwrap();
    assert!(
        history.iter().all(|fire| fire.outcome == "enqueued" && fire.job_id.is_some() && !fire.triggered)
    );
    assert!(history.iter().all(|fire| (fire.fired_at - fire.due_at).num_seconds() < 10), "{history:?}");
    let mut times: Vec<_> = history.iter().map(|fire| fire.due_at).collect();
    times.reverse();
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0]).num_seconds() == 1), "{times:?}");
    assert!(seen.keys().all(|time| times.contains(time)));
}

#[tokio::test]
async fn every_change_takes_effect_within_a_second_in_instances_that_run() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let (builder, mut ticks) = ticking(&database);
    let scheduler = builder.start().await.unwrap();
    let schedules = scheduler.schedules();
    schedules.create(new("a", NEVER_IN_A_TEST)).await.unwrap();
    until(&database, "mainspring.schedules WHERE next_fire_at IS NOT NULL", 1).await;

    let changed = Instant::now();
    schedules.update("a", ScheduleChanges::new().expression(EACH_SECOND)).await.unwrap();
    ticks.next().await;
    // The next full second and the start of the job, on a busy machine; the poll comes after a minute.
    assert!(changed.elapsed() < Duration::from_secs(20), "{:?}", changed.elapsed());

    schedules.pause("a").await.unwrap();
    let paused = schedules.get("a").await.unwrap().unwrap();
    assert!(paused.paused && paused.next_fires.is_empty() && paused.last_fire_at.is_some());
    // A witness that fires at two later moments shows that time has passed.
    let fired = "mainspring.schedule_fires WHERE schedule = 'a'";
    let before = count(&mut conn, fired);
    schedules.create(new("witness", EACH_SECOND)).await.unwrap();
    until_at_least(&database, "mainspring.schedule_fires WHERE schedule = 'witness'", 2).await;
    schedules.delete("witness").await.unwrap();
    assert_eq!(count(&mut conn, fired), before);
    while ticks.try_next().is_some() {}
    schedules.resume("a").await.unwrap();
    while ticks.next().await._cron.schedule != "a" {}

    schedules.delete("a").await.unwrap();
    for gone in [schedules.delete("a").await, schedules.pause("a").await, schedules.resume("a").await] {
        let gone = gone.unwrap_err();
        assert!(
            matches!(&gone, SchedulerError::Store(StoreError::NotFound { what, name, .. }) if what == "schedule" && name == "a")
        );
    }
    assert!(schedules.trigger("a").await.is_err());
    assert!(schedules.get("a").await.unwrap().is_none());
    assert!(!schedules.fires("a", 10).await.unwrap().is_empty(), "the history outlives the schedule");
    scheduler.stop().await;
    assert!(schedules.delete("a").await.is_err());
}

#[test]
fn a_schedule_shows_itself_with_its_next_five_fires() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let end = Utc::now() + TimeDelta::days(400);
    let full = new("full", "30 2 * * *")
        .payload(json!({"n": 1}))
        .zone("Europe/Berlin")
        .queue(Some("q"))
        .priority(-3)
        .max_attempts(2)
        .key(Some("k"))
        .overlap(Overlap::Skip)
        .catch_up(CatchUp::All(7))
        .ends_at(Some(end))
        .jitter_seconds(60);
    create(&mut conn, &full).unwrap();
    create(&mut conn, &new("plain", "@hourly")).unwrap();
    let row = get(&mut conn, "full").unwrap().unwrap();
    assert_eq!(
        (row.task.as_str(), row.expression.as_str(), row.zone.as_str()),
        ("tick", "30 2 * * *", "Europe/Berlin")
    );
    assert_eq!((row.payload, row.queue.as_deref(), row.priority), (json!({"n": 1}), Some("q"), -3));
    assert_eq!((row.max_attempts, row.key.as_deref(), row.overlap), (2, Some("k"), Overlap::Skip));
    assert_eq!((row.catch_up, row.jitter_seconds, row.next_fires.len()), (7, 60, 5));
    assert!(row.next_fires.windows(2).all(|pair| pair[0] < pair[1]) && row.next_fires[0] > Utc::now());
    assert_eq!((row.last_fire_at, row.last_outcome, row.error), (None, None, None));
    let names = |filter| list(&mut database.connection(), &filter).unwrap().into_iter().map(|row| row.name);
    assert_eq!(names(ScheduleFilter::default()).collect::<Vec<_>>(), ["full", "plain"]);
    let mut after = ScheduleFilter::new();
    after.after = Some("full".into());
    assert_eq!(names(after).collect::<Vec<_>>(), ["plain"]);
    let mut beginning = ScheduleFilter::new();
    beginning.prefix = Some("pl".into());
    assert_eq!(names(beginning).collect::<Vec<_>>(), ["plain"]);
    let mut other = ScheduleFilter::new();
    other.task = Some("other".into());
    assert_eq!(names(other).count(), 0);
    // Null gives the default back.
    update(&mut conn, "full", &ScheduleChanges::new().queue(None).key(None)).unwrap();
    let row = get(&mut conn, "full").unwrap().unwrap();
    assert_eq!((row.queue, row.key, row.priority), (None, None, -3));
}

#[test]
fn what_breaks_a_limit_is_refused_by_name_and_nothing_is_stored() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    assert!(refusal(&mut conn, new("a", "61 * * * *")).starts_with("expression must have "));
    assert!(refusal(&mut conn, new("a", "* * * * *").zone("Mars")).contains("got `Mars`"));
    assert!(refusal(&mut conn, new("", "* * * * *")).contains("name must be 1 to 128 characters, got 0"));
    assert!(refusal(&mut conn, new("a\0", "* * * * *")).contains("NUL"));
    assert!(refusal(&mut conn, NewSchedule::new("a", "", "@daily")).contains("task must be 1 to 128"));
    assert!(
        refusal(&mut conn, new("a", "@daily").max_attempts(0))
            .contains("max_attempts must be 1 to 32767, got 0")
    );
    assert!(
        refusal(&mut conn, new("a", "@daily").catch_up(CatchUp::All(10_001)))
            .contains("0 to 10000, got 10001")
    );
    assert!(refusal(&mut conn, new("a", "@daily").jitter_seconds(86_401)).contains("0 to 86400"));
    assert!(refusal(&mut conn, new("a", "@daily").key(Some("k"))).contains("key must go with the overlap"));
    assert!(
        refusal(&mut conn, new("a", "@daily").payload(json!([1])))
            .contains("payload must be an object, got array")
    );
    let big = json!({"x": "y".repeat(1 << 20)});
    assert!(refusal(&mut conn, new("a", "@daily").payload(big)).contains("payload must be at most"));
    let (start, end) = (Some(Utc::now()), Some(Utc::now() - TimeDelta::days(1)));
    assert!(
        refusal(&mut conn, new("a", "@daily").starts_at(start).ends_at(end))
            .contains("ends_at must not be before")
    );
    assert_eq!(count(&mut conn, "mainspring.schedules"), 0);
    create(&mut conn, &new("a", "@daily")).unwrap();
    assert!(refusal(&mut conn, new("a", "@daily")).contains("there is already a schedule `a`"));
    let unknown = update(&mut conn, "b", &ScheduleChanges::new().paused(true)).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no schedule `b`");
}

#[test]
fn a_schedule_is_part_of_the_callers_transaction() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let rolled_back: Result<(), diesel::result::Error> = conn.transaction(|conn| {
        create(conn, &new("a", "@daily")).unwrap();
        assert!(get(conn, "a").unwrap().is_some());
        Err(diesel::result::Error::RollbackTransaction)
    });
    assert!(rolled_back.is_err() && get(&mut conn, "a").unwrap().is_none());
}

#[tokio::test]
async fn a_triggered_schedule_runs_at_once_even_when_it_is_paused() {
    let database = TestDatabase::new();
    let (builder, mut ticks) = ticking(&database);
    let scheduler = builder.start().await.unwrap();
    let schedules = scheduler.schedules();
    schedules.create(new("a", NEVER_IN_A_TEST).paused(true)).await.unwrap();
    let fire = schedules.trigger("a").await.unwrap();
    assert!(fire.triggered && fire.outcome == "enqueued" && fire.job_id.is_some());
    assert_eq!(ticks.next().await._cron.ts, fire.due_at);
    until(&database, "mainspring.jobs", 0).await;
    let row = schedules.get("a").await.unwrap().unwrap();
    assert_eq!((row.last_job_id, row.last_fire_at), (fire.job_id, Some(fire.due_at)));
    assert_eq!(
        (row.last_job_state.as_deref(), row.last_outcome.as_deref()),
        (Some("finished"), Some("enqueued"))
    );
    scheduler.stop().await;
}

#[test]
fn the_overlap_policy_says_what_a_fire_does_while_a_job_lives() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for (name, overlap) in [("allow", Overlap::Allow), ("skip", Overlap::Skip), ("replace", Overlap::Replace)]
    {
        create(&mut conn, &new(name, "@daily").overlap(overlap)).unwrap();
    }
    let mut twice = |name| {
        let (one, two) = (trigger(&mut conn, name).unwrap(), trigger(&mut conn, name).unwrap());
        (one.job_id.unwrap(), two)
    };
    let (first, second) = twice("allow");
    assert!(second.job_id.is_some_and(|id| id != first));
    let (_, second) = twice("skip");
    assert_eq!((second.outcome.as_str(), second.job_id), ("skipped", None));
    let (first, second) = twice("replace");
    assert_eq!(second.job_id, Some(first));
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE key = 'schedule:replace' AND revision = 1"), 1);
    // A running job holds its key too; a dead one does not.
    let run = "UPDATE mainspring.jobs SET state = 'running', attempts = 1, lease = 1, worker_id = 1, locked_at = now() \
               WHERE key = 'schedule:skip'";
    conn.batch_execute(run).unwrap();
    assert_eq!(trigger(&mut conn, "skip").unwrap().outcome, "skipped");
    let die = "UPDATE mainspring.jobs SET state = 'dead', lease = NULL, worker_id = NULL, locked_at = NULL \
               WHERE key = 'schedule:skip'";
    conn.batch_execute(die).unwrap();
    assert_eq!(trigger(&mut conn, "skip").unwrap().outcome, "enqueued");
}
