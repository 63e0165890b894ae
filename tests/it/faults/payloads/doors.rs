//! What is accepted can run: shapes that serde derives, through every way in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::{
    BatchResult, Cron, Enqueue, JobContext, JobError, JobResult, NewSchedule, Overlap, Scheduler,
    SchedulerBuilder, Task,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::shapes::{
    Adjacent, Braces, External, Fields, Flat, Internal, Mapped, NewUnit, NoTuple, Optional, Pair, Rest,
    Sequence, Strict, Unit, Untagged,
};
use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::{PATIENCE, Reports, reports, until};

/// Task, way in, and the payload as the handler got it.
type Run = (&'static str, String, String);

async fn report<T: Task + Debug>(task: T, job: JobContext) -> JobResult {
    let key = job.key().unwrap_or("no key").to_owned();
    assert_eq!(job.cron().is_some(), key.starts_with("fire"), "{key}");
    job.data::<UnboundedSender<Run>>().send((T::NAME, key, format!("{task:?}")))?;
    Ok(())
}

/// A scheduler under construction, and the runs that must come.
struct Stage {
    database: TestDatabase,
    builder: SchedulerBuilder,
    schedules: Vec<NewSchedule>,
    expected: BTreeSet<Run>,
    runs: Reports<Run>,
}

impl Stage {
    fn new() -> Self {
        let database = TestDatabase::new();
        let (sender, runs) = reports(&database.url());
        let builder = Scheduler::builder(database.url()).app_data(sender).job_log_level(log::Level::Debug);
        Self { database, builder, schedules: Vec::new(), expected: BTreeSet::new(), runs }
    }

    fn expect<T: Task + Debug>(&mut self, key: &str, task: &T) {
        self.expected.insert((T::NAME, key.to_owned(), format!("{task:?}")));
    }

    fn handle<T: Task + DeserializeOwned + Debug + 'static>(&mut self) {
        let builder = std::mem::replace(&mut self.builder, Scheduler::builder(""));
        self.builder = builder.handler(report::<T>);
    }

    fn sql<T: Task + Debug>(&mut self, key: &str, payload: &str, task: &T) {
        let add = format!("SELECT mainspring.add_job('{0}', {payload} key => '{key} {0}')", T::NAME);
        self.database.connection().batch_execute(&add).unwrap();
        self.expect(&format!("{key} {}", T::NAME), task);
    }

    fn cron<T: Task + Debug + Clone>(&mut self, task: &T, json: Option<&Value>) {
        let name = T::NAME;
        let key = |way: &str| format!("fire {way} {name}");
        let payload = json.map_or(String::new(), Value::to_string);
        let is_word = !name.contains(' ');
        let builder = std::mem::replace(&mut self.builder, Scheduler::builder(""));
        self.builder = if is_word {
            let query = key("text").replace(' ', "%20");
            builder.crontab(&format!("* * * * * * {name} ?id=text:{name}&jobKey={query} {payload}"))
        } else {
            builder
        };
        if is_word {
            self.expect(&key("text"), task);
        }
        let stored =
            NewSchedule::new(format!("stored {name}"), name, "* * * * * *").overlap(Overlap::Replace);
        let stored = stored.key(Some(&key("stored")));
        self.schedules.push(json.map_or(stored.clone(), |json| stored.clone().payload(json.clone())));
        self.expect(&key("stored"), task);
    }

    fn typed_cron<T: Task + Debug + Clone>(&mut self, task: &T) {
        let name = T::NAME;
        let key = |way: &str| format!("fire {way} {name}");
        let line = Cron::new("* * * * * *", task.clone()).id(format!("code:{name}")).key(key("code"));
        let builder = std::mem::replace(&mut self.builder, Scheduler::builder(""));
        self.builder = builder.cron(line);
        self.expect(&key("code"), task);
        let of = NewSchedule::of(format!("of {name}"), task, "* * * * * *").unwrap();
        self.schedules.push(of.overlap(Overlap::Replace).key(Some(&key("of"))));
        self.expect(&key("of"), task);
    }

    fn rust<T: Task + Debug + Clone>(&mut self, task: &T) {
        let key = format!("rust {}", T::NAME);
        Enqueue::new(task.clone()).key(&key).insert(&mut self.database.connection()).unwrap();
        self.expect(&key, task);
    }

    async fn run(mut self) {
        let scheduler = self.builder.start().await.unwrap();
        for schedule in self.schedules {
            scheduler.schedules().create(schedule).await.unwrap();
        }
        // Fires come for ever, so the wait for the last ones needs an end of its own.
        let deadline = std::time::Instant::now() + PATIENCE;
        while !self.expected.is_empty() {
            assert!(std::time::Instant::now() < deadline, "never ran: {:?}", self.expected);
            let run = self.runs.next().await;
            let is_fire = run.1.starts_with("fire");
            assert!(self.expected.remove(&run) || is_fire, "{run:?} of {:?}", self.expected);
        }
        scheduler.stop().await;
        let mut conn = self.database.connection();
        assert_eq!(count(&mut conn, "mainspring.jobs WHERE last_error IS NOT NULL"), 0);
    }
}

fn empty<T: Task + DeserializeOwned + Debug + Clone + Default + 'static>(stage: &mut Stage) {
    let task = T::default();
    stage.handle::<T>();
    stage.rust(&task);
    stage.sql("absent", "", &task);
    stage.sql("braces", "'{}',", &task);
    stage.sql("null", "'null',", &task);
    stage.sql("none", "NULL,", &task);
    stage.cron(&task, None);
}

