//! The table of key modes, every cell, and races on hot keys.

use std::sync::Barrier;
use std::thread;

use chrono::{TimeDelta, Utc};
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::KeyMode::{PreserveRunAt, Replace, UnsafeDedupe};
use mainspring::NewJob;
use mainspring::jobs::insert_many;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::{WAITS_FOR_A_ROW, count};
use crate::support::waiting::until;

const WAITING: &str = "UPDATE mainspring.jobs SET revision = 0";
const FAILED: &str = "UPDATE mainspring.jobs SET attempts = 2, last_error = 'boom'";
const RUNNING: &str =
    "UPDATE mainspring.jobs SET state = 'running', attempts = 1, lease = 1, worker_id = 1, locked_at = now()";

/// A database with one job of key `k`, due in an hour, brought into `state`.
fn with_holder(state: &str) -> (TestDatabase, PgConnection, i64) {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let later = Utc::now() + TimeDelta::hours(1);
    let id = act("old").key("k").run_at(later).priority(3).insert(&mut conn).unwrap();
    conn.batch_execute(state).unwrap();
    (database, conn, id)
}

fn matches(conn: &mut PgConnection, what: &str) -> bool {
    count(conn, &format!("mainspring.jobs WHERE {what}")) == 1
}

#[test]
fn replace_takes_every_field_of_a_waiting_job() {
    for state in [WAITING, FAILED] {
        let (_database, mut conn, id) = with_holder(state);
        assert_eq!(act("new").key("k").key_mode(Replace).insert(&mut conn).unwrap(), id);
        assert!(matches(
            &mut conn,
            "payload->>'act' = 'new' AND state = 'ready' AND priority = 0 \
            AND attempts = 0 AND last_error IS NULL AND revision = 1"
        ));
    }
}

#[test]
fn preserve_run_at_keeps_the_time_of_an_unattempted_job_only() {
    let (_database, mut conn, id) = with_holder(WAITING);
    assert_eq!(act("new").key("k").key_mode(PreserveRunAt).insert(&mut conn).unwrap(), id);
    assert!(matches(&mut conn, "payload->>'act' = 'new' AND state = 'scheduled' AND revision = 1"));

    let (_database, mut conn, id) = with_holder(FAILED);
    assert_eq!(act("new").key("k").key_mode(PreserveRunAt).insert(&mut conn).unwrap(), id);
    assert!(matches(&mut conn, "state = 'ready' AND attempts = 0 AND last_error IS NULL"));
}

#[test]
fn unsafe_dedupe_changes_nothing_but_the_revision_of_a_waiting_job() {
    for (state, unchanged) in [(WAITING, "attempts = 0"), (FAILED, "attempts = 2 AND last_error = 'boom'")] {
        let (_database, mut conn, id) = with_holder(state);
        assert_eq!(act("new").key("k").key_mode(UnsafeDedupe).insert(&mut conn).unwrap(), id);
        assert!(matches(
            &mut conn,
            &format!(
                "payload->>'act' = 'old' AND state = 'scheduled' \
            AND priority = 3 AND revision = 1 AND {unchanged}"
            )
        ));
    }
}

#[test]
fn an_updating_mode_takes_the_key_from_a_running_job_and_adds_a_new_one() {
    for mode in [Replace, PreserveRunAt] {
        let (_database, mut conn, id) = with_holder(RUNNING);
        let new = act("new").key("k").key_mode(mode).insert(&mut conn).unwrap();
        assert_ne!(new, id);
        assert!(matches(
            &mut conn,
            &format!("id = {id} AND state = 'running' AND key IS NULL AND superseded")
        ));
        assert!(matches(&mut conn, &format!("id = {new} AND state = 'ready' AND key = 'k'")));
    }
}

#[test]
fn unsafe_dedupe_queues_nothing_while_the_job_runs() {
    let (_database, mut conn, id) = with_holder(RUNNING);
    assert_eq!(act("new").key("k").key_mode(UnsafeDedupe).insert(&mut conn).unwrap(), id);
    assert!(matches(&mut conn, "key = 'k' AND payload->>'act' = 'old' AND revision = 0"));
}

#[test]
fn a_dead_job_does_not_hold_its_key() {
    let (_database, mut conn, id) = with_holder("UPDATE mainspring.jobs SET state = 'dead'");
    assert_ne!(act("new").key("k").insert(&mut conn).unwrap(), id);
    assert_eq!(count(&mut conn, "mainspring.jobs"), 2);
}

#[test]
fn two_arrays_of_one_key_are_joined_in_the_order_of_the_input() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "SELECT * FROM mainspring.enqueue(ARRAY['t', 't'], payloads => ARRAY['[1]', '[2]'], keys => ARRAY['k', 'k'])",
    )
    .unwrap();
    assert!(matches(&mut conn, "payload = '[1, 2]' AND revision = 1"));
}

