//! Batches: a callback that waits for all members, and how far they are.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use mainspring::workflows::{self, WorkflowState};
use mainspring::{Batch, OnFailure, Wait};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{counts, status};
use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::{until, until_at_least};

#[tokio::test]
async fn a_callback_runs_once_after_the_last_member_and_progress_is_exact() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let gate = Arc::new(Semaphore::new(0));
    let builder = builder.poll_interval(SLOW_POLL).concurrency(1).app_data(Arc::clone(&gate));
    let scheduler = builder.start().await.unwrap();
    let batch = Batch::new("album", act("callback")).members((0..4).map(|_| act("at gate")));
    let added = scheduler.workflows().start(batch).await.unwrap();
    let conn = &mut database.connection();
    for done in 0..4_u8 {
        started.next().await;
        let now = scheduler.workflows().get(added.id).await.unwrap().unwrap();
        assert_eq!((now.total, now.done, now.percent()), (4, i64::from(done), 25 * done));
        assert_eq!(now.state, WorkflowState::Running);
        gate.add_permits(1);
        until_at_least(&database, "mainspring.history", i64::from(done) + 1).await;
    }
    assert_eq!(Some(started.next().await.id), added.callback);
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(counts(conn, &added), (4, 4, 0));
    assert_eq!(status(conn, &added).percent(), 100);
    assert_eq!(count(conn, "mainspring.history WHERE attempts = 1"), 5);
    scheduler.stop().await;
}

#[tokio::test]
async fn the_callback_of_an_empty_batch_runs_at_once() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let added = scheduler.workflows().start(Batch::new("empty", act("callback"))).await.unwrap();
    assert_eq!(Some(started.next().await.id), added.callback);
    assert_eq!(added.jobs, [] as [i64; 0]);
    until(&database, "mainspring.workflows_view WHERE state = 'finished' AND total = 0", 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_callback_comes_after_a_dead_member_was_retried_and_succeeds() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let members = [act("go"), act("fail").max_attempts(1)];
    let added = scheduler.workflows().start(Batch::new("b", act("callback")).members(members)).await.unwrap();
    started.next().await;
    started.next().await;
    until(&database, "mainspring.workflows_view WHERE state = 'failed' AND done = 1 AND dead = 1", 1).await;
    let conn = &mut database.connection();
    // Corrected by hand, as after a repair of the outer world.
    conn.batch_execute("UPDATE mainspring.jobs SET payload = '{\"act\": \"go\"}' WHERE state = 'dead'")
        .unwrap();
    assert_eq!(scheduler.workflows().retry(added.id).await.unwrap().len(), 1);
    assert_eq!(started.next().await.id, added.jobs[1]);
    assert_eq!(Some(started.next().await.id), added.callback);
    scheduler.stop().await;
}

#[tokio::test]
async fn with_run_a_callback_comes_when_all_have_ended_however() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let members = [act("discard"), act("cancel"), act("go")];
    let batch = Batch::new("b", act("callback")).on_failure(OnFailure::Run).members(members);
    let added = scheduler.workflows().start(batch).await.unwrap();
    for _ in 0..3 {
        assert_ne!(Some(started.next().await.id), added.callback);
    }
    assert_eq!(Some(started.next().await.id), added.callback);
    until(&database, "mainspring.jobs", 1).await;
    let conn = &mut database.connection();
    assert_eq!((counts(conn, &added), status(conn, &added).percent()), ((3, 2, 1), 66));
    scheduler.stop().await;
}

#[tokio::test]
async fn a_callback_finds_the_properties_of_its_batch_by_its_own_id() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let callback = act("callback").after(Wait::signal("approved"));
    let batch = Batch::new("album 7", callback).member(act("go")).properties(&json!({"owner": "anna"}));
    let added = batch.insert(conn).unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    assert_eq!(started.next().await.act, "go");
    until(&database, "mainspring.workflows_view WHERE state = 'waiting' AND done = 1", 1).await;
    scheduler.signal("approved", &json!(null)).await.unwrap();
    let callback = started.next().await;
    let found = scheduler.workflows().of_job(callback.id).await.unwrap().unwrap();
    assert_eq!((found.id, found.name.as_str(), found.callback), (added.id, "album 7", Some(callback.id)));
    assert_eq!(scheduler.workflows().properties(found.id).await.unwrap(), Some(json!({"owner": "anna"})));
    scheduler.stop().await;
}

#[test]
fn sql_adds_a_batch_and_more_members_and_names_the_callback_last() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let spec = r#"{"name": "b", "properties": {"a": 1}, "on_failure": "cancel",
        "callback": {"task": "other"}, "jobs": [{"task": "act"}, {"task": "act"}]}"#;
    conn.batch_execute(&format!("CREATE TABLE told AS SELECT * FROM mainspring.add_workflow('{spec}')"))
        .unwrap();
    assert_eq!(
        count(
            conn,
            "told AS t JOIN mainspring.workflows AS f ON t.workflow = f.id AND t.job_id = f.callback"
        ),
        1
    );
    let more = r#"SELECT mainspring.add_workflow(jsonb_build_object('of_job', min(job_id), 'jobs', '[{"task": "act"}]'::jsonb)) FROM told"#;
    conn.batch_execute(more).unwrap();
    assert_eq!(
        count(
            conn,
            "mainspring.waits WHERE on_failure = 'cancel' AND child = (SELECT max(job_id) FROM told)"
        ),
        3
    );
    assert_eq!(count(conn, "mainspring.workflows_view WHERE total = 3 AND state = 'running'"), 1);
    let jobs = workflows::jobs(conn, 1, Some(1)).unwrap();
    assert_eq!(jobs.iter().map(|job| job.is_callback).collect::<Vec<_>>(), [false, true, false]);
}
