//! Batch handlers: one result for each entry, and only the failed entries are tried again.

use std::time::Duration;

use mainspring::{BatchResult, Enqueue, JobContext, JobError, JobResult, Scheduler, StoreError, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::{Reports, reports, until};

/// An entry that holds how it ends.
#[derive(Debug, Serialize, Deserialize)]
struct Mail(String);
impl Task for Mail {
    const NAME: &'static str = "mail";
}

fn mails(hows: &[&str]) -> Enqueue<Vec<Mail>> {
    Enqueue::new(hows.iter().map(|how| Mail((*how).into())).collect())
}

fn one(mail: &Mail, job: &JobContext) -> JobResult {
    let first = job.attempt() == 1;
    match mail.0.as_str() {
        "fail" => Err("no such address")?,
        "fail once" if first => Err(JobError::retry_in(Duration::ZERO, "busy")),
        "cut off once" if job.snoozes() == 0 => Err(StoreError::Connect("refused".into()))?,
        "cancel" => Err(JobError::cancel("unsubscribed")),
        _ => Ok(()),
    }
}

async fn send(mails: Vec<Mail>, job: JobContext) -> BatchResult {
    let hows: Vec<&str> = mails.iter().map(|mail| mail.0.as_str()).collect();
    let _ = job.data::<UnboundedSender<String>>().send(hows.join(" "));
    match hows.first() {
        Some(&"short") => Ok(Vec::new()),
        Some(&"whole") => Err("no connection")?,
        Some(&"panic") => panic!("out of ink"),
        Some(&"wait") if job.attempt() == 1 => {
            job.cancelled().await;
            unreachable!("no test cancels it");
        }
        _ => Ok(mails.iter().map(|mail| one(mail, &job)).collect()),
    }
}

async fn instance(database: &TestDatabase) -> (Scheduler, Reports<String>) {
    let (sender, batches) = reports(&database.url());
    let builder = Scheduler::builder(database.url()).batch_handler(send).app_data(sender);
    (builder.grace_period(Duration::ZERO).start().await.unwrap(), batches)
}

#[tokio::test]
async fn entries_that_had_no_connection_cost_no_attempt() {
    let database = TestDatabase::new();
    let (scheduler, mut batches) = instance(&database).await;
    scheduler.enqueue(mails(&["ok", "cut off once", "cancel"]).max_attempts(1)).await.unwrap();
    assert_eq!(batches.next().await, "ok cut off once cancel");
    assert_eq!(batches.next().await, "cut off once");
    until(&database, "mainspring.history WHERE outcome = 'succeeded' AND attempts = 1", 1).await;
    // One that failed for a reason of its own spends it.
    scheduler.enqueue(mails(&["cut off once", "fail"]).max_attempts(1)).await.unwrap();
    assert_eq!(batches.next().await, "cut off once fail");
    until(&database, "mainspring.jobs WHERE state = 'dead' AND attempts = 1", 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn only_the_failed_entries_are_tried_again() {
    let database = TestDatabase::new();
    let (scheduler, mut batches) = instance(&database).await;
    scheduler.enqueue(mails(&["ok", "fail once", "cancel", "fail once"])).await.unwrap();
    assert_eq!(batches.next().await, "ok fail once cancel fail once");
    assert_eq!(batches.next().await, "fail once fail once");
    until(&database, "mainspring.history WHERE outcome = 'succeeded' AND attempts = 2", 1).await;
    scheduler.enqueue(mails(&["ok", "fail", "ok"]).max_attempts(1)).await.unwrap();
    let dead = "mainspring.jobs WHERE state = 'dead' AND payload = '[\"fail\"]' \
        AND last_error = '1 of 3 entries failed: entry 1: no such address'";
    until(&database, dead, 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn an_answer_of_another_length_an_error_and_a_panic_are_failures_of_all() {
    let database = TestDatabase::new();
    let (scheduler, _batches) = instance(&database).await;
    for (how, error) in [
        ("short", "the batch handler of `mail` answered 0 results for 2 entries: none counts"),
        ("whole", "no connection"),
        ("panic", "panicked at %: out of ink"),
    ] {
        scheduler.enqueue(mails(&[how, "ok"])).await.unwrap();
        let failed = format!(
            "mainspring.jobs WHERE state = 'scheduled' AND payload = '[\"{how}\", \"ok\"]' AND last_error LIKE '{error}'"
        );
        until(&database, &failed, 1).await;
    }
    scheduler.stop().await;
}

#[tokio::test]
async fn an_object_is_a_batch_of_one_and_an_entry_that_does_not_fit_is_held() {
    let database = TestDatabase::new();
    let (scheduler, mut batches) = instance(&database).await;
    scheduler.enqueue(Enqueue::new(Mail("ok".into()))).await.unwrap();
    assert_eq!(batches.next().await, "ok");
    let odd = mainspring::NewJob::from_json("mail", "[\"ok\", 7, \"ok\"]").unwrap();
    let refused = scheduler.enqueue_many(vec![odd.clone()]).await.unwrap_err().to_string();
    assert!(refused.contains("payload does not fit"), "{refused}");
    // A connection of the application does not know the type.
    odd.insert(&mut database.connection()).unwrap();
    assert_eq!(batches.next().await, "ok ok");
    let kept = "mainspring.jobs WHERE state = 'held' AND attempts = 0 AND payload = '[7]' AND last_error LIKE '1 of 3 entries failed: entry 1: payload does not fit%'";
    until(&database, kept, 1).await;
    scheduler.enqueue(mails(&[])).await.unwrap();
    until(&database, "mainspring.jobs", 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_running_batch_that_is_superseded_loses_no_entry() {
    let database = TestDatabase::new();
    let (scheduler, mut batches) = instance(&database).await;
    let old = scheduler.enqueue(mails(&["wait"]).key("outbox")).await.unwrap();
    assert_eq!(batches.next().await, "wait");
    let new = scheduler.enqueue(mails(&["ok"]).key("outbox")).await.unwrap();
    assert_ne!(old, new);
    assert_eq!(batches.next().await, "ok");
    scheduler.stop().await;
    let back = format!(
        "mainspring.jobs WHERE id = {old} AND state = 'ready' AND key IS NULL AND payload = '[\"wait\"]'"
    );
    assert_eq!(count(&mut database.connection(), &back), 1);
    let (scheduler, mut batches) = instance(&database).await;
    assert_eq!(batches.next().await, "wait");
    drop(batches);
    scheduler.stop().await;
}
