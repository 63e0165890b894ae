//! The schema's name can be chosen: names that need quotes, and schedulers side by side in one database.

use std::process::Command;
use std::time::Duration;

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::QueryableByName;
use diesel::sql_types::Text;
use diesel::{PgConnection, RunQueryDsl, sql_query};
use mainspring::history::HistoryFilter;
use mainspring::jobs::JobStatus;
use mainspring::queues::QueueSettings;
use mainspring::{
    Cron, Enqueue, JobContext, JobResult, NewJob, NewSchedule, Scheduler, SchedulerBuilder, Schema, Task,
    database, history, jobs, queues, schedules, status, workers,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::jobs::{Act, Started, act, behave};
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::{Reports, until};

const ODD: [&str; 4] = ["Billing Jobs", "it's", "say \"hi\"", "a.b"];

fn schema(name: &str) -> Schema {
    Schema::new(name).unwrap()
}

#[test]
fn a_name_that_needs_quotes_serves_every_kind_of_verb() {
    let database = TestDatabase::empty();
    let mut connection = database.connection();
    for name in ODD {
        let schema = schema(name);
        let conn = &mut schema.on(&mut connection);
        assert!(!database::migrate(conn).unwrap().is_empty());
        database::verify(conn).unwrap();
        let id = NewJob::new("act", &json!({"act": "go"})).key("k").queue("q").insert(conn).unwrap();
        queues::set(conn, "q", &QueueSettings::concurrency(2)).unwrap();
        assert!(queues::pause(conn, "q").unwrap() && queues::pause_task(conn, "act").unwrap());
        assert!(status::read(conn).unwrap().workers.is_empty());
        jobs::cancel(conn, &[id], None).unwrap();
        assert_eq!(jobs::get(conn, id).unwrap().unwrap().state, JobStatus::Cancelled);
        assert_eq!(history::list(conn, &HistoryFilter::default()).unwrap().len(), 1);
        let daily = NewSchedule::new("daily", "act", "@daily");
        schedules::create(conn, &daily).unwrap();
        assert_eq!(schedules::get(conn, "daily").unwrap().unwrap().name, "daily");
        assert!(workers::list(conn).unwrap().is_empty());
    }
}

#[test]
fn functions_of_a_schema_with_an_odd_name_are_replaced_and_created_again() {
    let database = TestDatabase::empty();
    let mut connection = database.connection();
    let schema = schema("say \"hi\" it's");
    database::migrate(&mut schema.on(&mut connection)).unwrap();
    for change in [
        "UPDATE mainspring.definitions SET hash = ''",
        "UPDATE mainspring.definitions SET hash = ''; DROP FUNCTION mainspring.add_jobs CASCADE; \
         CREATE FUNCTION mainspring.add_jobs(jsonb) RETURNS text LANGUAGE sql RETURN 'another result'",
    ] {
        connection.batch_execute(&schema.rewrite(change)).unwrap();
        database::migrate(&mut schema.on(&mut connection)).unwrap();
        database::verify(&mut schema.on(&mut connection)).unwrap();
    }
}

#[test]
fn drop_schema_removes_everything_of_a_schema() {
    let database = TestDatabase::empty();
    let mut connection = database.connection();
    database::migrate(&mut schema("Billing Jobs").on(&mut connection)).unwrap();
    connection.batch_execute("DROP SCHEMA \"Billing Jobs\" CASCADE").unwrap();
    let left = "(SELECT oid, relnamespace AS namespace FROM pg_class UNION SELECT oid, pronamespace FROM pg_proc \
        UNION SELECT oid, typnamespace FROM pg_type) AS o JOIN pg_namespace AS n ON n.oid = o.namespace \
        WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'";
    assert_eq!(count(&mut connection, left), 0);
}

// Each has its own in both schemas: a key, a queue with one slot, a cron line.
async fn side_by_side(database: &TestDatabase, name: &str) -> (Scheduler, Reports<Started>) {
    let (builder, started) = scheduler(database);
    let scheduler = builder.schema(name).poll_interval(SLOW_POLL).start().await.unwrap();
    scheduler.queues().set("q", QueueSettings::concurrency(1)).await.unwrap();
    (scheduler, started)
}

#[tokio::test]
async fn schedulers_in_two_schemas_see_no_jobs_pauses_or_keys_of_each_other() {
    let database = TestDatabase::empty();
    let (one, mut of_one) = side_by_side(&database, "one").await;
    let (two, mut of_two) = side_by_side(&database, "Schema Two").await;
    one.queues().pause("q").await.unwrap();
    one.queues().pause_task("act").await.unwrap();
    let waiting = one.enqueue(act("of one").key("k").queue("q")).await.unwrap();
    two.enqueue(act("of two").key("k").queue("q")).await.unwrap();
    assert_eq!(of_two.next().await.act, "of two");
    assert_eq!(two.remove("k").await.unwrap(), None);
    assert_eq!(one.jobs().get(waiting).await.unwrap().unwrap().state, JobStatus::Parked);
    one.queues().resume_task("act").await.unwrap();
    one.queues().resume("q").await.unwrap();
    assert_eq!(of_one.next().await.act, "of one");
    assert_eq!(
        (one.workers().list().await.unwrap().len(), two.workers().list().await.unwrap().len()),
        (1, 1)
    );
    one.stop().await;
    two.stop().await;
    assert!(of_two.try_next().is_none());
}

#[derive(Serialize, Deserialize)]
struct Chained;

impl Task for Chained {
    const NAME: &'static str = "chained";
}

async fn add_followers(_: Chained, job: JobContext) -> JobResult {
    job.connection().await?.transaction(|conn| act("by connection").insert(conn))?;
    job.transaction(|conn| Ok(act("by transaction").insert(conn).map(drop)?)).await
}

#[tokio::test]
async fn what_a_handler_adds_is_in_the_schema_of_its_scheduler() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.schema("Billing Jobs").handler(add_followers).start().await.unwrap();
    scheduler.enqueue(Enqueue::new(Chained)).await.unwrap();
    let mut acts = [started.next().await.act, started.next().await.act];
    acts.sort();
    assert_eq!(acts, ["by connection", "by transaction"]);
    scheduler.stop().await;
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 0);
}

