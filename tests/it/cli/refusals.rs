//! How the program refuses: one line, a code, and never a password.

use super::{assert_refused, on, program};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

#[test]
fn a_missing_schema_is_told_with_the_command_that_makes_it() {
    let database = TestDatabase::empty();
    for arguments in [&["status"][..], &["jobs", "list", "--json"], &["enqueue", "note"]] {
        assert_refused(on(&database, arguments), 1, "run `mainspring migrate`");
    }
}

#[test]
fn what_was_not_understood_is_told_in_one_line_with_code_2() {
    let database = TestDatabase::new();
    let cases: [(&[&str], &str); 16] = [
        (&["status", "--jsn"], "unexpected argument '--jsn'"),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (&["enqueue"], "<TASK>"),
        (&["enqueue", "note", "{\"a\": }"], "payload must be JSON, got expected value at line 1"),
        (&["enqueue", "note", ""], "payload must be JSON"),
        (&["enqueue", "note", "--run-at", "tomorrow"], "2027-01-01T09:00:00Z"),
        (&["enqueue", "note", "--run-at", "2027-02-30T09:00:00Z"], "out of range"),
        (&["enqueue", "note", "--in", "soon"], "90s"),
        (&["enqueue", "note", "--in", "9999999999w"], "calendar"),
        (&["enqueue", "note", "--in", "1m", "--run-at", "2027-01-01T09:00:00Z"], "cannot be used with"),
        (&["enqueue", "note", "--max-attempts", "0"], "0 is not in 1..=32767"),
        (&["enqueue", "note", "--priority", "32768"], "32768 is not in -32768..=32767"),
        (&["enqueue", "note", "--key", "k", "--key-mode", "merge"], "preserve_run_at"),
        (&["enqueue", "note", "--key-mode", "replace"], "--key <KEY>"),
        (&["jobs", "list", "--state", "done"], "possible values: stored, all, waiting, scheduled"),
        (&["jobs", "list", "--limit", "0"], "0 is not in 1..=10000"),
    ];
    for (arguments, words) in cases {
        assert_refused(on(&database, arguments), 2, words);
    }
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 0);
}

#[test]
fn a_limit_that_the_database_keeps_is_told_with_what_came() {
    let database = TestDatabase::new();
    let long = "x".repeat(513);
    assert_refused(on(&database, &["enqueue", ""]), 1, "task must be 1 to 128 characters, got 0");
    assert_refused(
        on(&database, &["enqueue", "a", "--key", &long]),
        1,
        "key must be 1 to 512 characters, got 513",
    );
    assert_refused(on(&database, &["enqueue", "a", "--queue", ""]), 1, "queue must be 1 to 128 characters");
}

#[test]
fn no_database_url_is_told_with_the_ways_to_give_one() {
    for arguments in [&["status"][..], &["status", "--database-url", ""]] {
        assert_refused(program(arguments).output().unwrap(), 2, "give --database-url or set DATABASE_URL");
    }
}

#[test]
fn a_database_that_is_not_there_is_told_with_its_address() {
    let output = program(&["status", "--database-url", "postgres://u:hunter2@127.0.0.1:1/a"]).output();
    assert_refused(output.unwrap(), 1, "port 1 failed: Connection refused");
    let database = TestDatabase::new();
    let absent = format!("{}_absent", database.url());
    let output = program(&["migrate", "--database-url", &absent]).output();
    assert_refused(output.unwrap(), 1, "does not exist");
}

#[test]
fn a_connection_string_that_libpq_refuses_is_not_understood() {
    for (url, words) in [
        ("hello", "missing \"=\" after \"hello\""),
        ("mysql://root@localhost/app", "its scheme is `mysql`"),
        ("postgres://localhost/app?sslmod=require", "\"sslmod\""),
        ("postgres://me:hunter2@127.0.0.1:abc/app", "invalid integer value \"abc\""),
        ("postgres://127.0.0.1:1/app?sslmode=maybe", "invalid sslmode value: \"maybe\""),
    ] {
        assert_refused(program(&["status"]).env("DATABASE_URL", url).output().unwrap(), 2, words);
        assert_refused(program(&["migrate", "--database-url", url]).output().unwrap(), 2, words);
    }
    let database = TestDatabase::new();
    let refused =
        program(&["status", "--database-url", &database.url()]).env("PGOPTIONS", "-c no_such=1").output();
    assert_refused(refused.unwrap(), 1, "unrecognized configuration parameter \"no_such\"");
    let refused = program(&["status", "--database-url", &database.url()]).env("PGSSLMODE", "maybe").output();
    assert_refused(refused.unwrap(), 2, "invalid sslmode value: \"maybe\"");
    let refused =
        program(&["status", "--database-url", "service=shop"]).env("PGSERVICEFILE", "/no/such/file").output();
    assert_refused(refused.unwrap(), 2, "/no/such/file");
}

#[test]
fn a_password_is_never_shown() {
    for url in [
        "postgres://me:hunter2@127.0.0.1:1/a",
        "postgres://me:hun/hunter2@127.0.0.1:1/a",
        "postgres://me:12@hunter2@127.0.0.1:1/a",
        "mysql://me:hunter2@127.0.0.1:1/a",
        "host=127.0.0.1 port=1 password=hunter2",
        "password=x hunter2",
    ] {
        for arguments in
            [&["status"][..], &["status", "--help"], &["status", "--jsn"], &["status", url], &[url]]
        {
            let output =
                program(arguments).env("DATABASE_URL", url).env("RUST_LOG", "trace").output().unwrap();
            let told = [output.stdout, output.stderr].concat();
            let told = String::from_utf8(told).unwrap();
            assert!(!told.contains("hunter2"), "{arguments:?}: {told}");
        }
    }
}
