//! Jobs run: enqueued by message, by transaction and by SQL, retried, dead, and done.

use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;

use crate::support::database::TestDatabase;
use crate::support::jobs::{act, lasting};
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

#[tokio::test]
async fn a_job_runs_however_it_was_enqueued_and_leaves_one_line_of_history() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let by_message = scheduler.queue_actor().unwrap().send(act("message")).await.unwrap().unwrap();
    let by_handle = scheduler.enqueue(act("handle")).await.unwrap();
    let by_insert = act("insert").insert(&mut database.connection()).unwrap();
    database.connection().batch_execute("SELECT mainspring.add_job('act', '{\"act\": \"sql\"}')").unwrap();
    let mut ids = Vec::new();
    for _ in 0..4 {
        let job = started.next().await;
        assert_eq!(job.attempt, 1);
        assert!(["message", "handle", "insert", "sql"].contains(&job.act.as_str()));
        ids.push(job.id);
    }
    assert!([by_message, by_handle, by_insert].iter().all(|id| ids.contains(id)));
    until(&database, "mainspring.jobs", 0).await;
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 4).await;
    scheduler.stop().await;
    assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
}

#[tokio::test]
async fn outcomes_are_stored_as_the_contract_says() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    for how in ["fail", "panic", "discard", "cancel"] {
        scheduler.enqueue(act(how)).await.unwrap();
        started.next().await;
    }
    scheduler.enqueue(act("fail").max_attempts(1)).await.unwrap();
    let ended = |act: &str, condition: &str| {
        format!("mainspring.jobs WHERE payload->>'act' = '{act}' AND {condition}")
    };
    let in_two_seconds = "run_at BETWEEN clock_timestamp() + interval '1 second' \
        AND clock_timestamp() + interval '3.1 seconds'";
    let retried =
        format!("state = 'scheduled' AND attempts = 1 AND last_error = 'disk on fire' AND {in_two_seconds}");
    let panicked = "state = 'scheduled' AND last_error LIKE 'panicked at %jobs.rs:%: the bottom fell out'";
    let cancelled = "mainspring.history WHERE outcome = 'cancelled' AND reason = 'no longer wanted'";
    until(&database, &ended("fail", &retried), 1).await;
    until(&database, &ended("fail", "state = 'dead' AND attempts = 1"), 1).await;
    until(&database, &ended("panic", panicked), 1).await;
    until(&database, &ended("discard", "state = 'dead' AND last_error = 'no use'"), 1).await;
    until(&database, cancelled, 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_payload_that_does_not_fit_holds_the_job_and_names_the_field() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let wrong = mainspring::NewJob::new("act", &serde_json::json!({"act": "x", "millis": "soon"}));
    wrong.insert(&mut database.connection()).unwrap();
    let named = "mainspring.jobs WHERE state = 'held' AND attempts = 0 \
        AND last_error LIKE 'payload does not fit the task `act` at `millis`: %'";
    until(&database, named, 1).await;
    scheduler.stop().await;
    assert!(started.try_next().is_none());
}

#[tokio::test]
async fn a_job_that_is_tried_again_runs_again_and_a_future_one_at_its_time() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    scheduler.enqueue(act("fail at once again").max_attempts(3)).await.unwrap();
    for attempt in 1..=3 {
        assert_eq!(started.next().await.attempt, attempt);
    }
    until(&database, "mainspring.jobs WHERE state = 'dead' AND attempts = 3", 1).await;
    let due = Utc::now() + TimeDelta::milliseconds(700);
    scheduler.enqueue(act("later").run_at(due)).await.unwrap();
    let job = started.next().await;
    assert!(job.at >= due && job.at < due + TimeDelta::milliseconds(200), "due {due}, started {}", job.at);
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_writers_on_ten_hot_keys_of_running_jobs_lose_nothing() {
    const ROUNDS: usize = 300;
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.concurrency(20).start().await.unwrap();
    let writers: Vec<_> = (0..10)
        .map(|writer| {
            let scheduler = scheduler.clone();
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for round in writer..writer + ROUNDS {
                    let job = lasting("hot", 2).key(format!("hot {}", round % 10));
                    ids.push(scheduler.enqueue(job).await.unwrap());
                }
                ids
            })
        })
        .collect();
    let mut ids = Vec::new();
    for writer in writers {
        ids.extend(writer.await.unwrap());
    }
    until(&database, "mainspring.jobs", 0).await;
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() > 300, "{}", ids.len());
    // Every job whose id a writer received has run to its end, and no other has.
    assert_eq!(
        count(&mut database.connection(), "mainspring.history WHERE outcome = 'succeeded'"),
        ids.len() as i64
    );
    scheduler.stop().await;
}
