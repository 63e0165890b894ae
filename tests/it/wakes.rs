//! No wake is lost, whatever is under way when it comes. A gate in the test's database holds a statement that has found
//! nothing. Meanwhile a job is committed and announced.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::Scheduler;

use crate::support::database::TestDatabase;
use crate::support::jobs::{Started, act};
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::statements::{
    CLAIM, HELD, NONE, before_any_poll, close_gate, gate_admissions, install_gate, let_one_pass, open_gate,
    until_notified, until_polled,
};
use crate::support::waiting::{Reports, until};

/// A scheduler that polls no more while the trial runs.
pub async fn start_without_polls(database: &TestDatabase) -> (Scheduler, Reports<Started>) {
    let (builder, started) = scheduler(database);
    let scheduler = builder
        .poll_interval(SLOW_POLL)
        .heartbeat_timeout(Duration::from_millis(1_500))
        .start()
        .await
        .unwrap();
    until_polled(database, 1).await;
    until_notified(database, "start").await;
    (scheduler, started)
}

#[tokio::test]
async fn a_job_announced_while_a_claim_finds_nothing_starts_before_any_poll() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let mut gate = database.connection();
        install_gate(&mut gate, CLAIM);
        close_gate(&mut gate);
        let (scheduler, mut started) = start_without_polls(&database).await;
        until(&database, HELD, 1).await;
        // The start's own wakes are now one claim, which waits behind the one that is held. Nothing is left to claim for after it.
        let_one_pass(&mut gate);
        until(&database, HELD, 1).await;

        act("go").insert(&mut database.connection()).unwrap();
        until_notified(&database, "job").await;
        open_gate(&mut gate);
        assert_eq!(started.next().await.act, "go");
        scheduler.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_job_announced_while_an_admission_finds_none_starts_before_any_poll() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let mut gate = database.connection();
        install_gate(&mut gate, NONE);
        gate_admissions(&mut gate);
        let (scheduler, mut started) = start_without_polls(&database).await;
        close_gate(&mut gate);
        // A queue that has a row: a name alone is no queue, and nothing is admitted from it.
        gate.batch_execute(
            "INSERT INTO mainspring.queues (name) VALUES ('mails'); \
            SELECT pg_notify(mainspring.channel(), 'queue - 0 0 mails')",
        )
        .unwrap();
        until(&database, HELD, 1).await;

        act("go").queue("mails").insert(&mut database.connection()).unwrap();
        // An announcement of a job outside of queues makes a claim, and claims are counted. Two of them may be the start's.
        for claims in 1..=3 {
            gate.batch_execute("SELECT pg_notify(mainspring.channel(), 'job - 0 0')").unwrap();
            until(&database, &format!("claims WHERE is_called AND last_value >= {claims}"), 1).await;
        }
        open_gate(&mut gate);
        assert_eq!(started.next().await.act, "go");
        scheduler.stop().await;
    })
    .await;
}

/// A worker that was lost an hour ago, with jobs that are older than any that ran since. One is outside of queues, one
/// has flags, and one is of a queue. The last one has killed nine workers before, and holds the slot of another.
const LOST: &str = "
    INSERT INTO mainspring.workers (id, name, tasks, timeout, heartbeat_at)
        OVERRIDING SYSTEM VALUE VALUES (99, 'lost', '{act}', '1 second', now() - interval '1 hour');
    INSERT INTO mainspring.jobs (task, payload, state, run_at, attempts, lease, worker_id, locked_at, flags, queue, deaths, slot)
        SELECT 'act', jsonb_build_object('act', what, 'millis', 0), 'running', now() - interval '2 hours', 1, 7, 99, now(),
            flags, queue, deaths, slot
        FROM (VALUES ('plain', NULL::text[], NULL, 0, NULL::bigint), ('flagged', '{slow}', NULL, 0, NULL),
            ('in a queue', NULL, 'mails', 0, 1), ('poison', NULL, 'full', 9, 1)) AS l(what, flags, queue, deaths, slot);
    INSERT INTO mainspring.jobs (task, payload, state, run_at, queue)
        VALUES ('act', '{\"act\": \"behind\", \"millis\": 0}', 'parked', now() - interval '2 hours', 'full');";

#[tokio::test]
async fn the_jobs_of_a_lost_worker_start_again_before_any_poll() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        install_gate(&mut conn, NONE);
        let (scheduler, mut started) = start_without_polls(&database).await;
        for queue in [None, Some("mails"), Some("full")] {
            let job = act("before");
            scheduler.enqueue(queue.map_or(job.clone(), |queue| job.queue(queue))).await.unwrap();
            started.next().await;
        }
        until(&database, "mainspring.jobs", 0).await;
        conn.batch_execute(LOST).unwrap();
        let mut acts = Vec::new();
        for _ in 0..4 {
            acts.push(started.next().await.act);
        }
        acts.sort_unstable();
        assert_eq!(acts, ["behind", "flagged", "in a queue", "plain"]);
        scheduler.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_job_behind_the_end_of_a_short_array_of_queues_has_no_queue() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        install_gate(&mut conn, NONE);
        // Nothing of this queue starts, so that no claim for it finds the other job.
        conn.batch_execute("SELECT mainspring.pause_queue('q')").unwrap();
        let (scheduler, mut started) = start_without_polls(&database).await;
        conn.batch_execute(
            "SELECT FROM mainspring.enqueue('{act,act}', queues => '{q}', \
                 payloads => ARRAY['{\"act\": \"paused\", \"millis\": 0}', '{\"act\": \"free\", \"millis\": 0}'])",
        )
        .unwrap();
        assert_eq!(started.next().await.act, "free");
        scheduler.stop().await;
    })
    .await;
}
