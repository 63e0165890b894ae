//! A payload that does not fit its task is reported before a fire: of lines at the start, of schedules when they are made.

use diesel::connection::SimpleConnection;
use mainspring::{
    BatchResult, Cron, JobContext, NewSchedule, ScheduleChanges, Scheduler, SchedulerError, StoreError, Task,
    schedules,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{run, stop};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    number: u8,
    #[serde(default)]
    parts: Vec<u8>,
}
impl Task for Strict {
    const NAME: &'static str = "tasks.strict";
}

#[derive(Serialize, Deserialize)]
struct Unit;
impl Task for Unit {
    const NAME: &'static str = "tasks.unit";
}

/// A task that wants to know its fire.
#[derive(Serialize, Deserialize)]
struct Fired {
    _cron: Value,
}
impl Task for Fired {
    const NAME: &'static str = "tasks.fired";
}

#[derive(Serialize, Deserialize)]
struct Entry {
    id: u8,
}
impl Task for Entry {
    const NAME: &'static str = "tasks.entry";
}

async fn batch(entries: Vec<Entry>, _: JobContext) -> BatchResult {
    Ok(entries.iter().map(|_| Ok(())).collect())
}

fn builder(database: &TestDatabase) -> mainspring::SchedulerBuilder {
    let builder = Scheduler::builder(database.url()).handler(run::<Strict>).handler(run::<Unit>);
    builder.handler(run::<Fired>).batch_handler(batch)
}

#[tokio::test]
async fn start_names_every_line_whose_payload_does_not_fit_and_no_value() {
    let database = TestDatabase::new();
    let builder = builder(&database)
        .crontab("@daily tasks.strict ?id=fits {number: 1}\n@daily tasks.unit\n@daily tasks.fired\n@daily tasks.entry {id: 1}")
        .crontab("@daily tasks.strict ?id=misses\n@daily tasks.strict ?id=wrong {number: 's3cret'}")
        .crontab("@daily tasks.strict ?id=deep {number: 1, parts: [1, 7777]}")
        .crontab("@daily tasks.strict ?id=more {number: 1, s3cret: 2}\n@daily tasks.entry ?id=entry {id: 's3cret'}")
        .crontab("@daily tasks.foreign ?id=foreign {number: 's3cret'}")
        .cron(Cron::new("@daily", Strict::default()).id("code"));
    let SchedulerError::Config(problem) = builder.start().await.unwrap_err() else { panic!("no Config") };
    let expected = [
        "cron `misses`: payload does not fit the task `tasks.strict`: expected field `number`, found an object without it",
        "cron `wrong`: payload does not fit the task `tasks.strict` at `number`: expected u8, found a string",
        "cron `deep`: payload does not fit the task `tasks.strict` at `parts[1]`: expected u8, found another integer",
        "cron `more`: payload does not fit the task `tasks.strict`",
        "cron `entry`: payload does not fit the task `tasks.entry` at `id`: expected u8, found a string",
    ];
    let found: Vec<&str> = problem.split("; ").collect();
    assert_eq!(found.len(), expected.len(), "{problem}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.starts_with(expected) && !found.contains("s3cret") && !found.contains("7777"),
            "{found}"
        );
    }
    assert_eq!(count(&mut database.connection(), "mainspring.workers, mainspring.schedules"), 0);
}

fn invalid(error: SchedulerError) -> String {
    match error {
        SchedulerError::Store(error @ StoreError::Invalid { .. }) => error.to_string(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_schedule_whose_payload_does_not_fit_is_refused_and_nothing_is_stored() {
    let database = TestDatabase::new();
    let scheduler = builder(&database).start().await.unwrap();
    let schedules = scheduler.schedules();
    let new = |payload: Value| NewSchedule::new("s", Strict::NAME, "@yearly").payload(payload);
    for payload in [json!({}), json!({"number": "s3cret"}), json!({"number": 1, "other": "s3cret"})] {
        let problem = invalid(schedules.create(new(payload)).await.unwrap_err());
        assert!(
            problem.contains("does not fit the task `tasks.strict`") && !problem.contains("s3cret"),
            "{problem}"
        );
    }
    assert!(schedules.get("s").await.unwrap().is_none());
    schedules.create(new(json!({"number": 1}))).await.unwrap();
    for changes in [
        ScheduleChanges::new().payload(json!({"number": 256})),
        ScheduleChanges::new().task(Entry::NAME),
        ScheduleChanges::new().priority(3).payload(json!({})),
    ] {
        invalid(schedules.update("s", changes).await.unwrap_err());
    }
    let row = schedules.get("s").await.unwrap().unwrap();
    assert_eq!((row.task.as_str(), row.payload, row.priority), (Strict::NAME, json!({"number": 1}), 0));
    schedules.update("s", ScheduleChanges::new().task(Unit::NAME).payload(json!({}))).await.unwrap();
    for (name, task) in [("unit", Unit::NAME), ("fired", Fired::NAME), ("foreign", "tasks.foreign")] {
        schedules.create(NewSchedule::new(name, task, "@yearly")).await.unwrap();
    }
    let missing = schedules.update("missing", ScheduleChanges::new().payload(json!({}))).await.unwrap_err();
    assert!(matches!(missing, SchedulerError::Store(StoreError::NotFound { .. })), "{missing}");
    stop([scheduler]).await;
}

#[tokio::test]
async fn what_is_published_of_a_type_tells_which_payloads_cannot_fit() {
    let database = TestDatabase::new();
    let scheduler = builder(&database).start().await.unwrap();
    let mut conn = database.connection();
    let needs = Some("the payload lacks the field `number`, which the task needs".to_owned());
    let knows = Some("the payload has the field `other`, which the task does not know".to_owned());
    let cases = [
        (Strict::NAME, "{}", needs),
        (Strict::NAME, r#"{"number": 1}"#, None),
        (Strict::NAME, r#"{"number": 1, "other": 2}"#, knows),
        // Only the type itself can tell.
        (Strict::NAME, r#"{"number": "one"}"#, None),
        (Unit::NAME, r#"{"any": 1}"#, None),
        (Fired::NAME, "{}", None),
        (Entry::NAME, "{}", None),
    ];
    for (number, (task, payload, warning)) in cases.into_iter().enumerate() {
        let create =
            format!("SELECT mainspring.create_schedule('{number}', '{task}', '@yearly', '{payload}')");
        conn.batch_execute(&create).unwrap();
        let row = schedules::get(&mut conn, &number.to_string()).unwrap().unwrap();
        assert_eq!(row.warning, warning, "{task} {payload}");
    }
    stop([scheduler]).await;
}
