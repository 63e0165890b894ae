//! Jobs that are added to a workflow which runs: from outside, by its own jobs, and while its last job ends.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::workflows::WorkflowState;
use mainspring::{
    Batch, Enqueue, JobContext, JobResult, OnFailure, Scheduler, StoreError, Task, Wait, Workflow,
};
use serde::{Deserialize, Serialize};

use super::{counts, status};
use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::{WAITS_FOR_A_ROW, count};
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

/// Adds as many jobs to its workflow as it says, and one that waits for all of these and for `first`.
#[derive(Serialize, Deserialize)]
struct Split(u8);
impl Task for Split {
    const NAME: &'static str = "split";
}

async fn split(task: Split, job: JobContext) -> JobResult {
    let id = job.id();
    job.transaction(move |conn| {
        let joined = act("joined").after(Wait::member("split"));
        let parts = (0..task.0).map(|n| format!("part {n}"));
        let grown = parts.clone().fold(Workflow::of_job(id), |flow, part| flow.job(part.clone(), act(&part)));
        let grown = parts.fold(grown.job("joined", joined), |flow, part| flow.after("joined", part));
        grown.insert(conn).map(drop).map_err(Into::into)
    })
    .await
}

#[tokio::test]
async fn a_job_adds_to_its_own_workflow_also_after_itself() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.handler(split).poll_interval(SLOW_POLL).start().await.unwrap();
    let added =
        scheduler.workflows().start(Workflow::new("w").job("split", Enqueue::new(Split(3)))).await.unwrap();
    let mut acts = Vec::new();
    for _ in 0..4 {
        acts.push(started.next().await.act);
    }
    assert_eq!(acts.pop().unwrap(), "joined");
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(counts(&mut database.connection(), &added), (5, 5, 0));
    scheduler.stop().await;
}

#[tokio::test]
async fn a_callback_waits_for_members_that_a_member_has_added() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.handler(split).poll_interval(SLOW_POLL).start().await.unwrap();
    // The members of members too. Nothing of them waits for another one by name here.
    let batch = Batch::new("b", act("callback")).members([Enqueue::new(Split(2))]);
    let mut workflow = Workflow::from(batch);
    workflow = workflow.job("first", act("first"));
    let added = scheduler.workflows().start(workflow).await;
    // `joined` waits for a job of the name `split`, which is not there: the member fails, and adds nothing.
    let added = added.unwrap();
    assert_eq!(started.next().await.act, "first");
    until(&database, "mainspring.jobs WHERE task = 'split' AND errors IS NOT NULL", 1).await;
    let conn = &mut database.connection();
    assert_eq!(counts(conn, &added), (2, 1, 0));
    assert_eq!(count(conn, "mainspring.jobs WHERE state = 'waiting'"), 1);
    // One of that name makes it whole at the next attempt.
    Workflow::existing(added.id).job("split", act("named")).insert(conn).unwrap();
    let id = added.jobs[0];
    scheduler
        .jobs()
        .reschedule([id], mainspring::jobs::Reschedule::new().run_at(chrono::Utc::now()))
        .await
        .unwrap();
    let mut acts = Vec::new();
    for _ in 0..5 {
        acts.push(started.next().await.act);
    }
    assert_eq!(acts.pop().unwrap(), "callback", "{acts:?}");
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(counts(conn, &added), (6, 6, 0));
    scheduler.stop().await;
}

#[tokio::test]
async fn a_workflow_that_has_finished_takes_no_more_jobs() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let plain = Workflow::new("plain").job("a", act("a")).insert(conn).unwrap();
    let batch = Batch::new("batch", act("callback")).member(act("a")).insert(conn).unwrap();
    let empty = Batch::new("empty", act("callback")).insert(conn).unwrap();
    until(&database, "mainspring.jobs", 0).await;
    for added in [&plain, &batch, &empty] {
        let error = Workflow::existing(added.id).member(act("late")).insert(conn).unwrap_err();
        let StoreError::Invalid { field, .. } = &error else { panic!("{error:?}") };
        assert_eq!(field, "workflow");
        let words = format!("workflow must be one that has not finished, got {}", added.id);
        assert_eq!(error.to_string(), words);
        let job = added.jobs.first().copied().or(added.callback).unwrap();
        let error = Workflow::of_job(job).member(act("late")).insert(conn).unwrap_err();
        assert_eq!(error.to_string(), words);
    }
    assert_eq!(count(conn, "mainspring.jobs"), 0);
    assert_eq!(counts(conn, &empty), (0, 0, 0));
    assert_eq!(status(conn, &empty).percent(), 100);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_callback_that_is_released_but_has_not_run_takes_no_more_jobs() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let hour = Duration::from_secs(3_600);
    let callback = act("callback").run_in(hour);
    let added = Batch::new("b", callback).member(act("a").run_in(hour)).insert(conn).unwrap();
    scheduler_completes(conn, added.jobs[0]);
    conn.batch_execute("SELECT mainspring.handle_wait_events(100)").unwrap();
    assert_eq!(count(conn, "mainspring.jobs WHERE state = 'scheduled'"), 1);
    let error = Workflow::existing(added.id).member(act("late")).insert(conn).unwrap_err();
    assert!(error.to_string().contains("has not finished"), "{error}");
    assert_eq!(status(conn, &added).state, WorkflowState::Running);
}

