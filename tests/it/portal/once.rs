//! A process that runs what is ready, and that a signal stops in order.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use mainspring::SchedulerError;
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::process::{self, Process};
use crate::support::rows::count;
use crate::support::schedulers::scheduler_on;
use crate::support::waiting::block_in_time_once;

/// Not a test of its own: a process that runs what is ready, unless a signal comes.
#[tokio::test]
#[ignore = "a helper process of the tests of this file"]
async fn helper_process_that_runs_once() {
    let Some(url) = process::given_url() else { return };
    let (builder, mut started) = scheduler_on(&url);
    let builder = builder.app_data(Arc::new(Semaphore::new(0))).grace_period(Duration::from_millis(100));
    let run = tokio::spawn(builder.run_once_until_signal());
    let first = started.next().await;
    println!("\nstarted {}", first.act);
    match run.await.unwrap() {
        Ok(summary) => println!("\nended: {summary}"),
        Err(SchedulerError::Stopped) => println!("\nstopped"),
        Err(error) => panic!("{error}"),
    }
}

/// Runs the process until it writes that a job has started, then sends the signal, and returns its last line.
fn run(database: &TestDatabase, signal: Option<&str>) -> String {
    let command = &mut process::command("portal::once::helper_process_that_runs_once", &database.url());
    let mut process = Process::start(command.stdout(Stdio::piped()));
    let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.starts_with("started ")).expect("a job starts");
    if let Some(signal) = signal {
        process.signal(signal);
    }
    let end = lines.find(|line| line.starts_with("ended") || line.starts_with("stopped"));
    assert!(process.0.wait().unwrap().success());
    end.expect("it ends in order")
}

#[test]
fn without_a_signal_it_returns_how_the_attempts_ended() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    act("go").insert(&mut conn).unwrap();
    assert_eq!(run(&database, None), "ended: 1 attempt: 1 succeeded");
    assert_eq!(count(&mut conn, "mainspring.workers"), 0);
}

#[test]
fn a_signal_gives_running_jobs_back_without_spending_an_attempt() {
    for signal in ["TERM", "INT"] {
        // A busy machine may not give it back in time: then another process would rescue it.
        block_in_time_once(|| {
            let database = TestDatabase::new();
            let mut conn = database.connection();
            act("at gate").insert(&mut conn).unwrap();
            assert_eq!(run(&database, Some(signal)), "stopped");
            count(&mut conn, "mainspring.workers") == 0
                && count(&mut conn, "mainspring.jobs WHERE state = 'ready' AND attempts = 0") == 1
        });
    }
}
