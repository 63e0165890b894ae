//! Enqueueing: defaults, transactions, and bad input, which stores nothing.

use std::collections::HashMap;

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, sql_query};
use mainspring::{Enqueue, NewJob, Scheduler, StoreError, Task};
use serde::Serialize;

use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::rows::count;

#[test]
fn a_job_added_in_a_transaction_is_gone_with_its_rollback() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let rolled_back = conn.transaction::<(), Box<dyn std::error::Error>, _>(|conn| {
        act("a").insert(conn)?;
        assert_eq!(count(conn, "mainspring.jobs"), 1);
        Err("changed my mind".into())
    });
    assert!(rolled_back.is_err());
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

#[test]
fn a_plain_job_has_the_contracts_defaults() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    act("a").insert(&mut conn).unwrap();
    conn.batch_execute("SELECT mainspring.add_job('act', '{\"act\": \"a\"}')").unwrap();
    let alike = "mainspring.jobs WHERE task = 'act' AND state = 'ready' AND queue IS NULL AND key IS NULL \
        AND priority = 0 AND attempts = 0 AND max_attempts = 25 AND payload = '{\"act\": \"a\"}' \
        AND run_at <= clock_timestamp()";
    assert_eq!(count(&mut conn, alike), 2);
}

#[test]
fn every_bad_field_from_rust_is_named_with_its_limit_and_stores_nothing() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let cases = [
        (act("a").queue(""), "queue must be 1 to 128 characters, got 0"),
        (act("a").queue("q".repeat(129)), "queue must be 1 to 128 characters, got 129"),
        (act("a").key(""), "key must be 1 to 512 characters, got 0"),
        (act("a").key("k".repeat(513)), "key must be 1 to 512 characters, got 513"),
        (act("a").max_attempts(0), "max_attempts must be 1 to 32767, got 0"),
        (act("a").max_attempts(-1), "max_attempts must be 1 to 32767, got -1"),
        (act("a\0b"), "payload must not contain the character NUL, got one"),
        (act("a").key("k\0"), "key must not contain the character NUL, got one"),
        (act(&"x".repeat(1 << 20)), "payload must be at most 1048576 bytes, got 1048587"),
    ];
    for (job, expected) in cases {
        let error = job.insert(&mut conn).unwrap_err();
        assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
        assert_eq!(error.to_string(), expected);
    }
    act("the letters \\u0000 are text").insert(&mut conn).unwrap();
    assert_eq!(count(&mut conn, "mainspring.jobs"), 1);
}

#[test]
fn a_bad_task_or_payload_of_an_untyped_job_is_named_and_stores_nothing() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let job = |task: String| NewJob::new(task, &serde_json::json!({}));
    let cases = [
        (job(String::new()), "task must be 1 to 128 characters, got 0"),
        (job("t".repeat(129)), "task must be 1 to 128 characters, got 129"),
        (job("t\0".into()), "task must not contain the character NUL, got one"),
        (
            NewJob::try_from(act("a").queue("q\0")).unwrap(),
            "queue must not contain the character NUL, got one",
        ),
    ];
    for (job, expected) in cases {
        let error = job.insert(&mut conn).unwrap_err();
        assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
        assert_eq!(error.to_string(), expected);
    }
    let error = NewJob::from_json("t", "{").unwrap_err();
    assert!(error.to_string().starts_with("payload must be JSON, got "), "{error}");
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

#[derive(Serialize)]
struct ByPoint {
    at: HashMap<(i32, i32), i32>,
}
impl Task for ByPoint {
    const NAME: &'static str = "by point";
}

#[test]
fn a_payload_that_cannot_be_json_is_an_error_that_names_the_task() {
    let database = TestDatabase::new();
    let job = Enqueue::new(ByPoint { at: [((1, 2), 3)].into() });
    let error = job.insert(&mut database.connection()).unwrap_err();
    assert!(
        error.to_string().starts_with("payload of task `by point` cannot be written as JSON: "),
        "{error}"
    );
}

#[tokio::test]
async fn what_the_database_refuses_of_one_caller_costs_no_other_its_job() {
    let database = TestDatabase::new();
    // With a handler and free slots, and without: jobs may be started by the statement that stores them.
    let handled = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
    let error = handled.enqueue(act("\0")).await.unwrap_err();
    assert_eq!(error.to_string(), "payload must not contain the character NUL, got one");
    handled.stop().await;
    let scheduler = Scheduler::builder(database.url()).start().await.unwrap();
    let bad = || async { scheduler.enqueue(act("bad").key("k".repeat(513))).await.unwrap_err() };
    let good = || async { scheduler.enqueue(act("good")).await.unwrap() };
    // The first goes alone; the others wait for it and go together.
    let (_, one, two, three, error) = tokio::join!(good(), good(), good(), good(), bad());
    assert!(one < two && two < three, "{one} {two} {three}");
    assert!(error.to_string().contains("key must be 1 to 512 characters"), "{error}");
    let nul = || async { scheduler.enqueue(act("\0")).await.unwrap_err() };
    let (_, _, error, _) = tokio::join!(good(), good(), nul(), good());
    assert_eq!(error.to_string(), "payload must not contain the character NUL, got one");
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 7);
    scheduler.stop().await;
}

#[test]
fn every_bad_field_from_sql_is_named_and_stores_nothing() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let cases = [
        ("NULL", "task must be 1 to 128 characters, got none"),
        ("''", "task must be 1 to 128 characters, got 0"),
        ("repeat('t', 129)", "task must be 1 to 128 characters, got 129"),
        ("'t', queue => ''", "queue must be 1 to 128 characters, got 0"),
        ("'t', queue => repeat('q', 129)", "queue must be 1 to 128 characters, got 129"),
        ("'t', key => ''", "key must be 1 to 512 characters, got 0"),
        ("'t', key => repeat('k', 513)", "key must be 1 to 512 characters, got 513"),
        ("'t', max_attempts => 0", "max_attempts must be 1 to 32767, got 0"),
        ("'t', priority => -40000", "priority must be -32768 to 32767, got -40000"),
        ("'t', to_jsonb(repeat('x', 1048576))", "payload must be at most 1048576 bytes, got 1048578"),
        ("'t', priority => 40000", "priority must be -32768 to 32767, got 40000"),
        ("'t', max_attempts => 40000", "max_attempts must be 1 to 32767, got 40000"),
        (
            "'t', key => 'k', key_mode => 'x'",
            "key_mode must be replace, preserve_run_at or unsafe_dedupe, got 'x'",
        ),
    ];
    for (arguments, expected) in cases {
        let error =
            sql_query(format!("SELECT mainspring.add_job({arguments})")).execute(&mut conn).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

#[test]
fn a_bulk_call_answers_in_input_order_with_rising_ids_keys_or_not() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for keys in ["NULL", "ARRAY['z', NULL, 'a', 'm']"] {
        let call = format!("mainspring.enqueue(ARRAY['a','b','c','d'], keys => {keys}) AS e");
        conn.batch_execute(&format!("SELECT * FROM {call}")).unwrap();
        let stored = "(SELECT task, row_number() OVER (ORDER BY id) AS place FROM mainspring.jobs) AS s \
            WHERE chr(96 + place::int) = task";
        assert_eq!(count(&mut conn, stored), 4, "keys {keys}");
        conn.batch_execute("DELETE FROM mainspring.jobs").unwrap();
    }
}
