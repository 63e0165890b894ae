//! Events and progress. An event comes once the database holds what it reports, and delays no job.

use mainspring::{Enqueue, Event, EventStream, JobContext, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::{PATIENCE, until};

// Every event in one word, to compare a whole life.
fn word(event: &Event) -> String {
    match event {
        Event::JobEnqueued { task, .. } => format!("enqueued {task}"),
        Event::JobStarted(job) => format!("started {}", job.attempt),
        Event::JobSucceeded { job, .. } => format!("succeeded {}", job.attempt),
        Event::JobFailed { job, error, .. } => format!("failed {} {error}", job.attempt),
        Event::JobDead { error, .. } => format!("dead {error}"),
        Event::JobCancelled { reason, .. } => format!("cancelled {reason}"),
        Event::WorkerStopped { .. } => "stopped".into(),
        other => format!("{other:?}"),
    }
}

async fn words(events: &mut EventStream, count: usize) -> Vec<String> {
    let mut words = Vec::new();
    for _ in 0..count {
        let event = tokio::time::timeout(PATIENCE, events.next()).await;
        words.push(word(&event.expect("an event comes in time").unwrap()));
    }
    words
}

#[tokio::test]
async fn events_of_a_job_come_in_order_and_end_with_the_scheduler() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    // The first claims of a scheduler look everywhere. One of them may start a job before its enqueue is published.
    scheduler.enqueue(act("go")).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 1).await;
    let mut events = scheduler.events();
    for (how, attempts, end) in [
        ("go", 25, "succeeded 1"),
        ("fail", 25, "failed 1 disk on fire"),
        ("fail", 1, "dead disk on fire"),
        ("discard", 25, "dead no use"),
        ("cancel", 25, "cancelled no longer wanted"),
    ] {
        scheduler.enqueue(act(how).max_attempts(attempts)).await.unwrap();
        assert_eq!(words(&mut events, 3).await, ["enqueued act", "started 1", end]);
    }
    scheduler.stop().await;
    assert_eq!(words(&mut events, 1).await, ["stopped"]);
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn success_is_told_after_the_row_is_gone() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let mut events = scheduler.events();
    for _ in 0..50 {
        let id = scheduler.enqueue(act("go")).await.unwrap();
        while !matches!(events.next().await.unwrap(), Event::JobSucceeded { job, .. } if job.id == id) {}
        assert_eq!(count(&mut database.connection(), &format!("mainspring.jobs WHERE id = {id}")), 0);
    }
    scheduler.stop().await;
}

#[tokio::test]
async fn a_stream_that_is_not_read_delays_no_job_and_counts_what_it_missed() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.concurrency(100).start().await.unwrap();
    let mut lazy = scheduler.events();
    for _ in 0..3 {
        let jobs = (0..2_000).map(|_| mainspring::NewJob::try_from(act("go")).unwrap()).collect();
        scheduler.enqueue_many(jobs).await.unwrap();
    }
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
    let Some(Event::Missed(missed)) = lazy.next().await else { panic!("18,001 events fit into 16,384") };
    let mut heard = 0;
    while lazy.next().await.is_some() {
        heard += 1;
    }
    assert_eq!(missed + heard, 3 * 6_000 + 1);
}

/// Reports its way up, and waits for its release.
#[derive(Serialize, Deserialize)]
struct Climb {}
impl Task for Climb {
    const NAME: &'static str = "climb";
}

async fn climb(_: Climb, job: JobContext) -> JobResult {
    let over = job.progress(101, "").unwrap_err();
    assert!(over.to_string() == "progress must be 0 to 100 percent, got 101");
    assert!(job.progress(1, "x".repeat(1_001)).is_err());
    for percent in 0..=50 {
        job.progress(percent, format!("step {percent}"))?;
    }
    job.cancelled().await;
    Ok(())
}

#[tokio::test]
async fn progress_is_seen_while_the_job_runs_and_written_once_a_second_at_most() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(climb).start().await.unwrap();
    let mut events = scheduler.events();
    scheduler.enqueue(Enqueue::new(Climb {})).await.unwrap();
    let halfway = "mainspring.jobs_view WHERE state = 'running' \
        AND progress = 50 AND progress_note = 'step 50'";
    until(&database, halfway, 1).await;
    let mut reports = 0;
    loop {
        match events.next().await.unwrap() {
            Event::JobProgress { percent, .. } => {
                reports += 1;
                if percent == 50 {
                    break;
                }
            }
            Event::JobEnqueued { .. } | Event::JobStarted(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(reports <= 2, "{reports} writes for reports of one moment");
    diesel::connection::SimpleConnection::batch_execute(
        &mut database.connection(),
        "SELECT mainspring.cancel_jobs(ARRAY(SELECT id FROM mainspring.jobs))",
    )
    .unwrap();
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_pause_of_a_queue_is_told_everywhere() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let mut events = scheduler.events();
    let mut conn = database.connection();
    assert!(mainspring::queues::pause(&mut conn, "reports").unwrap());
    assert!(!mainspring::queues::pause(&mut conn, "reports").unwrap());
    assert!(scheduler.queues().resume("reports").await.unwrap());
    assert_eq!(events.next().await, Some(Event::QueuePaused { queue: "reports".into() }));
    assert_eq!(events.next().await, Some(Event::QueueResumed { queue: "reports".into() }));
    scheduler.stop().await;
}
