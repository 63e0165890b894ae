//! A task that no living worker knows is reported where its jobs, schedules and limits are made.

use std::process::Output;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::{Enqueue, NewJob, NewSchedule, ScheduleChanges, Scheduler, Task, schedules};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Lane, run, stop};
use crate::cli::on;
use crate::support::database::TestDatabase;
use crate::support::logs;
use crate::support::rows::count;
use crate::support::waiting::until_true;

#[derive(Serialize, Deserialize)]
struct Forgotten {}
impl Task for Forgotten {
    const NAME: &'static str = "tasks.forgotten";
}

#[tokio::test]
async fn a_scheduler_warns_once_of_a_job_whose_task_no_worker_knows() {
    logs::keep();
    let database = TestDatabase::new();
    let web = Scheduler::builder(database.url()).start().await.unwrap();
    let warnings = || logs::with("no living worker knows the task `tasks.forgotten`").len();
    for _ in 0..3 {
        web.enqueue(Enqueue::new(Forgotten {})).await.unwrap();
    }
    until_true(&database, "a warning", || warnings() == 1).await;
    let worker = Scheduler::builder(database.url()).handler(run::<Lane>).start().await.unwrap();
    web.enqueue_many(vec![
        NewJob::new(Lane::NAME, &json!({"way": "w"})),
        NewJob::new("tasks.later", &json!({})),
    ])
    .await
    .unwrap();
    until_true(&database, "the other warning", || logs::with("task `tasks.later`").len() == 1).await;
    assert_eq!((warnings(), logs::with("knows the task `tasks.lane`").len()), (1, 0));
    stop([web, worker]).await;
}

/// The warnings of a statement, as its session got them. Diesel drops them.
fn warnings(database: &TestDatabase, statement: &str) -> String {
    let output = std::process::Command::new("psql")
        .args(["-X", "-q", "-d", &database.url(), "-v", "VERBOSITY=verbose", "-c", statement])
        .output();
    String::from_utf8(output.expect("psql is there").stderr).unwrap()
}

fn has_psql() -> bool {
    std::process::Command::new("psql").arg("--version").output().is_ok()
}

#[tokio::test]
async fn sql_warns_with_a_code_of_its_own_and_a_session_once_a_minute() {
    if !has_psql() {
        return eprintln!("not tried: there is no psql");
    }
    let database = TestDatabase::new();
    let many = "SELECT count(mainspring.add_job('tasks.nobody')) FROM generate_series(1, 100)";
    let told = warnings(&database, many);
    let lines = told.lines().filter(|line| line.starts_with("WARNING:")).count();
    // A minute may end meanwhile.
    assert!((1..=2).contains(&lines), "{told}");
    assert!(
        told.contains("MS404") && told.contains("no living worker knows the task tasks.nobody"),
        "{told}"
    );
    let told = warnings(
        &database,
        "SELECT mainspring.add_jobs('[{\"task\": \"tasks.b\"}, {\"task\": \"tasks.a\"}]')",
    );
    assert!(told.contains("knows the task tasks.a, tasks.b"), "{told}");
    let told = warnings(&database, "SELECT mainspring.create_schedule('s', 'tasks.nobody', '@daily')");
    assert!(told.contains("MS404"), "{told}");
    let scheduler = Scheduler::builder(database.url()).handler(run::<Lane>).start().await.unwrap();
    let known = "SELECT mainspring.add_job('tasks.lane', '{\"way\": \"w\"}'), \
        mainspring.create_schedule('t', 'tasks.lane', '@daily', '{\"way\": \"w\"}')";
    assert_eq!(warnings(&database, known), "");
    let misfit = warnings(&database, "SELECT mainspring.update_schedule('t', '{\"payload\": {}}')");
    assert!(misfit.contains("MS422") && misfit.contains("lacks the field `way`"), "{misfit}");
    stop([scheduler]).await;
}