fn scheduler_completes(conn: &mut diesel::PgConnection, id: i64) {
    conn.batch_execute(&format!("SELECT mainspring.complete_jobs(ARRAY[{id}])")).unwrap();
}

#[test]
fn a_member_added_while_the_last_one_ends_is_waited_for_or_refused() {
    let database = TestDatabase::new();
    let (mut adding, mut ending) = (database.connection(), database.connection());
    let hour = Duration::from_secs(3_600);
    let batch = || Batch::new("b", act("callback")).member(act("a").run_in(hour));
    // The addition comes first: the release waits for its transaction, and then sees the new member.
    let first = batch().insert(&mut ending).unwrap();
    scheduler_completes(&mut ending, first.jobs[0]);
    adding.batch_execute("BEGIN").unwrap();
    Workflow::existing(first.id).member(act("late").run_in(hour)).insert(&mut adding).unwrap();
    ending.batch_execute("SELECT mainspring.handle_wait_events(100)").unwrap();
    adding.batch_execute("COMMIT").unwrap();
    ending.batch_execute("SELECT mainspring.handle_wait_events(100)").unwrap();
    assert_eq!(count(&mut ending, "mainspring.jobs WHERE state = 'waiting'"), 1);
    assert_eq!(counts(&mut ending, &first), (2, 1, 0));
    // The release comes first: the addition waits for its transaction, and is refused.
    let second = batch().insert(&mut ending).unwrap();
    ending.batch_execute("BEGIN").unwrap();
    scheduler_completes(&mut ending, second.jobs[0]);
    ending.batch_execute("SELECT mainspring.handle_wait_events(100)").unwrap();
    let url = database.url();
    let late = std::thread::spawn(move || {
        let mut conn = mainspring::database::connect(&url).unwrap();
        Workflow::existing(second.id).member(act("late")).insert(&mut conn)
    });
    let watched = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    watched.block_on(until(&database, WAITS_FOR_A_ROW, 1));
    ending.batch_execute("COMMIT").unwrap();
    let error = late.join().unwrap().unwrap_err();
    assert!(error.to_string().contains("has not finished"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_added_during_the_last_endings_are_lost_by_no_callback() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    for round in 0..20 {
        let batch = Batch::new("b", act("callback")).on_failure(OnFailure::Run).member(act("first"));
        let added = scheduler.workflows().start(batch).await.unwrap();
        let mut accepted = 1;
        for _ in 0..(round % 4) {
            match scheduler.workflows().start(Workflow::existing(added.id).member(act("more"))).await {
                Ok(_) => accepted += 1,
                Err(error) => assert!(error.to_string().contains("has not finished"), "{error}"),
            }
        }
        for _ in 0..accepted {
            assert_ne!(started.next().await.act, "callback", "round {round}");
        }
        assert_eq!(started.next().await.act, "callback", "round {round}");
    }
    scheduler.stop().await;
}

#[tokio::test]
async fn a_new_job_waits_for_one_of_the_workflow_that_has_ended_by_its_name() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let (builder, mut started) = scheduler(&database);
    let scheduler: Scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let open = act("open").after(Wait::signal("close"));
    let added = Workflow::new("w").job("done", act("done")).job("open", open).insert(conn).unwrap();
    assert_eq!(started.next().await.act, "done");
    until(&database, "mainspring.jobs", 1).await;
    Workflow::existing(added.id).job("next", act("next")).after("next", "done").insert(conn).unwrap();
    assert_eq!(started.next().await.act, "next");
    scheduler.stop().await;
}
