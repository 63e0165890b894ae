//! A workflow that was cancelled takes no more jobs, whichever of a cancel and an addition comes first, until it is retried.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{PgConnection, RunQueryDsl, sql_query};
use mainspring::jobs::{ActResult, JobAct};
use mainspring::workflows::{self, AddedWorkflow, WorkflowState};
use mainspring::{Batch, Enqueue, JobContext, JobResult, StoreError, Task, Workflow};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use super::status;
use crate::support::database::TestDatabase;
use crate::support::jobs::{Act, act};
use crate::support::rows::{WAITS_FOR_A_ROW, count};
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::{PATIENCE, reports, until};

const REFUSED: &str = "workflow must be one that was not cancelled, got";

/// A job that does not run during a test.
fn later(name: &str) -> Enqueue<Act> {
    act(name).run_in(Duration::from_secs(3_600))
}

/// Adds a job to its own workflow, in the transaction that completes it.
#[derive(Serialize, Deserialize)]
enum Grow {
    /// When it has seen that it was cancelled.
    Afterwards,
    /// At once, but it commits only when the test lets it.
    Before,
}
impl Task for Grow {
    const NAME: &'static str = "grow";
}

type Grown = Result<AddedWorkflow, StoreError>;

async fn grow(task: Grow, job: JobContext) -> JobResult {
    let (reports, id) = (job.data::<UnboundedSender<Option<Grown>>>().clone(), job.id());
    if matches!(task, Grow::Afterwards) {
        let _ = reports.send(None);
        job.cancelled().await;
    }
    let context = job.clone();
    job.transaction(move |conn| {
        let _ = reports.send(Some(Workflow::of_job(id).member(later("grown")).insert(conn)));
        if matches!(task, Grow::Before) {
            context.data::<Mutex<Receiver<()>>>().lock().unwrap().recv().unwrap();
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_adds_nothing_to_its_workflow_after_the_cancel() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let (sender, mut grown) = reports::<Option<Grown>>(&database.url());
    let (builder, _started) = scheduler(&database);
    let builder = builder.handler(grow).app_data(sender).cancel_grace_period(PATIENCE);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let workflow = Workflow::new("w").job("grow", Enqueue::new(Grow::Afterwards));
    let added = scheduler.workflows().start(workflow).await.unwrap();
    assert!(grown.next().await.is_none(), "it runs");
    let acts = scheduler.workflows().cancel(added.id, None).await.unwrap();
    assert_eq!(acts[0].result, ActResult::Cancelling);
    let refused = grown.next().await.unwrap().unwrap_err();
    assert!(matches!(&refused, StoreError::Invalid { field, .. } if field == "workflow"), "{refused:?}");
    assert_eq!(refused.to_string(), format!("{REFUSED} {}", added.id));
    // The handler has ignored both, so its job succeeds.
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 1).await;
    assert_eq!((count(conn, "mainspring.jobs"), count(conn, "mainspring.workflow_jobs")), (0, 1));
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_waits_for_an_addition_that_is_not_committed_and_ends_it() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let (sender, mut grown) = reports::<Option<Grown>>(&database.url());
    let (open, gate) = channel();
    let (builder, _started) = scheduler(&database);
    let builder = builder.handler(grow).app_data(sender).app_data(Mutex::new(gate));
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let workflow = Workflow::new("w").job("grow", Enqueue::new(Grow::Before));
    let added = scheduler.workflows().start(workflow).await.unwrap();
    let more = grown.next().await.unwrap().unwrap().jobs[0];
    let workflows = scheduler.workflows();
    let cancel = tokio::spawn(async move { workflows.cancel(added.id, Some("too late")).await });
    until(&database, WAITS_FOR_A_ROW, 1).await;
    open.send(()).unwrap();
    let acts: Vec<JobAct> = cancel.await.unwrap().unwrap();
    assert_eq!((acts.len(), acts[0].id, acts[0].result), (1, more, ActResult::Cancelled));
    let ended = "mainspring.history WHERE outcome = 'succeeded' AND task = 'grow' OR reason = 'too late'";
    until(&database, ended, 2).await;
    assert_eq!(count(conn, "mainspring.jobs"), 0);
    scheduler.stop().await;
}

/// Runs the statement in a session of its own, and returns when it waits for a row that another one holds.
async fn blocked(database: &TestDatabase, statement: String) -> JoinHandle<Result<usize, String>> {
    let mut conn = database.connection();
    let call = move || sql_query(statement).execute(&mut conn).map_err(|error| error.to_string());
    let thread = std::thread::spawn(call);
    until(database, WAITS_FOR_A_ROW, 1).await;
    thread
}

fn addition(to: &AddedWorkflow) -> String {
    format!(
        "SELECT * FROM mainspring.add_workflow('{{\"workflow\": {}, \"jobs\": [{{\"task\": \"act\"}}]}}')",
        to.id
    )
}

fn assert_refuses(conn: &mut PgConnection, added: &AddedWorkflow) {
    let before = count(conn, "mainspring.jobs");
    let error = Workflow::existing(added.id).member(later("late")).insert(conn).unwrap_err();
    assert!(error.to_string().contains(REFUSED), "{error}");
    assert_eq!(count(conn, "mainspring.jobs"), before);
}

#[tokio::test]
async fn sql_refuses_an_addition_that_waited_for_a_cancel_to_commit() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    for (end, rows) in [("COMMIT", None), ("ROLLBACK", Some(1))] {
        let added = Workflow::new("w").member(later("a")).insert(conn).unwrap();
        let cancel = format!("SELECT mainspring.cancel_workflow({})", added.id);
        conn.batch_execute(&format!("BEGIN; {cancel}")).unwrap();
        let adding = blocked(&database, addition(&added)).await;
        conn.batch_execute(end).unwrap();
        let result = adding.join().unwrap();
        assert_eq!(result.as_ref().ok().copied(), rows, "{end}: {result:?}");
        assert!(result.err().is_none_or(|error| error.contains(REFUSED)));
        let members = format!("mainspring.workflow_jobs WHERE workflow_id = {}", added.id);
        assert_eq!(count(conn, &members), 1 + rows.unwrap_or(0) as i64, "{end}");
    }
}

#[tokio::test]
async fn sql_cancels_the_jobs_of_an_addition_that_commits_first() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    for batch in
        [Workflow::new("w").member(later("a")), Batch::new("b", act("end")).member(later("a")).into()]
    {
        let added = batch.insert(conn).unwrap();
        conn.batch_execute(&format!("BEGIN; {}", addition(&added))).unwrap();
        let cancel = format!("SELECT * FROM mainspring.cancel_workflow({})", added.id);
        let cancelling = blocked(&database, cancel).await;
        conn.batch_execute("COMMIT").unwrap();
        assert_eq!(cancelling.join().unwrap(), Ok(2 + added.callback.iter().count()));
        assert_eq!(count(conn, "mainspring.jobs"), 0);
        assert_refuses(conn, &added);
    }
}

