//! Jobs that wait for a person: a payload that does not fit its task, and handlers that ask for help.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::jobs::{JobFilter, JobStatus, Reason};
use mainspring::workflows::WorkflowState;
use mainspring::{Enqueue, Event, JobContext, JobResult, JobState, NewJob, Scheduler, Task, Workflow};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{answer, on};
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, other};
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

/// What the next release reads for the task `act`.
#[derive(Serialize, Deserialize)]
struct Renamed {
    what: String,
}
impl Task for Renamed {
    const NAME: &'static str = "act";
}

async fn read_it(_: Renamed, _: JobContext) -> JobResult {
    Ok(())
}

/// A job of the task `act` that only the next release can read.
fn misfit() -> NewJob {
    NewJob::new("act", &json!({"what": "s3cret"}))
}

fn held(condition: &str) -> String {
    format!("mainspring.jobs WHERE state = 'held' AND attempts = 0 AND {condition}")
}

#[tokio::test]
async fn a_misfit_is_held_and_runs_after_a_deploy_and_a_release() {
    let database = TestDatabase::new();
    let ids = [7, -7].map(|priority| {
        misfit().key(format!("k{priority}")).priority(priority).insert(&mut database.connection()).unwrap()
    });
    let (builder, mut started) = scheduler(&database);
    let old = builder.start().await.unwrap();
    let names_the_field =
        "last_error LIKE 'payload does not fit the task `act`: expected field `act`%' AND errors IS NULL";
    until(&database, &held(names_the_field), 2).await;
    // Its key is still taken.
    let again = misfit().key("k7").key_mode(mainspring::KeyMode::UnsafeDedupe);
    assert_eq!(again.insert(&mut database.connection()).unwrap(), ids[0]);
    let mut filter = JobFilter::new();
    filter.state = JobStatus::Held.into();
    let listed = old.jobs().list(filter).await.unwrap();
    assert_eq!(listed.iter().map(|job| job.id).collect::<Vec<_>>(), ids);
    let why = old.jobs().explain(ids[0]).await.unwrap();
    assert!(why[0].reason == Reason::Held && why[0].sentence.contains("expected field `act`"), "{why:?}");
    assert!(!why[0].sentence.contains("s3cret"), "{why:?}");
    // One that still does not fit is held again.
    let told = answer(on(&database, &["jobs", "release", &ids[0].to_string()]));
    assert!(told.contains("released"), "{told}");
    until(&database, &held("updated_at > (SELECT min(h.updated_at) FROM mainspring.jobs AS h)"), 1).await;
    old.stop().await;
    assert!(started.try_next().is_none());

    let new = Scheduler::builder(database.url()).handler(read_it).start().await.unwrap();
    new.enqueue(Enqueue::new(Renamed { what: "fits".into() })).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 1).await;
    let mut output = on(&database, &["jobs", "release", "--state", "held", "--task", "act", "--yes"]);
    output.stderr.clear();
    assert!(answer(output).contains('2'));
    until(&database, "mainspring.history WHERE outcome = 'succeeded' AND attempts = 1", 3).await;
    new.stop().await;
}

#[tokio::test]
async fn a_handler_holds_its_job_and_others_learn_of_it() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let mut events = scheduler.events();
    let id = scheduler.enqueue(act("hold").queue("q").max_attempts(1)).await.unwrap();
    let told = loop {
        match events.next().await.unwrap() {
            Event::JobHeld { job, reason, .. } => break (job.id, job.attempt, reason),
            Event::JobDead { error, .. } => panic!("{error}"),
            _ => {}
        }
    };
    assert_eq!(told, (id, 1, "the contract has expired".to_owned()));
    // It holds up no other job of its queue.
    scheduler.enqueue(act("fine").queue("q")).await.unwrap();
    until(&database, "mainspring.history", 1).await;
    assert_eq!(scheduler.status().await.unwrap().jobs.held, 1);
    scheduler.stop().await;
    let (builder, _started) = self::scheduler(&database);
    act("hold").insert(&mut database.connection()).unwrap();
    let summary = builder.run_once().await.unwrap();
    assert_eq!((summary.held, summary.attempts()), (1, 1), "{summary}");
}

