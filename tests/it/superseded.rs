//! A job that lost its key while it ran is not run again, however its attempt ends; the newer job runs.

use std::sync::Arc;
use std::time::Duration;

use mainspring::{Enqueue, JobContext, JobError, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::until;

/// Holds on until the test lets go, and ends as it was told.
#[derive(Serialize, Deserialize)]
struct Hold {
    end: String,
}
impl Task for Hold {
    const NAME: &'static str = "hold";
}

/// What the test and its jobs tell each other.
struct Signals {
    started: Semaphore,
    release: Semaphore,
}

async fn hold(task: Hold, job: JobContext) -> JobResult {
    let signals = job.data::<Arc<Signals>>();
    signals.started.add_permits(1);
    signals.release.acquire().await?.forget();
    match task.end.as_str() {
        "fail" => Err("failed")?,
        "snooze" => Err(JobError::snooze(Duration::ZERO)),
        _ => Ok(()),
    }
}

async fn run_superseded(end: &str) -> TestDatabase {
    let database = TestDatabase::new();
    let signals = Arc::new(Signals { started: Semaphore::new(0), release: Semaphore::new(0) });
    let builder = Scheduler::builder(database.url()).handler(hold).app_data(Arc::clone(&signals));
    let scheduler = builder.grace_period(Duration::from_millis(1)).start().await.unwrap();
    let first = scheduler.enqueue(Enqueue::new(Hold { end: end.into() }).key("k")).await.unwrap();
    signals.started.acquire().await.unwrap().forget();
    let second = scheduler.enqueue(Enqueue::new(Hold { end: "succeed".into() }).key("k")).await.unwrap();
    signals.started.acquire().await.unwrap().forget();
    if end == "be interrupted" {
        scheduler.stop().await;
    } else {
        signals.release.add_permits(2);
        until(&database, &format!("mainspring.history WHERE id = {second} AND outcome = 'succeeded'"), 1)
            .await;
        until(&database, "mainspring.jobs WHERE state = 'running'", 0).await;
        scheduler.stop().await;
    }
    let back = i64::from(end == "be interrupted");
    let waiting = format!("mainspring.jobs WHERE id = {second} AND state = 'ready' AND attempts = 0");
    assert_eq!(count(&mut database.connection(), &waiting), back);
    let succeeded = i64::from(end == "succeed");
    let done = format!("mainspring.history WHERE id = {first} AND outcome = 'succeeded'");
    assert_eq!(count(&mut database.connection(), &done), succeeded);
    database
}

#[tokio::test]
async fn a_superseded_job_is_dead_unless_it_succeeds() {
    for (end, error) in [
        ("fail", "superseded: failed"),
        ("snooze", "superseded"),
        ("be interrupted", "superseded: interrupted: the worker stopped before the job ended"),
    ] {
        let database = run_superseded(end).await;
        let dead = format!("mainspring.jobs WHERE state = 'dead' AND key IS NULL AND last_error = '{error}'");
        assert_eq!(count(&mut database.connection(), &dead), 1, "{end}");
    }
    let database = run_superseded("succeed").await;
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 0);
}
