//! No wake is lost, whatever is under way when it comes. A trigger in the test's database holds the answer of a
//! statement that has looked and found nothing; meanwhile a job is committed and announced.

use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::Scheduler;

use crate::support::database::TestDatabase;
use crate::support::jobs::{Started, act};
use crate::support::schedulers::scheduler;
use crate::support::waiting::{Reports, until};

/// Statements of which the text holds the pattern end only while nobody has the gate locked. The trigger fires after
/// the statement, even one that changed nothing, and counts what passes by. What it holds waits without a limit: a claim that
/// gave up would come again, and all wakes before it would be one.
fn install_gate(conn: &mut PgConnection, pattern: &str) {
    conn.batch_execute(&format!(
        "CREATE SEQUENCE claims; \
         CREATE SEQUENCE promotions; \
         CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$ BEGIN \
             IF current_query() LIKE '{CLAIM}' THEN PERFORM nextval('public.claims'); END IF; \
             IF current_query() LIKE '{PROMOTION}' THEN PERFORM nextval('public.promotions'); END IF; \
             IF current_query() LIKE '{pattern}' THEN PERFORM pg_advisory_xact_lock_shared(7); END IF; \
             RETURN NULL; \
         END $$; \
         CREATE TRIGGER hold AFTER UPDATE ON mainspring.jobs FOR EACH STATEMENT EXECUTE FUNCTION hold()"
    ))
    .unwrap();
}

const CLAIM: &str = "%SET state = ''running''%";
const ADMISSION: &str = "%FROM mainspring.admit(%";
const PROMOTION: &str = "%WHERE state = ''scheduled'' AND run_at <= mainspring.now()%";
const HELD: &str = "pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
// The next poll comes after nine tenths of this at the earliest.
const POLL: Duration = Duration::from_secs(15);
const EARLIEST_POLL: Duration = Duration::from_millis(13_500);

/// Returns after the one poll that comes a second after the start, which could not know yet whether notifications would
/// come. The start itself looks for due jobs twice: when the queue begins, and when the listener does.
async fn start_without_polls(database: &TestDatabase) -> (Scheduler, Reports<Started>, Instant) {
    let (builder, started) = scheduler(database);
    let began = Instant::now();
    let scheduler = builder.poll_interval(POLL).start().await.unwrap();
    until(database, "promotions WHERE is_called AND last_value = 3", 1).await;
    heard_all(database, "start").await;
    (scheduler, started, began)
}

/// Lets what is held pass, and holds what comes next: whoever asks for the lock after this session waits behind it.
fn let_one_pass(conn: &mut PgConnection) {
    conn.batch_execute("SELECT pg_advisory_unlock(7), pg_advisory_lock(7)").unwrap();
}

/// Notifications are heard in the order of their commits, so whoever has acted upon this one has heard all before it.
async fn heard_all(database: &TestDatabase, probe: &str) {
    let notify = format!("SELECT pg_notify('mainspring', 'queue - 0 0 {probe}')");
    database.connection().batch_execute(&notify).unwrap();
    until(database, &format!("mainspring.queues WHERE name = '{probe}'"), 1).await;
}

#[tokio::test]
async fn a_job_announced_while_a_claim_finds_nothing_starts_before_any_poll() {
    let database = TestDatabase::new();
    let mut gate = database.connection();
    install_gate(&mut gate, CLAIM);
    gate.batch_execute("SELECT pg_advisory_lock(7)").unwrap();
    let (scheduler, mut started, began) = start_without_polls(&database).await;
    until(&database, HELD, 1).await;
    // The start's own wakes are one claim now that waits behind the one that is held; after it nothing is left to claim for.
    let_one_pass(&mut gate);
    until(&database, HELD, 1).await;

    act("go").insert(&mut database.connection()).unwrap();
    heard_all(&database, "job").await;
    gate.batch_execute("SELECT pg_advisory_unlock(7)").unwrap();
    assert_eq!(started.next().await.act, "go");
    assert!(began.elapsed() < EARLIEST_POLL, "a poll may have found it after {:?}", began.elapsed());
    scheduler.stop().await;
}

