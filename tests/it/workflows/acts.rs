//! Workflows that fail, are retried and cancelled, and what is seen of that.

use std::sync::Arc;
use std::time::Duration;

use mainspring::jobs::{ActResult, JobStatus};
use mainspring::workflows::{self, WorkflowFilter, WorkflowState};
use mainspring::{OnFailure, StoreError, Wait, Workflow};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{counts, status};
use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

/// A job that dies at its first attempt, when the gate opens.
fn failing() -> mainspring::Enqueue<crate::support::jobs::Act> {
    act("at gate, then fail").max_attempts(1)
}

#[tokio::test]
async fn a_retry_of_a_failed_chain_runs_its_jobs_one_after_the_other() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let gate = Arc::new(Semaphore::new(1));
    let scheduler = builder.poll_interval(SLOW_POLL).app_data(Arc::clone(&gate)).start().await.unwrap();
    let chain = Workflow::new("chain")
        .job("a", failing())
        .job("b", act("at gate"))
        .job("c", act("c"))
        .after("b", "a")
        .after("c", "b");
    let added = scheduler.workflows().start(chain).await.unwrap();
    assert_eq!(Some(started.next().await.id), added.job("a"));
    until(&database, "mainspring.workflows_view WHERE state = 'failed' AND dead = 1 AND waiting = 2", 1)
        .await;
    let conn = &mut database.connection();
    assert_eq!(counts(conn, &added), (3, 0, 1));
    // Only the dead one is retried. It dies once more.
    let acts = scheduler.workflows().retry(added.id).await.unwrap();
    assert_eq!((acts.len(), acts[0].result), (1, ActResult::Retried));
    assert_eq!(Some(started.next().await.id), added.job("a"));
    assert_eq!(status(conn, &added).state, WorkflowState::Running);
    gate.add_permits(1);
    until(&database, "mainspring.workflows_view WHERE state = 'failed'", 1).await;
    scheduler.jobs().complete([added.jobs[0]], Some("by hand")).await.unwrap();
    assert_eq!(Some(started.next().await.id), added.job("b"));
    assert_eq!(count(conn, "mainspring.jobs WHERE state = 'waiting'"), 1);
    gate.add_permits(1);
    assert_eq!(Some(started.next().await.id), added.job("c"));
    until(&database, "mainspring.workflows_view WHERE state = 'finished' AND done = 3", 1).await;
    assert!(scheduler.workflows().retry(added.id).await.unwrap().is_empty());
    scheduler.stop().await;
}

#[tokio::test]
async fn a_job_that_waits_for_two_dead_ones_needs_both_to_be_retried() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let gate = Arc::new(Semaphore::new(2));
    let scheduler = builder.poll_interval(SLOW_POLL).app_data(Arc::clone(&gate)).start().await.unwrap();
    let join = Workflow::new("join").job("a", failing()).job("b", failing()).job("c", act("c"));
    let added = scheduler.workflows().start(join.after("c", "a").after("c", "b")).await.unwrap();
    started.next().await;
    started.next().await;
    until(&database, "mainspring.workflows_view WHERE state = 'failed' AND dead = 2", 1).await;
    scheduler.jobs().complete([added.jobs[0]], None).await.unwrap();
    until(&database, "mainspring.wait_events", 0).await;
    let conn = &mut database.connection();
    assert_eq!((status(conn, &added).state, counts(conn, &added)), (WorkflowState::Failed, (3, 1, 1)));
    let acts = scheduler.workflows().retry(added.id).await.unwrap();
    assert_eq!(acts.iter().map(|act| act.id).collect::<Vec<_>>(), [added.jobs[1]]);
    started.next().await;
    assert_eq!(status(conn, &added).waiting, 1);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_cancelled_workflow_leaves_nothing_that_runs_later() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let gate = Arc::new(Semaphore::new(0));
    let scheduler = builder.poll_interval(SLOW_POLL).app_data(Arc::clone(&gate)).start().await.unwrap();
    let hour = Duration::from_secs(3_600);
    let clean_up = act("clean up").after(Wait::member("runs").on_failure(OnFailure::Run));
    let mixed = Workflow::new("mixed")
        .job("runs", act("at gate"))
        .job("late", act("late").run_in(hour))
        .job("child", act("child"))
        .after("child", "late")
        .job("clean up", clean_up);
    let added = scheduler.workflows().start(mixed).await.unwrap();
    started.next().await;
    let acts = scheduler.workflows().cancel(added.id, Some("ordered twice")).await.unwrap();
    let results: Vec<_> = acts.iter().map(|act| act.result).collect();
    use ActResult::{Cancelled, Cancelling};
    assert_eq!(results, [Cancelling, Cancelled, Cancelled, Cancelled]);
    until(&database, "mainspring.jobs", 0).await;
    until(&database, "mainspring.history WHERE outcome = 'cancelled' AND reason = 'ordered twice'", 4).await;
    let conn = &mut database.connection();
    assert_eq!((status(conn, &added).state, counts(conn, &added)), (WorkflowState::Finished, (4, 4, 0)));
    let jobs = workflows::jobs(conn, added.id, None).unwrap();
    assert!(jobs.iter().all(|job| job.state == Some(JobStatus::Cancelled)), "{jobs:?}");
    scheduler.stop().await;
}

