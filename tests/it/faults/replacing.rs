//! A job that is replaced again and again, or that grows, still runs, and still ends.

use chrono::{TimeDelta, Utc};
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::NewJob;
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::rows::count;

fn matches(conn: &mut PgConnection, what: &str) -> bool {
    count(conn, &format!("mainspring.jobs WHERE {what}")) == 1
}

fn keyed(task: &'static str, payload: &serde_json::Value) -> NewJob {
    NewJob::new(task, payload).key("k")
}

#[test]
fn a_due_job_keeps_its_place_however_often_it_is_replaced() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let job = |n: i32| keyed("t", &json!({"n": n})).queue("q");
    job(0).insert(&mut conn).unwrap();
    NewJob::new("t", &json!({})).queue("q").insert(&mut conn).unwrap();
    conn.batch_execute("CREATE TABLE first AS SELECT run_at FROM mainspring.jobs WHERE key = 'k'").unwrap();
    for n in 1..=3 {
        job(n).insert(&mut conn).unwrap();
    }
    let kept = "run_at = (SELECT run_at FROM first) AND payload = '{\"n\": 3}'";
    assert!(matches(&mut conn, &format!("state = 'parked' AND {kept}")));
    conn.batch_execute("SELECT mainspring.admit('{q}')").unwrap();
    assert!(matches(&mut conn, &format!("state = 'ready' AND turn_at IS NOT NULL AND {kept}")));
    // Admitted, it stays so. With another priority it is read elsewhere, and is admitted again.
    conn.batch_execute("UPDATE first SET run_at = run_at; CREATE TABLE turn AS SELECT turn_at FROM mainspring.jobs WHERE key = 'k'")
        .unwrap();
    job(4).insert(&mut conn).unwrap();
    assert!(matches(
        &mut conn,
        "state = 'ready' AND payload = '{\"n\": 4}' AND turn_at = (SELECT turn_at FROM turn)"
    ));
    job(5).priority(-1).insert(&mut conn).unwrap();
    assert!(matches(&mut conn, "state = 'parked' AND turn_at IS NULL AND priority = -1"));
}

#[test]
fn a_job_that_is_put_off_by_its_new_time_waits_for_that_time() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    keyed("t", &json!({})).insert(&mut conn).unwrap();
    let later = Utc::now() + TimeDelta::hours(1);
    keyed("t", &json!({})).run_at(later).insert(&mut conn).unwrap();
    assert!(matches(&mut conn, "state = 'scheduled' AND run_at > now() + interval '59 minutes'"));
    keyed("t", &json!({})).insert(&mut conn).unwrap();
    assert!(matches(&mut conn, "state = 'ready' AND run_at <= now()"));
}

#[test]
fn a_growing_batch_keeps_its_back_off_and_reaches_its_last_attempt() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    keyed("t", &json!([1])).max_attempts(3).insert(&mut conn).unwrap();
    conn.batch_execute(
        "UPDATE mainspring.jobs SET state = 'scheduled', attempts = 2, last_error = 'boom', run_at = now() + interval '1 hour'",
    )
    .unwrap();
    keyed("t", &json!([2])).max_attempts(3).insert(&mut conn).unwrap();
    assert!(matches(
        &mut conn,
        "payload = '[1, 2]' AND state = 'scheduled' AND attempts = 2 AND max_attempts = 3 AND last_error = 'boom' \
         AND run_at > now() + interval '59 minutes'"
    ));
    // A limit below the attempts that were made leaves one.
    keyed("t", &json!([3])).max_attempts(1).insert(&mut conn).unwrap();
    assert!(matches(&mut conn, "payload = '[1, 2, 3]' AND attempts = 2 AND max_attempts = 3"));
}

#[test]
fn entries_join_only_a_batch_of_their_own_task() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    keyed("one", &json!([1])).insert(&mut conn).unwrap();
    keyed("two", &json!([2])).insert(&mut conn).unwrap();
    assert!(matches(&mut conn, "task = 'two' AND payload = '[2]'"));
    conn.batch_execute(
        "UPDATE mainspring.jobs SET state = 'running', attempts = 1, lease = 1, worker_id = 1, locked_at = now()",
    )
    .unwrap();
    keyed("one", &json!([3])).insert(&mut conn).unwrap();
    assert!(matches(&mut conn, "task = 'two' AND superseded"));
}