#[tokio::test]
async fn an_absent_payload_is_the_empty_form_of_every_type() {
    let mut stage = Stage::new();
    empty::<Unit>(&mut stage);
    empty::<NewUnit>(&mut stage);
    empty::<Optional>(&mut stage);
    empty::<Fields>(&mut stage);
    empty::<Braces>(&mut stage);
    empty::<Mapped>(&mut stage);
    empty::<Sequence>(&mut stage);
    empty::<NoTuple>(&mut stage);
    empty::<Flat>(&mut stage);
    stage.typed_cron(&Unit);
    stage.typed_cron(&NewUnit(Unit));
    stage.typed_cron(&Optional(None));
    stage.typed_cron(&Braces {});
    stage.typed_cron(&Mapped::default());
    stage.typed_cron(&Flat::default());
    stage.run().await;
}

fn full<T: Task + DeserializeOwned + Debug + Clone + 'static>(stage: &mut Stage, tasks: &[T]) {
    stage.handle::<T>();
    for (number, task) in tasks.iter().enumerate() {
        let key = format!("rust {number} {}", T::NAME);
        Enqueue::new(task.clone()).key(&key).insert(&mut stage.database.connection()).unwrap();
        stage.expect(&key, task);
        let json = serde_json::to_value(task).unwrap();
        stage.sql(&format!("sql {number}"), &format!("'{json}',"), task);
    }
    if let Some((task, json)) = tasks.last().map(|task| (task, serde_json::to_value(task).unwrap())) {
        if json.is_object() {
            stage.cron(task, Some(&json));
            stage.typed_cron(task);
        } else {
            let refused = Cron::new("@daily", task.clone()).build().unwrap_err().to_string();
            assert!(refused.contains("expected a payload that is an object"), "{refused}");
        }
    }
}

#[tokio::test]
async fn every_shape_runs_through_every_way_or_is_refused_there() {
    let mut stage = Stage::new();
    full(
        &mut stage,
        &[Strict { number: 1, note: None }, Strict { number: u64::MAX, note: Some("x".into()) }],
    );
    full(&mut stage, &[External::Alone, External::New(7), External::Named { number: 8 }]);
    full(&mut stage, &[Internal::Alone, Internal::Named { number: 8 }]);
    full(&mut stage, &[Adjacent::Alone, Adjacent::New(8)]);
    full(&mut stage, &[Untagged::Number(9), Untagged::Named { number: 9 }]);
    full(&mut stage, &[Rest { number: 1, rest: BTreeMap::from([("more".into(), 2)]) }]);
    full(&mut stage, &[Mapped(BTreeMap::from([("a".into(), json!([1, "b"]))]))]);
    full(&mut stage, &[Fields { number: 3, text: "y".into() }]);
    full(&mut stage, &[Pair(1, "z".into())]);
    full(&mut stage, &[Sequence(vec![1, 2])]);
    stage.run().await;
}

async fn report_batch(entries: Vec<Strict>, job: JobContext) -> BatchResult {
    let runs = job.data::<UnboundedSender<Run>>();
    Ok(entries.iter().map(|entry| Ok(runs.send(("strict", String::new(), format!("{entry:?}")))?)).collect())
}

#[tokio::test]
async fn a_strict_entry_of_a_batch_gets_no_field_of_cron() {
    let database = TestDatabase::new();
    let (sender, mut runs) = reports::<Run>(&database.url());
    let builder = Scheduler::builder(database.url()).app_data(sender).batch_handler(report_batch);
    let entry = Strict { number: 1, note: None };
    let builder = builder.cron(Cron::new("* * * * * *", entry.clone()));
    let scheduler = builder.start().await.unwrap();
    assert_eq!(runs.next().await.2, format!("{entry:?}"));
    scheduler.stop().await;
}

async fn fail_first(entries: Vec<Strict>, job: JobContext) -> BatchResult {
    job.data::<UnboundedSender<Run>>().send(("strict", String::new(), format!("{:?}", job.cron())))?;
    let result = || if job.attempt() == 1 { Err(JobError::retry_in(Duration::ZERO, "busy")) } else { Ok(()) };
    Ok(entries.iter().map(|_| result()).collect())
}

#[tokio::test]
async fn a_batch_that_cron_added_knows_its_fire_at_a_retry_too() {
    let database = TestDatabase::new();
    let (sender, mut runs) = reports::<Run>(&database.url());
    let fired = "'{\"number\": 1, \"_cron\": {\"ts\": \"2027-01-01T00:00:00Z\", \"backfilled\": true}}'";
    let add = format!("SELECT mainspring.add_job('strict', {fired})");
    database.connection().batch_execute(&add).unwrap();
    let builder = Scheduler::builder(database.url()).app_data(sender).batch_handler(fail_first);
    assert_eq!(builder.run_once().await.unwrap().to_string(), "2 attempts: 1 succeeded, 1 failed");
    let fire = runs.next().await.2;
    assert!(fire.contains("2027-01-01T00:00:00Z, backfilled: true"), "{fire}");
    assert_eq!(runs.next().await.2, fire);
}

#[tokio::test]
async fn what_does_not_fit_fails_its_attempt_without_its_value() {
    let database = TestDatabase::new();
    let (sender, _runs) = reports::<Run>(&database.url());
    let builder = Scheduler::builder(database.url()).app_data(sender).handler(report::<Strict>);
    let scheduler = builder.start().await.unwrap();
    let bad = format!("{{\"number\": \"{}\"}}", "s3cret".repeat(100_000));
    let add = format!("SELECT mainspring.add_job('strict', '{bad}', max_attempts => 1)");
    database.connection().batch_execute(&add).unwrap();
    let held = "mainspring.jobs WHERE state = 'held' AND last_error = \
        'payload does not fit the task `strict` at `number`: expected u64, found a string'";
    until(&database, held, 1).await;
    scheduler.stop().await;
}
