//! What a workflow adds, from Rust and from SQL, and how its jobs run.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::jobs::JobStatus;
use mainspring::workflows::{self, WorkflowState};
use mainspring::{NewJob, OnFailure, Scheduler, Wait, Workflow};
use serde_json::json;

use super::{counts, status};
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, other};
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

#[tokio::test]
async fn jobs_of_a_workflow_run_in_the_order_of_their_names() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    // The edges come before their jobs, and against the order of the input.
    let diamond = Workflow::new("diamond")
        .after("left", "top")
        .after("bottom", "left")
        .job("bottom", act("bottom").after(Wait::member("right")))
        .job("right", act("right").after(Wait::member("top")))
        .job("left", act("left"))
        .job("top", act("top"));
    let added = scheduler.workflows().start(diamond).await.unwrap();
    assert_eq!(added.jobs.len(), 4);
    assert_eq!((added.job("top"), added.callback), (Some(added.jobs[3]), None));
    assert_eq!(added.job("no such"), None);
    assert_eq!(started.next().await.act, "top");
    let mut middle = [started.next().await.act, started.next().await.act];
    middle.sort_unstable();
    assert_eq!(middle, ["left", "right"]);
    let last = started.next().await;
    assert_eq!((last.act.as_str(), Some(last.id)), ("bottom", added.job("bottom")));
    until(&database, "mainspring.jobs", 0).await;
    let conn = &mut database.connection();
    assert_eq!(counts(conn, &added), (4, 4, 0));
    assert_eq!(status(conn, &added).state, WorkflowState::Finished);
    let jobs = scheduler.workflows().jobs(added.id, None).await.unwrap();
    let names: Vec<_> = jobs.iter().map(|job| job.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["bottom", "right", "left", "top"]);
    assert!(jobs.iter().all(|job| job.state == Some(JobStatus::Succeeded)), "{jobs:?}");
    assert_eq!(jobs[0].parents, [added.job("right").unwrap(), added.job("left").unwrap()]);
    scheduler.stop().await;
}

#[tokio::test]
async fn sql_adds_the_same_workflow_as_rust() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let outside = act("outside").insert(conn).unwrap();
    let order = json!({"act": "go"});
    let added = Workflow::new("order 17")
        .job("charge", act("go").queue("cards").priority(-3).max_attempts(2).flags(["eu"]).after(outside))
        .job("ship", act("go").key("ship 17").after(Wait::signal("packed")))
        .after("ship", "charge")
        .job("refund", NewJob::new("act", &order).after(Wait::member("ship").on_failure(OnFailure::Run)))
        .properties(&json!({"order": 17}))
        .insert(conn)
        .unwrap();
    conn.batch_execute(&format!(
        "CREATE TABLE told AS SELECT * FROM mainspring.add_workflow('{{\"name\": \"order 17\", \"properties\": {{\"order\": 17}}, \
            \"jobs\": [{{\"name\": \"charge\", \"task\": \"act\", \"payload\": {{\"act\": \"go\"}}, \"queue\": \"cards\", \
                \"priority\": -3, \"max_attempts\": 2, \"flags\": [\"eu\"], \"after\": [{outside}]}}, \
            {{\"name\": \"ship\", \"task\": \"act\", \"payload\": {{\"act\": \"go\"}}, \"key\": \"ship 18\", \
                \"after\": [\"charge\", {{\"signal\": \"packed\"}}]}}, \
            {{\"name\": \"refund\", \"task\": \"act\", \"payload\": {{\"act\": \"go\"}}, \
                \"after\": [{{\"name\": \"ship\", \"on_failure\": \"run\"}}]}}]}}')"
    ))
    .unwrap();
    assert_eq!(count(conn, "told AS t JOIN mainspring.workflow_jobs AS m USING (job_id, name)"), 3);
    // Both have the same rows, but for ids and the key.
    let same = |columns: &str, tables: &str| {
        let differing = format!(
            "(SELECT {columns}, count(*) AS both FROM {tables} GROUP BY {columns} HAVING count(*) <> 2) AS d"
        );
        assert_eq!(count(&mut database.connection(), &differing), 0, "{columns}");
    };
    let members = "mainspring.workflow_jobs AS m JOIN mainspring.jobs AS j ON j.id = m.job_id";
    same(
        "m.name, task, payload, queue, priority, max_attempts, flags, state, linked, array_length(parents, 1)",
        members,
    );
    same("f.name, f.properties, f.callback, f.on_failure", "mainspring.workflows AS f");
    let waits = format!(
        "{members} JOIN mainspring.waits AS w ON w.child = j.id \
        LEFT JOIN mainspring.workflow_jobs AS p ON p.job_id = w.parent"
    );
    same("m.name, p.name, w.signal, w.on_failure, w.ending", &waits);
    assert_eq!(count(conn, "mainspring.waits"), 8);
    assert_eq!(workflows::properties(conn, added.id).unwrap(), Some(json!({"order": 17})));
    assert_eq!(workflows::properties(conn, 4_711).unwrap(), None);
}

#[test]
fn a_workflow_is_rolled_back_with_the_callers_transaction() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    conn.batch_execute("BEGIN").unwrap();
    Workflow::new("w").job("a", act("a")).job("b", act("b")).after("b", "a").insert(conn).unwrap();
    assert_eq!(count(conn, "mainspring.workflow_jobs"), 2);
    conn.batch_execute("ROLLBACK").unwrap();
    for table in ["jobs", "waits", "workflows", "workflow_jobs", "wait_events"] {
        assert_eq!(count(conn, &format!("mainspring.{table}")), 0, "{table}");
    }
}

#[tokio::test]
async fn members_have_the_options_of_their_tasks_as_all_jobs() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    conn.batch_execute(
        "INSERT INTO mainspring.tasks (name, version, queue, priority, published_by) VALUES ('mail', 1, 'mails', 7, 'x')",
    )
    .unwrap();
    let mail = || NewJob::new("mail", &json!({}));
    let hour = Duration::from_secs(3_600);
    Workflow::new("w")
        .job("a", mail())
        .job("b", mail().queue("own").run_in(hour))
        .job("c", other())
        .insert(conn)
        .unwrap();
    conn.batch_execute(
        "SELECT mainspring.add_workflow('{\"name\": \"w\", \"jobs\": [{\"task\": \"mail\"}]}')",
    )
    .unwrap();
    assert_eq!(count(conn, "mainspring.jobs WHERE queue = 'mails' AND priority = 7"), 2);
    assert_eq!(
        count(conn, "mainspring.jobs WHERE queue = 'own' AND state = 'scheduled' AND run_at > now()"),
        1
    );
    assert_eq!(count(conn, "mainspring.jobs WHERE task = 'other' AND queue IS NULL AND state = 'ready'"), 1);
}

#[tokio::test]
async fn a_client_starts_a_workflow_that_others_run() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let worker = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let client = Scheduler::builder(database.url()).connect().await.unwrap();
    let chain = Workflow::new("chain").job("a", act("a")).job("b", act("b")).after("b", "a");
    client.workflows().start(chain).await.unwrap();
    assert_eq!([started.next().await.act, started.next().await.act], ["a", "b"]);
    client.stop().await;
    let late = client.workflows().start(Workflow::new("late").member(act("a"))).await;
    assert!(matches!(late, Err(mainspring::SchedulerError::Stopped)), "{late:?}");
    worker.stop().await;
}