#[test]
fn remove_deletes_a_waiting_job_and_takes_the_key_of_a_running_one() {
    let (_database, mut conn, id) = with_holder(FAILED);
    assert_eq!(mainspring::jobs::remove(&mut conn, "k").unwrap(), Some(id));
    assert_eq!(mainspring::jobs::remove(&mut conn, "k").unwrap(), None);

    let (_database, mut conn, _) = with_holder(RUNNING);
    assert_eq!(mainspring::jobs::remove(&mut conn, "k").unwrap(), None);
    assert!(matches(&mut conn, "state = 'running' AND key IS NULL AND superseded"));
}

#[test]
fn ten_writers_on_ten_hot_keys_while_jobs_run_and_end_always_get_a_row() {
    let database = TestDatabase::new();
    let start = Barrier::new(12);
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let mut conn = database.connection();
                start.wait();
                for round in 0..150 {
                    let key = format!("hot-{}", round % 10);
                    assert!(act("a").key(key).insert(&mut conn).unwrap() > 0);
                }
            });
        }
        for worker in 1..=2 {
            let (database, start) = (&database, &start);
            scope.spawn(move || {
                let mut conn = database.connection();
                start.wait();
                for _ in 0..300 {
                    conn.batch_execute(&format!(
                        "UPDATE mainspring.jobs SET state = 'running', attempts = attempts + 1, lease = 1, \
                         worker_id = {worker}, locked_at = now() WHERE id = ANY (ARRAY(SELECT id FROM mainspring.jobs \
                         WHERE state = 'ready' ORDER BY id LIMIT 3 FOR UPDATE SKIP LOCKED))"
                    ))
                    .unwrap();
                    conn.batch_execute(&format!(
                        "DELETE FROM mainspring.jobs WHERE state = 'running' AND worker_id = {worker}"
                    ))
                    .unwrap();
                }
            });
        }
    });
    let mut conn = database.connection();
    assert_eq!(
        count(
            &mut conn,
            "(SELECT key FROM mainspring.jobs WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1) AS twice"
        ),
        0
    );
}

#[tokio::test]
async fn a_job_that_goes_back_while_it_is_removed_is_removed() {
    let database = TestDatabase::new();
    let mut other = database.connection();
    let id = act("a").key("k").insert(&mut other).unwrap();
    other.batch_execute(RUNNING).unwrap();
    other
        .batch_execute(
            "BEGIN; UPDATE mainspring.jobs SET state = 'ready', lease = NULL, worker_id = NULL, locked_at = NULL",
        )
        .unwrap();
    let mut conn = database.connection();
    let removing = thread::spawn(move || mainspring::jobs::remove(&mut conn, "k").unwrap());
    until(&database, WAITS_FOR_A_ROW, 1).await;
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(removing.join().unwrap(), Some(id));
    assert_eq!(count(&mut other, "mainspring.jobs"), 0);
}

/// The first statement stops between `a` and `b`. Another one stores `b`. The second statement locks that and waits for
/// `a`. If the first one waited for `b`, both would wait for each other.
#[tokio::test]
async fn batches_of_keys_that_meet_do_not_wait_in_a_circle() {
    let database = TestDatabase::new();
    let mut gate = database.connection();
    gate.batch_execute(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM pg_advisory_xact_lock_shared(7); RETURN new; END $$; \
         CREATE TRIGGER hold BEFORE INSERT ON mainspring.jobs FOR EACH ROW \
             WHEN (new.key = 'b' AND current_setting('test.held', true) = 'yes') EXECUTE FUNCTION hold(); \
         SELECT pg_advisory_lock(7)",
    )
    .unwrap();
    let insert_both = |text: &'static str, held: &str| {
        let mut conn = database.connection();
        // No session is to be ended for it.
        let settings =
            format!("SET deadlock_timeout = '1h'; SET statement_timeout = '1min'; SET test.held = '{held}'");
        conn.batch_execute(&settings).unwrap();
        let jobs = ["a", "b"].map(|key| NewJob::try_from(act(text).key(key)).unwrap());
        thread::spawn(move || insert_many(&mut conn, &jobs).unwrap())
    };
    let first = insert_both("first", "yes");
    until(&database, "pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted", 1).await;
    let b = act("single").key("b").insert(&mut database.connection()).unwrap();
    let second = insert_both("second", "no");
    until(&database, WAITS_FOR_A_ROW, 1).await;
    gate.batch_execute("SELECT pg_advisory_unlock(7)").unwrap();
    let (first, second) = (first.join().unwrap(), second.join().unwrap());
    assert_eq!(first, second);
    assert_eq!(first[1], b);
    assert_eq!(count(&mut gate, "mainspring.jobs"), 2);
}

/// A transaction with more than 64 of them costs all who read at that time.
#[test]
fn many_batches_of_keys_in_a_transaction_use_one_subtransaction_at_most() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "BEGIN; SELECT FROM generate_series(1, 10) AS n, \
             LATERAL mainspring.enqueue('{t,t}', keys => ARRAY['a' || n, 'b' || n]); COMMIT",
    )
    .unwrap();
    assert_eq!(count(&mut conn, "mainspring.jobs"), 20);
    assert!(count(&mut conn, "(SELECT DISTINCT xmin::text FROM mainspring.jobs) AS writers") <= 2);
}
