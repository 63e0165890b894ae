//! The program `mainspring`: what it prints, and how it refuses.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use mainspring::Schema;
use serde_json::Value;

use crate::support::database::TestDatabase;
use crate::support::rows::count;

mod acts;
mod api;
mod cron_next;
mod dashboard;
mod listings;
mod progress;
mod queues;
mod refusals;
mod schedules;
mod top;
mod workflows;

/// The program without a database.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainspring"));
    command.args(arguments).env_remove("DATABASE_URL").env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

pub(crate) fn on(database: &TestDatabase, arguments: &[&str]) -> Output {
    program(arguments).env("DATABASE_URL", database.url()).output().unwrap()
}

/// What the program printed, which must have succeeded with no more than warnings on the standard error.
pub(crate) fn answer(output: Output) -> String {
    let errors = String::from_utf8(output.stderr).unwrap();
    let is_warning = |line: &str| line.starts_with("mainspring: warning: ");
    let errors: String = errors.lines().filter(|line| !is_warning(line)).collect();
    assert!(output.status.success() && errors.is_empty(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn json(output: Output) -> Value {
    serde_json::from_str(&answer(output)).unwrap()
}

/// The one line with which the program refused, and its exit code.
pub(crate) fn refusal(output: Output) -> (i32, String) {
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(errors.lines().count(), 1, "{errors}");
    let line = errors.trim_end().strip_prefix("mainspring: ").expect("the line names the program");
    (output.status.code().unwrap(), line.to_owned())
}

pub(crate) fn assert_refused(output: Output, code: i32, words: &str) {
    let (found, line) = refusal(output);
    assert!(found == code && line.contains(words), "{found}: {line}");
}

#[test]
fn migrate_prints_each_migration_it_applied_and_then_that_nothing_is_left() {
    let database = TestDatabase::empty();
    let applied = answer(on(&database, &["migrate"]));
    let known = count(&mut database.connection(), "mainspring.__diesel_schema_migrations");
    assert_eq!(applied.lines().filter(|line| line.starts_with("applied 2026")).count() as i64, known);
    let schema = Schema::default();
    assert_eq!(answer(on(&database, &["migrate"])), format!("the schema {schema} is up to date\n"));
}

#[test]
fn enqueue_prints_the_id_of_the_job_it_stored() {
    let database = TestDatabase::new();
    let id = answer(on(&database, &["enqueue", "note"]));
    let mut conn = database.connection();
    let stored = format!("mainspring.jobs WHERE id = {id} AND payload = '{{}}' AND state = 'ready'");
    assert_eq!(count(&mut conn, &stored), 1);
}

#[test]
fn enqueue_passes_every_option_on() {
    let database = TestDatabase::new();
    let arguments = [
        "enqueue",
        "note",
        r#"{"n": 12345678901234567890123}"#,
        "--run-at",
        "2100-01-01T09:00:00+01:00",
        "--queue",
        "q",
        "--priority",
        "-5",
        "--max-attempts",
        "3",
        "--key",
        "k",
    ];
    let id = answer(on(&database, &arguments));
    let stored = "mainspring.jobs WHERE task = 'note' AND payload = '{\"n\": 12345678901234567890123}' \
                  AND run_at = '2100-01-01 08:00:00+00' AND queue = 'q' AND priority = -5 AND max_attempts = 3 \
                  AND key = 'k' AND state = 'scheduled'";
    assert_eq!(count(&mut database.connection(), stored), 1);
    let same = on(&database, &["enqueue", "other", "--key", "k", "--key-mode", "unsafe_dedupe"]);
    assert_eq!(answer(same), id);
    assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE task = 'note'"), 1);
}

#[test]
fn enqueue_counts_a_duration_from_now() {
    let database = TestDatabase::new();
    answer(on(&database, &["enqueue", "note", "--in", "1h30m"]));
    let soon = "mainspring.jobs WHERE run_at BETWEEN now() + interval '89 minutes' AND now() + interval '91 minutes'";
    assert_eq!(count(&mut database.connection(), soon), 1);
}

#[test]
fn enqueue_reads_a_payload_from_the_standard_input() {
    let database = TestDatabase::new();
    let url = database.url();
    let mut child = program(&["enqueue", "note", "-", "--database-url", &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"[1,\n2]\n").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE payload = '[1, 2]'"), 1);
}

#[test]
fn help_has_examples_and_the_commands() {
    for arguments in [&["--help"][..], &["migrate", "--help"], &["status", "--help"], &["enqueue", "--help"]]
    {
        let help = answer(program(arguments).output().unwrap());
        assert!(help.contains("Example") && help.contains("--database-url"), "{help}");
    }
    assert!(answer(program(&["jobs", "list", "--help"]).output().unwrap()).contains("Example"));
    assert!(answer(program(&["--version"]).output().unwrap()).starts_with("mainspring "));
}