#[test]
fn a_workflow_held_by_a_cancelled_job_counts_as_failed() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let added =
        Workflow::new("w").job("a", act("a")).job("b", act("b")).after("b", "a").insert(conn).unwrap();
    assert_eq!(status(conn, &added).state, WorkflowState::Running);
    mainspring::jobs::cancel(conn, &added.jobs[..1], None).unwrap();
    diesel::connection::SimpleConnection::batch_execute(conn, "SELECT mainspring.handle_wait_events(10)")
        .unwrap();
    assert_eq!((status(conn, &added).state, counts(conn, &added)), (WorkflowState::Failed, (2, 1, 0)));
    let signal = Workflow::new("s").job("a", act("a").after(Wait::signal("go"))).insert(conn).unwrap();
    assert_eq!(status(conn, &signal).state, WorkflowState::Waiting);
    assert_eq!(workflows::jobs(conn, signal.id, None).unwrap()[0].signals, ["go"]);
    mainspring::jobs::signal(conn, "go", &json!(1)).unwrap();
}

#[test]
fn an_act_on_an_unknown_workflow_is_refused() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    for error in [workflows::retry(conn, 7).unwrap_err(), workflows::cancel(conn, 7, None).unwrap_err()] {
        assert!(matches!(&error, StoreError::Invalid { field, .. } if field == "workflow"), "{error:?}");
        assert_eq!(error.to_string(), "workflow must be one that is there, got 7");
    }
    assert_eq!(workflows::get(conn, 7).unwrap(), None);
    assert_eq!(workflows::of_job(conn, 7).unwrap(), None);
    assert_eq!(workflows::jobs(conn, 7, None).unwrap(), []);
}

#[test]
fn workflows_are_listed_by_pages_and_by_name_the_latest_first() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let mut add = |name: &str| Workflow::new(name).member(act("a")).insert(conn).unwrap().id;
    let ids = [add("a"), add("b"), add("a")];
    let conn = &mut database.connection();
    let mut listed = |change: fn(&mut WorkflowFilter)| {
        let mut filter = WorkflowFilter::new();
        change(&mut filter);
        let rows = workflows::list(conn, &filter).unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(|_| {}), [ids[2], ids[1], ids[0]]);
    assert_eq!(listed(|filter| filter.name = Some("a".into())), [ids[2], ids[0]]);
    assert_eq!(listed(|filter| filter.limit = 1), [ids[2]]);
    assert_eq!(listed(|filter| filter.before = Some(3)), [ids[1], ids[0]]);
    assert_eq!(listed(|filter| filter.name = Some("c".into())), [] as [i64; 0]);
}
