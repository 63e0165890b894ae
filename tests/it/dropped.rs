//! A scheduler whose last handle is dropped, and one that is stopped.

use mainspring::Scheduler;

use crate::support::database::TestDatabase;
use crate::support::logs;
use crate::support::waiting::until;

const DROPPED: &str = "stops, because the last handle of its scheduler was dropped";

fn warnings(worker: &str) -> usize {
    logs::with(DROPPED).iter().filter(|line| line.starts_with("WARN ") && line.contains(worker)).count()
}

#[tokio::test]
async fn a_dropped_scheduler_warns_once_and_a_stopped_one_does_not() {
    logs::keep();
    let database = TestDatabase::new();
    let start = |name: &str| Scheduler::builder(database.url()).worker_name(name).start();
    let dropped = start("dropped by its test").await.unwrap();
    let clone = dropped.clone();
    drop(dropped);
    assert_eq!(warnings("`dropped by its test`"), 0, "a handle is left");
    drop(clone);
    assert_eq!(warnings("`dropped by its test`"), 1);
    let stopped = start("stopped by its test").await.unwrap();
    stopped.stop().await;
    drop(stopped);
    assert_eq!(warnings("`stopped by its test`"), 0);
    until(&database, "mainspring.workers", 0).await;
}

#[tokio::test]
async fn a_start_that_fails_warns_of_no_dropped_handle() {
    logs::keep();
    let builder = Scheduler::builder("postgres://127.0.0.1:1/none").worker_name("never started by its test");
    let refused = builder.start_policy(mainspring::StartPolicy::FailAtOnce).start().await;
    assert!(refused.is_err());
    assert_eq!(warnings("`never started by its test`"), 0);
}
