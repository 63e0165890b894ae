//! The version of a payload, by each way in: that of the type, that of this process, or the published one.

use diesel::PgConnection;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{Integer, Nullable};
use diesel::{QueryableByName, sql_query};
use mainspring::jobs::{self, insert_many};
use mainspring::{Enqueue, JobContext, NewJob, Scheduler, StoreError, Task, Workflow};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{First, Third, new};
use crate::cli::{answer, on};
use crate::support::database::TestDatabase;

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Nullable<Integer>)]
    version: Option<i32>,
}

/// The versions of all jobs, which are deleted.
fn taken(conn: &mut PgConnection) -> Vec<Option<i32>> {
    let text = "WITH gone AS (DELETE FROM mainspring.jobs RETURNING id, version) SELECT version FROM gone ORDER BY id";
    let rows: Vec<Version> = sql_query(text).load(conn).unwrap();
    rows.into_iter().map(|row| row.version).collect()
}

const BY_SQL: [&str; 4] = [
    "SELECT mainspring.add_job('mail')",
    "SELECT mainspring.add_jobs('[{\"task\": \"mail\"}]')",
    "SELECT mainspring.add_workflow('{\"name\": \"w\", \"jobs\": [{\"task\": \"mail\"}]}')",
    "SELECT mainspring.enqueue('{mail}')",
];

#[tokio::test]
async fn a_payload_without_a_version_is_of_the_published_one() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    for sql in BY_SQL {
        conn.batch_execute(sql).unwrap();
    }
    assert_eq!(taken(conn), [None; 4], "nothing is published yet");
    let (builder, _got) = new(&database);
    builder.start().await.unwrap().stop().await;
    for sql in BY_SQL {
        conn.batch_execute(sql).unwrap();
    }
    NewJob::new("mail", &json!({})).insert(conn).unwrap();
    answer(on(&database, &["enqueue", "mail"]));
    assert_eq!(taken(conn), [Some(2); 6]);
    // A type knows its own.
    Enqueue::new(First { to: "ada".into() }).insert(conn).unwrap();
    insert_many(conn, &[NewJob::try_from(Enqueue::new(Third { recipients: vec![] })).unwrap()]).unwrap();
    Workflow::new("w").job("one", Enqueue::new(First { to: "ada".into() })).insert(conn).unwrap();
    assert_eq!(taken(conn), [None, Some(2), None]);
}

#[test]
fn a_version_that_is_given_is_stored() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let by_sql = [
        "SELECT mainspring.add_job('mail', version => 1)",
        "SELECT mainspring.add_jobs('[{\"task\": \"mail\", \"version\": 1}]')",
        "SELECT mainspring.enqueue('{mail}', versions => '{1}')",
        "SELECT mainspring.add_job('mail', version => 1, key => 'k')",
        "SELECT mainspring.add_job('mail', version => 1, key => 'l', key_mode => 'unsafe_dedupe')",
        "SELECT mainspring.add_jobs('[{\"task\": \"mail\", \"version\": 1, \"key\": \"m\"}, {\"task\": \"mail\", \"key\": \"n\", \"version\": 1}]')",
    ];
    for sql in by_sql {
        conn.batch_execute(sql).unwrap();
    }
    Enqueue::new(First { to: "ada".into() }).version(1).insert(conn).unwrap();
    answer(on(&database, &["enqueue", "mail", "--payload-version", "1"]));
    assert_eq!(taken(conn), [Some(1); 9]);
    // Under its key a job takes the version of the one in its place.
    for version in [3, 0] {
        NewJob::new("mail", &json!({})).version(version).key("k").insert(conn).unwrap();
    }
    let [job] = jobs::list(conn, &jobs::JobFilter::new()).unwrap().try_into().unwrap();
    assert_eq!(job.version, Some(0));
    assert_eq!(jobs::get(conn, job.id).unwrap(), Some(job));
}

#[test]
fn a_version_below_0_is_refused_by_every_way_in() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let job = NewJob::new("mail", &json!({})).version(-1);
    let refused = job.insert(conn).unwrap_err();
    assert!(matches!(refused, StoreError::Invalid { .. }), "{refused:?}");
    assert_eq!(refused.to_string(), "version must be 0 or more, got -1");
    for sql in [
        "SELECT mainspring.add_job('mail', version => -1)",
        "SELECT mainspring.add_jobs('[{\"task\": \"mail\", \"version\": -1}]')",
        "SELECT mainspring.enqueue('{mail}', versions => '{-1}')",
    ] {
        let refused = conn.batch_execute(sql).unwrap_err().to_string();
        assert!(refused.contains("version must be 0 or more, got -1"), "{refused}");
    }
    let malformed =
        conn.batch_execute("SELECT mainspring.add_jobs('[{\"task\": \"mail\", \"version\": \"1\"}]')");
    assert!(malformed.unwrap_err().to_string().contains("version must be a whole number"));
    let output = on(&database, &["enqueue", "mail", "--payload-version=-1"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(taken(conn), []);
}

#[derive(Serialize, Deserialize)]
struct Negative {}
impl Task for Negative {
    const NAME: &'static str = "negative";
    const VERSION: i32 = -1;
}

#[tokio::test]
async fn a_task_with_a_version_below_0_is_refused_at_the_start() {
    let database = TestDatabase::new();
    async fn handler(_: Negative, _: JobContext) {}
    let refused = Scheduler::builder(database.url()).handler(handler).start().await.unwrap_err();
    assert!(refused.to_string().contains("task `negative`: VERSION must be 0 or more, got -1"), "{refused}");
}

#[tokio::test]
async fn older_payloads_are_judged_by_their_upgrade_and_newer_ones_not() {
    let database = TestDatabase::new();
    let (builder, mut got) = new(&database);
    let scheduler = builder.start().await.unwrap();
    let add = |payload, version: Option<i32>| {
        let job = NewJob::new("mail", &payload);
        scheduler.enqueue_many(vec![match version {
            Some(version) => job.version(version),
            None => job,
        }])
    };
    add(json!({"to": "ada"}), Some(0)).await.unwrap();
    assert_eq!(got.next().await, (0, "ada".to_owned()));
    add(json!({"recipients": ["grace"]}), None).await.unwrap();
    assert_eq!(got.next().await, (2, "grace".to_owned()));
    for (payload, version) in [(json!({"to": 7}), Some(0)), (json!({"to": "ada"}), None)] {
        let refused = add(payload, version).await.unwrap_err().to_string();
        assert!(refused.contains("payload does not fit the task `mail`"), "{refused}");
    }
    add(json!({"anything": true}), Some(3)).await.unwrap();
    scheduler.stop().await;
    assert_eq!(taken(&mut database.connection()), [Some(3)]);
}
