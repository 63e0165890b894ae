//! A rolling deploy of two programs, and its return: each is a binary of its own, from examples/rolling.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use diesel::PgConnection;
use mainspring::jobs::{self, Reason};
use mainspring::{NewJob, Schema};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::process::Process;
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

/// The binary of an example. `cargo test` builds them all, and a run of this test alone does it here.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    if !binary.exists() {
        let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--example", name]).status();
        assert!(built.unwrap().success(), "build the example {name}");
    }
    binary
}

fn start(name: &str, database: &TestDatabase) -> Process {
    let mut command = Command::new(example(name));
    command.env("DATABASE_URL", database.url()).env("MAINSPRING_SCHEMA", Schema::default().name());
    command.env("RUST_LOG", "error").stdout(Stdio::piped());
    Process::start(&mut command)
}

/// Stops the program as a deploy does, and returns what it has printed.
fn stop(mut program: Process) -> String {
    program.signal("TERM");
    let mut printed = String::new();
    program.0.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert!(program.0.wait().unwrap().success(), "{printed}");
    printed
}

fn sent(printed: &str, version: i32) -> usize {
    printed.lines().filter(|line| line.contains(&format!(" of version {version} "))).count()
}

fn all_sent_once(conn: &mut PgConnection, programs: &[&str]) {
    let printed: usize = programs.iter().map(|printed| printed.lines().count()).sum();
    assert_eq!(
        count(conn, "mainspring.history WHERE outcome = 'succeeded' AND attempts = 1"),
        printed as i64
    );
    assert_eq!(count(conn, "mainspring.history WHERE outcome <> 'succeeded' OR attempts <> 1"), 0);
}

#[tokio::test]
async fn jobs_of_both_releases_run_through_a_deploy_and_its_return() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let old = start("rolling_old", &database);
    until_at_least(&database, "mainspring.history", 3).await;
    // Both run, and then the new one alone.
    let new = start("rolling_new", &database);
    until_at_least(&database, "mainspring.workers", 2).await;
    let before = count(conn, "mainspring.history");
    until_at_least(&database, "mainspring.history", before + 20).await;
    let old = stop(old);
    until(&database, "mainspring.jobs WHERE version IS NULL", 0).await;
    // It adds more than it has sent: the last ones wait for the next process that can read them.
    let new = stop(new);
    assert_eq!(sent(&old, 1), 0, "{old}");
    assert!(sent(&old, 0) > 0 && sent(&new, 1) > 0, "{old}{new}");
    all_sent_once(conn, &[&old, &new]);

    // Its return: the old one runs its own jobs, and those of the new one wait unharmed.
    let waits = NewJob::new("mail.send", &json!({"recipients": ["joan"]})).version(1).insert(conn).unwrap();
    let again = start("rolling_old", &database);
    let before = count(conn, "mainspring.history");
    until_at_least(&database, "mainspring.history", before + 5).await;
    let again = stop(again);
    assert_eq!(sent(&again, 1), 0, "{again}");
    let waiting = format!("mainspring.jobs WHERE id = {waits} AND state = 'ready' AND attempts = 0");
    assert_eq!(count(conn, &waiting), 1);
    assert_eq!(jobs::explain(conn, waits).unwrap()[0].reason, Reason::NoWorker);
    all_sent_once(conn, &[&old, &new, &again]);
    let last = start("rolling_new", &database);
    until(&database, &format!("mainspring.jobs WHERE id <= {waits}"), 0).await;
    // From its first job on it waits for signals.
    until_at_least(&database, &format!("mainspring.history WHERE id > {waits}"), 1).await;
    let last = stop(last);
    all_sent_once(conn, &[&old, &new, &again, &last]);
}
