//! Enqueueing: defaults, transactions, and bad input, which stores nothing.

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, sql_query};
use mainspring::{Enqueue, StoreError, Task};
use serde::Serialize;

use crate::migrations::count;
use crate::server::TestDatabase;

#[derive(Serialize)]
pub struct Note {
    pub text: String,
}
impl Task for Note {
    const NAME: &'static str = "note";
}

pub fn note(text: &str) -> Enqueue<Note> {
    Enqueue::new(Note { text: text.into() })
}

#[test]
fn a_job_added_in_a_transaction_is_gone_with_its_rollback() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let rolled_back = conn.transaction(|conn| {
        note("a").insert(conn)?;
        assert_eq!(count(conn, "mainspring.jobs"), 1);
        Err::<(), StoreError>(StoreError::Invalid("changed my mind".into()))
    });
    assert!(rolled_back.is_err());
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

#[test]
fn a_plain_job_has_the_contracts_defaults() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    note("a").insert(&mut conn).unwrap();
    conn.batch_execute("SELECT mainspring.add_job('note', '{\"text\": \"a\"}')").unwrap();
    let alike = "mainspring.jobs WHERE task = 'note' AND state = 'ready' AND queue IS NULL AND key IS NULL \
        AND priority = 0 AND attempts = 0 AND max_attempts = 25 AND payload = '{\"text\": \"a\"}' \
        AND run_at <= clock_timestamp()";
    assert_eq!(count(&mut conn, alike), 2);
}

#[test]
fn every_bad_field_from_rust_is_named_with_its_limit_and_stores_nothing() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let cases = [
        (note("a").queue(""), "queue must be 1 to 128 characters, got 0"),
        (note("a").queue("q".repeat(129)), "queue must be 1 to 128 characters, got 129"),
        (note("a").key(""), "key must be 1 to 512 characters, got 0"),
        (note("a").key("k".repeat(513)), "key must be 1 to 512 characters, got 513"),
        (note("a").max_attempts(0), "max_attempts must be 1 to 32767, got 0"),
        (note("a").max_attempts(-1), "max_attempts must be 1 to 32767, got -1"),
        (note("a\0b"), "payload must not contain the character NUL, got one"),
        (note("a").key("k\0"), "key must not contain the character NUL, got one"),
        (note(&"x".repeat(1 << 20)), "payload must be at most 1048576 bytes, got 1048587"),
    ];
    for (job, expected) in cases {
        let error = job.insert(&mut conn).unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
        assert_eq!(error.to_string(), expected);
    }
    note("the letters \\u0000 are text").insert(&mut conn).unwrap();
    assert_eq!(count(&mut conn, "mainspring.jobs"), 1);
}

#[test]
fn every_bad_field_from_sql_is_named_and_stores_nothing() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let cases = [
        ("NULL", "task must be 1 to 128 characters, got none"),
        ("''", "task must be 1 to 128 characters, got 0"),
        ("repeat('t', 129)", "task must be 1 to 128 characters, got 129"),
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

#[test]
fn a_role_with_nothing_but_execute_can_enqueue_and_read_nothing() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let role = format!("enqueuer_{}", std::process::id());
    conn.batch_execute(&format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA mainspring TO {role}; SET ROLE {role}; \
         SELECT mainspring.add_job('note', key => 'k')"
    ))
    .unwrap();
    let refused = conn.batch_execute("SELECT * FROM mainspring.jobs").unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    conn.batch_execute("RESET ROLE").unwrap();
    assert_eq!(count(&mut conn, "mainspring.jobs"), 1);
    conn.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
}