fn error_of(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_warns_on_the_standard_error_and_does_what_it_was_told() {
    let database = TestDatabase::new();
    let told = error_of(on(&database, &["enqueue", "tasks.publsh"]));
    assert_eq!(
        told,
        "mainspring: warning: no living worker knows the task tasks.publsh: its jobs wait for one\n"
    );
    let told = error_of(on(&database, &["schedules", "create", "nightly", "tasks.publsh", "@daily"]));
    assert!(
        told.starts_with("mainspring: warning: jobs of the task tasks.publsh will not succeed: no living"),
        "{told}"
    );
    assert_eq!(count(&mut database.connection(), "mainspring.jobs, mainspring.schedules"), 1);
    let scheduler = Scheduler::builder(database.url()).handler(run::<Lane>).start().await.unwrap();
    assert_eq!(error_of(on(&database, &["enqueue", Lane::NAME, r#"{"way": "w"}"#])), "");
    let create = ["schedules", "create", "lane", Lane::NAME, "@daily"];
    assert_eq!(error_of(on(&database, &[&create[..], &[r#"{"way": "w"}"#]].concat())), "");
    let told = error_of(on(&database, &["schedules", "update", "lane", "--payload", r#"{"wy": 1}"#]));
    assert!(told.contains("the payload lacks the field `way`, which the task needs"), "{told}");
    let listed = on(&database, &["tasks", "list"]);
    let table = String::from_utf8(listed.stdout).unwrap();
    assert!(table.contains("tasks.lane  0        tasks:lane  7         2             1        0"), "{table}");
    stop([scheduler]).await;
}

#[tokio::test]
async fn a_schedule_shows_its_warning_while_it_holds() {
    logs::keep();
    let database = TestDatabase::new();
    let web = Scheduler::builder(database.url()).start().await.unwrap();
    let schedule = NewSchedule::new("tasks warned", "tasks.lane", "@yearly").payload(json!({"way": "w"}));
    web.schedules().create(schedule).await.unwrap();
    let logged = "schedule `tasks warned`: jobs of the task `tasks.lane` will not succeed: no living worker knows the task";
    assert_eq!(logs::with(logged).len(), 1);
    let warning = |conn: &mut _| schedules::get(conn, "tasks warned").unwrap().unwrap().warning;
    let mut conn = database.connection();
    assert_eq!(warning(&mut conn).as_deref(), Some("no living worker knows the task"));
    let worker = Scheduler::builder(database.url()).handler(run::<Lane>).start().await.unwrap();
    assert_eq!(warning(&mut conn), None);
    web.schedules().update("tasks warned", ScheduleChanges::new().payload(json!({"wy": 1}))).await.unwrap();
    let misfit = "the payload lacks the field `way`, which the task needs";
    assert_eq!(warning(&mut conn).as_deref(), Some(misfit));
    assert_eq!(
        logs::with(&format!("`tasks warned`: jobs of the task `tasks.lane` will not succeed: {misfit}"))
            .len(),
        1
    );
    // A worker whose time is over is no living one.
    conn.batch_execute("UPDATE mainspring.workers SET heartbeat_at = mainspring.now() - interval '1 day'")
        .unwrap();
    assert!(warning(&mut conn).is_some());
    stop([web, worker]).await;
}

#[tokio::test]
async fn a_limit_and_a_line_without_a_handler_are_logged_at_the_start() {
    logs::keep();
    let database = TestDatabase::new();
    let builder =
        Scheduler::builder(database.url()).limit::<Forgotten>(3).handler(run::<Lane>).limit::<Lane>(2);
    let scheduler = builder.grace_period(Duration::from_secs(1)).start().await.unwrap();
    assert_eq!(logs::with("the limit of the task `tasks.forgotten` limits nothing").len(), 1);
    assert_eq!(logs::with("the limit of the task `tasks.lane`").len(), 0);
    stop([scheduler]).await;
}
