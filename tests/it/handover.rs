//! What a process leaves behind at its stop is announced: other processes start it at once, and not at their next poll.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mainspring::{Event, EventStream, Scheduler};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::jobs::{Started, act, lasting};
use crate::support::rows::LISTENING_SESSION;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::{PATIENCE, Reports, until};

/// A tenth of a second is promised. The machine of a test run may be busy with others.
const PROMISED: TimeDelta = TimeDelta::milliseconds(100);
const ROUNDS: usize = 5;

struct Member {
    scheduler: Scheduler,
    started: Reports<Started>,
    gate: Arc<Semaphore>,
}

async fn member(database: &TestDatabase) -> Member {
    let gate = Arc::new(Semaphore::new(0));
    let (builder, started) = scheduler(database);
    let builder = builder.poll_interval(SLOW_POLL).app_data(Arc::clone(&gate));
    let scheduler = builder.grace_period(Duration::from_millis(300)).start().await.unwrap();
    Member { scheduler, started, gate }
}

/// One process that runs all jobs so far, and another that is at rest.
async fn pair(
    database: &TestDatabase,
    jobs: Vec<mainspring::Enqueue<crate::support::jobs::Act>>,
) -> [Member; 2] {
    let mut leaves = member(database).await;
    let running = jobs.iter().filter(|job| job.options().queue.as_deref() != Some("waits")).count();
    for job in jobs {
        leaves.scheduler.enqueue(job).await.unwrap();
    }
    for _ in 0..running.max(1) {
        leaves.started.next().await;
    }
    let stays = member(database).await;
    until(database, LISTENING_SESSION, 2).await;
    [leaves, stays]
}

async fn moment_of(events: &mut EventStream, is_it: fn(&Event) -> bool) -> DateTime<Utc> {
    loop {
        let event = tokio::time::timeout(PATIENCE, events.next()).await.expect("an event in time").unwrap();
        if is_it(&event) {
            return Utc::now();
        }
    }
}

fn expect_promptly(mut delays: Vec<TimeDelta>) {
    delays.sort_unstable();
    assert!(delays[delays.len() / 2] < PROMISED, "{delays:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_are_interrupted_by_a_stop_start_elsewhere_at_once() {
    let mut delays = Vec::new();
    for _ in 0..ROUNDS {
        let database = TestDatabase::new();
        let [leaves, mut stays] = pair(&database, vec![lasting("long", 60_000)]).await;
        let mut events = leaves.scheduler.events();
        let stopped = tokio::spawn(async move { leaves.scheduler.stop().await });
        let back = moment_of(&mut events, |event| matches!(event, Event::JobInterrupted(_))).await;
        let job = stays.started.next().await;
        assert_eq!(job.attempt, 1);
        delays.push(job.at - back);
        stopped.await.unwrap();
        stays.scheduler.stop().await;
    }
    expect_promptly(delays);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_of_a_queue_that_a_stopping_process_frees_is_used_at_once() {
    let mut delays = Vec::new();
    for _ in 0..ROUNDS {
        let database = TestDatabase::new();
        let jobs = vec![act("at gate").queue("waits"), act("next").queue("waits")];
        let [leaves, mut stays] = pair(&database, jobs).await;
        let mut events = leaves.scheduler.events();
        let stopped = tokio::spawn(async move { leaves.scheduler.stop().await });
        until(&database, "mainspring.jobs WHERE state = 'parked'", 1).await;
        leaves.gate.add_permits(1);
        let ended = moment_of(&mut events, |event| matches!(event, Event::JobSucceeded { .. })).await;
        delays.push(stays.started.next().await.at - ended);
        stopped.await.unwrap();
        stays.scheduler.stop().await;
    }
    expect_promptly(delays);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_that_a_stopping_process_stores_starts_elsewhere_when_it_is_due() {
    let mut delays = Vec::new();
    for _ in 0..ROUNDS {
        let database = TestDatabase::new();
        let [leaves, mut stays] = pair(&database, vec![act("at gate, then fail")]).await;
        let mut events = leaves.scheduler.events();
        let stopped = tokio::spawn(async move { leaves.scheduler.stop().await });
        leaves.gate.add_permits(1);
        loop {
            let event = tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap();
            if let Event::JobFailed { next_in, .. } = event {
                let due = Utc::now() + TimeDelta::from_std(next_in).unwrap();
                delays.push(stays.started.next().await.at - due);
                break;
            }
        }
        stays.gate.add_permits(1);
        stopped.await.unwrap();
        stays.scheduler.stop().await;
    }
    expect_promptly(delays);
}