#[tokio::test]
async fn a_job_announced_while_an_admission_finds_none_starts_before_any_poll() {
    let database = TestDatabase::new();
    let mut gate = database.connection();
    install_gate(&mut gate, ADMISSION);
    let (scheduler, mut started, began) = start_without_polls(&database).await;
    gate.batch_execute("SELECT pg_advisory_lock(7); SELECT pg_notify('mainspring', 'queue - 0 0 lane')")
        .unwrap();
    until(&database, HELD, 1).await;

    act("go").queue("lane").insert(&mut database.connection()).unwrap();
    // An announcement of jobs outside of queues makes a claim, and those are counted. Two of them may be the start's.
    for claims in 1..=3 {
        gate.batch_execute("SELECT pg_notify('mainspring', 'job - 0 0')").unwrap();
        until(&database, &format!("claims WHERE is_called AND last_value >= {claims}"), 1).await;
    }
    gate.batch_execute("SELECT pg_advisory_unlock(7)").unwrap();
    assert_eq!(started.next().await.act, "go");
    assert!(began.elapsed() < EARLIEST_POLL, "a poll may have found it after {:?}", began.elapsed());
    scheduler.stop().await;
}

/// A worker that was lost an hour ago, with jobs that are older than any that ran since: one outside of queues, one with flags, one
/// of a queue, and one that has no attempt left and holds the slot of another.
const LOST: &str = "
    INSERT INTO mainspring.workers (id, name, tasks, timeout, heartbeat_at)
        OVERRIDING SYSTEM VALUE VALUES (99, 'lost', '{act}', '1 minute', now() - interval '1 hour');
    INSERT INTO mainspring.jobs (task, payload, state, run_at, attempts, lease, worker_id, locked_at, flags, queue, max_attempts, slot)
        SELECT 'act', jsonb_build_object('act', what, 'millis', 0), 'running', now() - interval '2 hours', 1, 7, 99, now(),
            flags, queue, max_attempts, slot
        FROM (VALUES ('plain', NULL::text[], NULL, 25, NULL::bigint), ('flagged', '{slow}', NULL, 25, NULL),
            ('in a lane', NULL, 'lane', 25, 1), ('spent', NULL, 'full', 1, 1)) AS l(what, flags, queue, max_attempts, slot);
    INSERT INTO mainspring.jobs (task, payload, state, run_at, queue)
        VALUES ('act', '{\"act\": \"behind\", \"millis\": 0}', 'parked', now() - interval '2 hours', 'full');";

#[tokio::test]
async fn the_jobs_of_a_lost_worker_start_again_before_any_poll() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    install_gate(&mut conn, "nothing");
    let (scheduler, mut started, began) = start_without_polls(&database).await;
    for queue in [None, Some("lane"), Some("full")] {
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
    assert_eq!(acts, ["behind", "flagged", "in a lane", "plain"]);
    assert!(began.elapsed() < EARLIEST_POLL, "a poll may have found them after {:?}", began.elapsed());
    scheduler.stop().await;
}

#[tokio::test]
async fn a_job_behind_the_end_of_a_short_array_of_queues_has_no_queue() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    install_gate(&mut conn, "nothing");
    // Nothing of this queue starts, so that no claim for it finds the other job.
    conn.batch_execute("SELECT mainspring.pause_queue('q')").unwrap();
    let (scheduler, mut started, began) = start_without_polls(&database).await;
    conn.batch_execute(
        "SELECT FROM mainspring.enqueue('{act,act}', queues => '{q}', \
             payloads => ARRAY['{\"act\": \"paused\", \"millis\": 0}', '{\"act\": \"free\", \"millis\": 0}'])",
    )
    .unwrap();
    assert_eq!(started.next().await.act, "free");
    assert!(began.elapsed() < EARLIEST_POLL, "a poll may have found it");
    scheduler.stop().await;
}
