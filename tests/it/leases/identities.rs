//! The id of a worker is another's, or nobody's, as after a failover to a standby that lacks the last rows.

use diesel::connection::SimpleConnection;
use mainspring::Scheduler;

use super::replies::{HELD_UP, hold_up};
use super::watched::Record;
use super::{TIMEOUT, end, enqueue_two, until_both_beat, until_runs, worker};
use crate::support::database::TestDatabase;
use crate::support::jobs::{Started, act};
use crate::support::proxy::Mode;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler_on};
use crate::support::waiting::{Reports, until};
use crate::waits::through_proxy;

/// A job that runs under the first id and a lease that its worker does not know.
const UNKNOWN: &str = "INSERT INTO mainspring.jobs (task, payload, state, run_at, attempts, lease, worker_id, locked_at) \
    VALUES ('act', '{\"act\": \"unknown\"}', 'running', now(), 1, 77, 1, now())";

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_row_is_anothers_leaves_it_alone_and_registers_again() {
    let (database, record) = (TestDatabase::new(), Record::new());
    let first = worker(&database.url(), &record).start().await.unwrap();
    enqueue_two(&first).await;
    until_runs(&database, &record, 1).await;
    // Another worker got the same id from a primary that had lost the row of the first, and runs a job.
    let mut conn = database.connection();
    let other = "origin = 42, name = 'other', timeout = '1 hour'";
    conn.batch_execute(&format!("BEGIN; UPDATE mainspring.workers SET {other}; {UNKNOWN}; COMMIT")).unwrap();
    until_runs(&database, &record, 2).await;
    until(&database, "mainspring.workers WHERE id = 2 AND heartbeat_at > now() - timeout / 3", 1).await;
    let others = "mainspring.jobs WHERE worker_id = 1 AND lease = 77 AND attempts = 1";
    assert_eq!(count(&mut conn, others), 1, "the job of the other worker");
    conn.batch_execute("DELETE FROM mainspring.jobs WHERE worker_id = 1 AND lease = 77").unwrap();
    end(&database, &record, [first]).await;
    assert_eq!(count(&mut conn, "mainspring.workers WHERE id = 1 AND origin = 42"), 1, "its row");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_that_share_an_id_part_and_never_run_side_by_side() {
    let (database, record) = (TestDatabase::new(), Record::new());
    let first = worker(&database.url(), &record).start().await.unwrap();
    enqueue_two(&first).await;
    until_runs(&database, &record, 1).await;
    // The row and the sequence are as before its registration. The second worker may be too late for the same id.
    let mut conn = database.connection();
    let lost = "DELETE FROM mainspring.workers; SELECT setval('mainspring.workers_id_seq', 1, false)";
    conn.batch_execute(&format!("BEGIN; {lost}; COMMIT")).unwrap();
    let second = worker(&database.url(), &record).start().await.unwrap();
    until_runs(&database, &record, 2).await;
    until_both_beat(&database).await;
    end(&database, &record, [first, second]).await;
}

// The first worker cannot learn that its row is gone, and runs its job until its fence shuts.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_worker_whose_row_was_deleted_is_taken_behind_its_fence() {
    let (database, record) = (TestDatabase::new(), Record::new());
    let (proxy, url) = through_proxy(&database.url());
    let first = worker(&url, &record).start().await.unwrap();
    enqueue_two(&first).await;
    until_runs(&database, &record, 1).await;
    proxy.set(Mode::Drop);
    database.connection().batch_execute("DELETE FROM mainspring.workers").unwrap();
    let second = worker(&database.url(), &record).start().await.unwrap();
    until_runs(&database, &record, 2).await;
    proxy.set(Mode::Pass);
    proxy.reset();
    until_both_beat(&database).await;
    end(&database, &record, [first, second]).await;
}

/// A worker that has done what it does at its start. It searches for jobs of workers without a row, and again a minute later.
async fn settled(database: &TestDatabase, url: &str) -> (Scheduler, Reports<Started>) {
    let orphan = format!("{UNKNOWN}; UPDATE mainspring.jobs SET worker_id = 999");
    database.connection().batch_execute(&orphan).unwrap();
    let (builder, mut started) = scheduler_on(url);
    let scheduler = builder.heartbeat_timeout(TIMEOUT).poll_interval(SLOW_POLL).start().await.unwrap();
    started.next().await;
    until(database, "mainspring.jobs", 0).await;
    (scheduler, started)
}

#[tokio::test]
async fn a_job_under_an_earlier_id_that_its_worker_does_not_know_runs_again() {
    let database = TestDatabase::new();
    let (scheduler, mut started) = settled(&database, &database.url()).await;
    let lost = format!("BEGIN; DELETE FROM mainspring.workers; {UNKNOWN}; COMMIT");
    database.connection().batch_execute(&lost).unwrap();
    let job = started.next().await;
    assert_eq!((job.act.as_str(), job.attempt), ("unknown", 1));
    until(&database, "mainspring.jobs", 0).await;
    // Its worker finds it. Only the first one was taken for a job of a dead process.
    assert_eq!(count(&mut database.connection(), "mainspring.history WHERE deaths > 0"), 1);
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_without_a_reply_is_found_though_its_worker_lost_its_row() {
    let database = TestDatabase::new();
    let (proxy, url) = through_proxy(&database.url());
    let (scheduler, mut started) = settled(&database, &url).await;
    let mut conn = database.connection();
    conn.batch_execute(&hold_up("NEW.state = 'running'")).unwrap();
    act("claimed").insert(&mut conn).unwrap();
    until(&database, HELD_UP, 1).await;
    proxy.set(Mode::LoseReplies);
    conn.batch_execute("DELETE FROM mainspring.workers; INSERT INTO public.go_on VALUES (true)").unwrap();
    until(&database, "mainspring.jobs WHERE state = 'running' AND worker_id = 1", 1).await;
    proxy.set(Mode::Pass);
    proxy.reset();
    let job = started.next().await;
    assert_eq!((job.act.as_str(), job.attempt), ("claimed", 1));
    until(&database, "mainspring.workers WHERE id = 2", 1).await;
    scheduler.stop().await;
}