/// A workflow with two dead jobs and one that was cancelled with it.
fn cancelled(conn: &mut PgConnection) -> AddedWorkflow {
    let workflow = Workflow::new("w").member(later("a")).member(later("b")).member(later("c"));
    let added = workflow.insert(conn).unwrap();
    let dead = format!("SELECT mainspring.fail_jobs('{{{}, {}}}')", added.jobs[0], added.jobs[1]);
    conn.batch_execute(&dead).unwrap();
    assert_eq!(workflows::cancel(conn, added.id, None).unwrap().len(), 1);
    added
}

#[test]
fn a_retry_of_a_cancelled_workflow_opens_it_for_more_jobs() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let added = cancelled(conn);
    let shown = status(conn, &added);
    assert_eq!((shown.state, shown.dead, shown.done), (WorkflowState::Failed, 2, 1));
    let marked = shown.cancelled_at.unwrap();
    assert_refuses(conn, &added);
    // A second cancel changes nothing, and one job that is retried does not speak for the workflow.
    workflows::cancel(conn, added.id, None).unwrap();
    mainspring::jobs::retry(conn, &added.jobs[..1], None).unwrap();
    assert_eq!(status(conn, &added).cancelled_at, Some(marked));
    assert_refuses(conn, &added);
    assert_eq!(workflows::retry(conn, added.id).unwrap().len(), 1);
    assert_eq!(status(conn, &added).cancelled_at, None);
    Workflow::existing(added.id).member(later("more")).insert(conn).unwrap();
    assert_eq!(status(conn, &added).total, 4);
}

#[test]
fn a_retry_that_finds_no_dead_job_leaves_a_workflow_cancelled() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let workflow = Workflow::new("w").job("a", later("a").key("k")).member(later("b"));
    let added = workflow.insert(conn).unwrap();
    workflows::cancel(conn, added.id, None).unwrap();
    assert_eq!(workflows::retry(conn, added.id).unwrap(), []);
    assert_refuses(conn, &added);
    // Nor does one whose only dead job cannot be retried.
    let added = Workflow::new("w").member(later("a").key("k")).insert(conn).unwrap();
    conn.batch_execute(&format!("SELECT mainspring.fail_jobs('{{{}}}')", added.jobs[0])).unwrap();
    workflows::cancel(conn, added.id, None).unwrap();
    later("other").key("k").insert(conn).unwrap();
    assert_eq!(workflows::retry(conn, added.id).unwrap()[0].result, ActResult::KeyTaken);
    assert_refuses(conn, &added);
}

#[tokio::test]
async fn a_retry_that_waits_for_a_cancel_comes_after_it() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let added = Workflow::new("w").member(later("a")).insert(conn).unwrap();
    conn.batch_execute(&format!(
        "SELECT mainspring.fail_jobs('{{{}}}'); BEGIN; SELECT mainspring.cancel_workflow({})",
        added.jobs[0], added.id
    ))
    .unwrap();
    let retry = format!("SELECT * FROM mainspring.retry_workflow({})", added.id);
    let retrying = blocked(&database, retry).await;
    conn.batch_execute("COMMIT").unwrap();
    assert_eq!(retrying.join().unwrap(), Ok(1));
    assert_eq!(status(conn, &added).cancelled_at, None);
}
