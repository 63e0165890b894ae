//! Programs that run no jobs: a scheduler that is connected and runs nothing, and a client that only adds jobs.

use std::time::Duration;

use mainspring::{NewJob, Scheduler, SchedulerError, Waited};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::rows::count;

mod adding;
mod blocking;
mod connecting;
mod outages;
mod programs;
mod roles;

#[tokio::test]
async fn a_client_adds_reads_and_changes_what_others_run() {
    let database = TestDatabase::new();
    let client = Scheduler::builder(database.url()).handler(behave).connect().await.unwrap();
    let waiting = client.enqueue(act("succeed")).await.unwrap();
    let keyed = client.jobs().insert(NewJob::new("note", &json!({})).key("k")).await.unwrap();
    assert_eq!(client.remove("k").await.unwrap(), Some(keyed));
    client.queues().pause("mails").await.unwrap();
    assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
    assert!(client.is_running() && client.health().reasons.is_empty());
    let inspected = client.inspect(None).await.unwrap();
    assert!(!inspected.probe.passed() && inspected.workers.is_empty());
    let worker = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
    let waited = client.jobs().wait(waiting, Duration::from_secs(60)).await.unwrap();
    assert!(matches!(waited, Waited::Ended(_)), "{waited:?}");
    assert!(client.inspect(None).await.unwrap().probe.passed());
    worker.stop().await;
}

#[tokio::test]
async fn a_client_that_has_stopped_refuses_every_call() {
    let database = TestDatabase::new();
    let client = Scheduler::builder(database.url()).connect().await.unwrap();
    client.stop().await;
    client.stop().await;
    assert!(!client.is_running());
    assert!(matches!(client.enqueue(act("succeed")).await, Err(SchedulerError::Stopped)));
    assert!(matches!(client.jobs().get(1).await, Err(SchedulerError::Stopped)));
    assert!(matches!(client.run_once().await, Err(SchedulerError::Stopped)));
}

#[tokio::test]
async fn a_client_neither_migrates_nor_waits_for_the_database() {
    let empty = TestDatabase::empty();
    assert!(Scheduler::builder(empty.url()).connect().await.is_err());
    assert_eq!(count(&mut empty.connection(), "pg_namespace WHERE nspname = 'mainspring'"), 0);
    let away = Scheduler::builder("postgres://127.0.0.1:1/nowhere").connect().await;
    assert!(matches!(away, Err(SchedulerError::Store(_))), "{away:?}");
    let wrong = Scheduler::builder(empty.url()).concurrency(0).connect().await;
    assert!(matches!(wrong, Err(SchedulerError::Config(_))), "{wrong:?}");
}
