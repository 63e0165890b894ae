//! Limits that the tables keep themselves, whichever role or statement writes to them.

use diesel::connection::SimpleConnection;
use mainspring::{NewJob, StoreError};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::rows::count;

#[test]
fn every_limit_of_a_job_is_a_check_of_its_table() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let running = "state, lease, worker_id, locked_at, attempts";
    let cases = [
        ("task", "''", "jobs_task_length"),
        ("task", "repeat('x', 129)", "jobs_task_length"),
        ("queue", "''", "jobs_queue_length"),
        ("queue", "repeat('x', 129)", "jobs_queue_length"),
        ("key", "''", "jobs_key_length"),
        ("key", "repeat('x', 513)", "jobs_key_length"),
        ("max_attempts", "0", "jobs_max_attempts_range"),
        ("attempts", "-1", "jobs_attempts_range"),
        ("attempts", "26", "jobs_attempts_range"),
        ("attempts", "25", "jobs_waiting_has_attempt"),
        ("deaths", "-1", "jobs_deaths_range"),
        ("progress", "101", "jobs_progress_range"),
        ("lease", "7", "jobs_lease_when_running"),
        ("state", "'running'", "jobs_lease_when_running"),
        ("state", "'parked'", "jobs_parked_has_queue"),
        ("cancel_reason", "'no'", "jobs_cancelled_when_running"),
        (
            &format!("cancel_reason, {running}"),
            "repeat('x', 1001), 'running', 1, 1, now(), 1",
            "jobs_cancel_reason_length",
        ),
        ("priority", "40000", "smallint out of range"),
    ];
    for (columns, values, constraint) in cases {
        let mut given = vec![("task", "'t'"), ("state", "'ready'"), ("run_at", "now()")];
        given.retain(|(column, _)| !columns.split(", ").any(|named| named == *column));
        let (names, defaults): (Vec<_>, Vec<_>) = given.into_iter().unzip();
        let insert = format!(
            "INSERT INTO mainspring.jobs ({columns}, {}) VALUES ({values}, {})",
            names.join(", "),
            defaults.join(", ")
        );
        let refused = conn.batch_execute(&insert).expect_err(&insert).to_string();
        assert!(refused.contains(constraint), "{insert}: {refused}");
    }
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

#[test]
fn every_limit_of_the_other_tables_is_a_check_too() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let cases = [
        ("workers (name, tasks, timeout) VALUES ('', '{}', '1 s')", "workers_name_length"),
        ("workers (name, tasks, timeout) VALUES (repeat('x', 257), '{}', '1 s')", "workers_name_length"),
        ("workers (name, tasks, timeout) VALUES ('w', '{}', '0 s')", "workers_timeout_positive"),
        ("queues (name) VALUES (repeat('x', 129))", "queues_name_length"),
        ("queues (name, concurrency) VALUES ('q', 0)", "queues_concurrency"),
        (
            "schedules (owner, name, task, expression, zone, payload, priority, max_attempts, overlap, catch_up, \
             jitter_seconds, paused) VALUES ('nobody', 'n', 't', '', '', '{}', 0, 1, 'allow', 0, 0, false)",
            "schedules_owner_known",
        ),
    ];
    for (row, constraint) in cases {
        let refused =
            conn.batch_execute(&format!("INSERT INTO mainspring.{row}")).expect_err(row).to_string();
        assert!(refused.contains(constraint), "{row}: {refused}");
    }
}

#[test]
fn a_batch_that_grows_under_its_key_keeps_the_limit_of_a_payload() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let limit = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET mainspring.max_payload_bytes = 1200', \
        current_database()); END $$";
    conn.batch_execute(limit).unwrap();
    let entries = |text: &str| NewJob::new("t", &json!([text])).key("k");
    entries(&"x".repeat(700)).insert(&mut conn).unwrap();
    let refused = entries(&"y".repeat(700)).insert(&mut conn).unwrap_err();
    let words = "payload must be at most 1200 bytes, got 1408 with what the job of the key holds";
    assert!(matches!(&refused, StoreError::Invalid { .. } if refused.to_string() == words), "{refused}");
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE payload ->> 0 LIKE 'x%' AND revision = 0"), 1);
    entries("z").insert(&mut conn).unwrap();
}