#[derive(QueryableByName)]
struct Sent {
    #[diesel(sql_type = Text)]
    channel: String,
}

fn one_text(conn: &mut PgConnection, expression: &str) -> String {
    sql_query(format!("SELECT ({expression})::text AS channel")).get_result::<Sent>(conn).unwrap().channel
}

#[test]
fn channel_and_locks_follow_from_the_name() {
    let database = TestDatabase::empty();
    let mut connection = database.connection();
    let mut classes = Vec::new();
    for name in ["mainspring", "one", "One", "Billing Jobs", &"ä".repeat(31)] {
        let schema = schema(name);
        database::migrate(&mut schema.on(&mut connection)).unwrap();
        assert_eq!(one_text(&mut connection, &schema.rewrite("mainspring.channel()")), name);
        connection.batch_execute(&schema.rewrite("LISTEN mainspring")).unwrap();
        classes.push(one_text(&mut connection, &schema.rewrite("mainspring.lock_class()")));
    }
    assert_eq!(classes[0], "1836216166");
    classes.sort();
    classes.dedup();
    assert_eq!(classes.len(), 5, "{classes:?}");
    assert_eq!(count(&mut connection, "pg_listening_channels()"), 5);
}

#[tokio::test]
async fn a_lost_worker_is_rescued_in_its_own_schema_only() {
    let database = TestDatabase::empty();
    let mut connection = database.connection();
    let (one, two) = (schema("one"), schema("two"));
    for schema in [&one, &two] {
        database::migrate(&mut schema.on(&mut connection)).unwrap();
        let lost = "INSERT INTO mainspring.workers (id, name, tasks, timeout, heartbeat_at) OVERRIDING SYSTEM VALUE \
            VALUES (900, 'lost', '{}', '1 second', now() - interval '1 hour')";
        connection.batch_execute(&schema.rewrite(lost)).unwrap();
    }
    let (builder, _started) = scheduler(&database);
    let scheduler =
        builder.schema("one").heartbeat_timeout(Duration::from_millis(1_500)).start().await.unwrap();
    until(&database, "one.workers WHERE id = 900", 0).await;
    assert_eq!(count(&mut connection, "two.workers WHERE id = 900"), 1);
    scheduler.stop().await;
}

fn every_minute(database: &TestDatabase, name: &str) -> SchedulerBuilder {
    let line =
        Cron::every_minute(Act { act: "tick".into(), millis: 0 }).id("tick").fill(TimeDelta::minutes(3));
    Scheduler::builder(database.url()).schema(name).handler(behave).cron(line)
}

#[tokio::test]
async fn lines_of_the_same_id_fire_in_each_schema() {
    let database = TestDatabase::empty();
    let one = every_minute(&database, "one").start().await.unwrap();
    let two = every_minute(&database, "two").start().await.unwrap();
    for schema in ["one", "two"] {
        until(&database, &format!("{schema}.schedules WHERE name = 'tick' AND last_fire_at IS NOT NULL"), 1)
            .await;
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_name_that_is_no_schemas_is_refused_at_the_start() {
    let database = TestDatabase::empty();
    let refused = Scheduler::builder(database.url()).schema("pg_jobs").start().await.unwrap_err();
    assert_eq!(refused.to_string(), "schema must not begin with `pg_`, got `pg_jobs`");
}

#[test]
fn the_program_works_in_the_schema_of_its_option_or_of_the_environment() {
    let database = TestDatabase::empty();
    let program = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainspring"));
        command.env("DATABASE_URL", database.url()).env_remove("MAINSPRING_SCHEMA");
        command
    };
    assert!(program().args(["migrate", "--schema", "Billing Jobs"]).status().unwrap().success());
    let enqueue = ["enqueue", "act", "{}"];
    assert!(program().args(enqueue).env("MAINSPRING_SCHEMA", "Billing Jobs").status().unwrap().success());
    assert!(!program().args(enqueue).output().unwrap().status.success());
    assert_eq!(count(&mut database.connection(), "\"Billing Jobs\".jobs"), 1);
}