#[tokio::test]
async fn a_held_job_is_replaced_changed_and_ended_as_a_person_asks() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let ids: Vec<i64> = (0..7).map(|n| misfit().key(format!("k{n}")).insert(conn).unwrap()).collect();
    conn.batch_execute("UPDATE mainspring.jobs SET state = 'held', last_error = 'misfit'").unwrap();
    let acts = [
        ("cancel_jobs", "cancelled"),
        ("complete_jobs", "completed"),
        ("delete_jobs", "deleted"),
        ("fail_jobs", "failed"),
        ("reschedule_jobs", "rescheduled"),
        ("retry_jobs", "waiting"),
    ];
    for ((verb, expected), id) in acts.iter().zip(&ids) {
        let done = format!("mainspring.{verb}(ARRAY[{id}::bigint]) WHERE result = '{expected}'");
        assert_eq!(count(conn, &done), 1, "{verb}");
    }
    let states = |conn: &mut _, state: JobState| {
        count(conn, &format!("mainspring.jobs WHERE state = '{}'", state.as_str()))
    };
    let found = [JobState::Dead, JobState::Ready, JobState::Held].map(|state| states(conn, state));
    assert_eq!(found, [1, 1, 2]);
    // The new job takes the place of the held one.
    assert_eq!(act("fine").key("k6").insert(conn).unwrap(), ids[6]);
    let replaced =
        format!("mainspring.jobs WHERE id = {} AND state = 'ready' AND last_error IS NULL", ids[6]);
    assert_eq!(count(conn, &replaced), 1);
    // With a parent, it waits for that one.
    let parent = other().insert(conn).unwrap();
    assert_eq!(act("fine").key("k5").after(parent).insert(conn).unwrap(), ids[5]);
    assert_eq!(count(conn, &format!("mainspring.jobs WHERE id = {} AND state = 'waiting'", ids[5])), 1);
}

#[tokio::test]
async fn children_wait_for_a_held_parent_and_its_workflow_needs_a_person() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let chain =
        Workflow::new("order").job("first", act("hold")).job("then", act("fine")).after("then", "first");
    let added = scheduler.workflows().start(chain).await.unwrap();
    started.next().await;
    until(&database, &held("true"), 1).await;
    let workflow = scheduler.workflows().get(added.id).await.unwrap().unwrap();
    assert_eq!((workflow.state, workflow.waiting, workflow.dead), (WorkflowState::Failed, 1, 0));
    let first = added.job("first").unwrap();
    scheduler.jobs().complete([first], None).await.unwrap();
    assert_eq!(started.next().await.id, added.job("then").unwrap());
    // A workflow that is cancelled leaves none behind.
    let alone = scheduler.workflows().start(Workflow::new("alone").job("first", act("hold"))).await.unwrap();
    until(&database, &held("true"), 1).await;
    assert_eq!(scheduler.workflows().cancel(alone.id, None).await.unwrap().len(), 1);
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_held_job_is_not_looked_at_until_it_is_released() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(Duration::from_millis(100)).start().await.unwrap();
    let id = scheduler.enqueue(act("hold")).await.unwrap();
    started.next().await;
    until(&database, &held("true"), 1).await;
    let (builder, mut others) = self::scheduler(&database);
    let another = builder.start().await.unwrap();
    another.enqueue(act("fine")).await.unwrap();
    until(&database, "mainspring.history", 1).await;
    assert_eq!(count(&mut database.connection(), &held(&format!("id = {id}"))), 1);
    another.stop().await;
    scheduler.stop().await;
    let begun = std::iter::from_fn(|| started.try_next().or_else(|| others.try_next()));
    assert!(begun.filter(|job| job.id == id).count() == 0);
}
