//! A stop ends in time, whatever the server does, and so does the process. Each process here is a real one, which a signal
//! stops.

use std::io::{BufRead, BufReader, Lines};
use std::process::{ChildStderr, ChildStdout, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::frozen::Frozen;
use crate::support::jobs::{act, lasting};
use crate::support::logs;
use crate::support::process::{self, Process};
use crate::support::rows::count;
use crate::support::schedulers::scheduler_on;
use crate::support::waiting::{PATIENCE, block_in_time_once, block_until, until_true};

const GRACE: Duration = Duration::from_secs(2);
/// What a stop promises after the grace period.
const AFTER_GRACE: Duration = Duration::from_secs(1);
/// For a machine that has much else to do.
const SLACK: Duration = Duration::from_secs(4);

/// Not a test of its own: a process that runs jobs until a signal comes.
#[tokio::test]
#[ignore = "a helper process of the tests of this file"]
async fn helper_process_that_stops_at_a_signal() {
    let Some(url) = process::given_url() else { return };
    env_logger::Builder::new().filter_level(log::LevelFilter::Info).target(env_logger::Target::Stderr).init();
    let (builder, mut started) = scheduler_on(&url);
    let builder = builder.grace_period(GRACE).poll_interval(Duration::from_millis(50));
    let scheduler = builder.start().await.unwrap();
    println!("\nready");
    let stopping = scheduler.clone();
    let stopped = tokio::spawn(async move { stopping.stop_at_signal().await });
    loop {
        tokio::select! {
            job = started.next() => println!("started {}", job.id),
            () = until_stopped(&scheduler) => break,
        }
    }
    stopped.await.unwrap().unwrap();
}

async fn until_stopped(scheduler: &mainspring::Scheduler) {
    let mut events = scheduler.events();
    while events.next().await.is_some() {}
}

/// Another process, and the lines it writes.
struct Other {
    process: Process,
    out: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
}

impl Other {
    fn start(url: &str) -> Self {
        let command = &mut process::command("stopping::helper_process_that_stops_at_a_signal", url);
        let mut process = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let out = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let log = BufReader::new(process.0.stderr.take().unwrap()).lines();
        let mut other = Self { process, out, log };
        other.wait_for("ready");
        other
    }

    fn wait_for(&mut self, text: &str) {
        self.out.find(|line| line.as_ref().unwrap().contains(text)).expect("the line comes").unwrap();
    }

    /// Asks it to stop, and returns when it has ended: how, after how long, and what it has logged.
    fn terminate(mut self) -> (ExitStatus, Duration, Vec<String>) {
        let asked = Instant::now();
        self.process.signal("TERM");
        let status = self.process.0.wait().unwrap();
        (status, asked.elapsed(), self.log.map(Result::unwrap).collect())
    }
}

/// What is wrong with the server when the process is to stop. It is as before when this is dropped.
enum Trouble {
    Refuses,
    Frozen(EmbeddedPostgres, Option<Frozen>),
    Locked(Option<PgConnection>),
}

/// Starts a process, with a job or without one, brings the server into trouble, and stops the process.
fn stop_in(mut trouble: Trouble, jobs: usize) -> (ExitStatus, Duration, Vec<String>) {
    let database = TestDatabase::new();
    let url = match &trouble {
        Trouble::Frozen(server, _) => {
            mainspring::database::migrate(&mut PgConnection::establish(server.url()).unwrap()).unwrap();
            server.url().to_owned()
        }
        Trouble::Refuses | Trouble::Locked(_) => database.url(),
    };
    let mut other = Other::start(&url);
    let mut conn = PgConnection::establish(&url).unwrap();
    for _ in 0..jobs {
        lasting("long", 600_000).insert(&mut conn).unwrap();
        other.wait_for("started");
    }
    match &mut trouble {
        Trouble::Refuses => database.go_away(),
        Trouble::Frozen(server, frozen) => *frozen = Some(Frozen::freeze(server)),
        Trouble::Locked(lock) => {
            conn.batch_execute("BEGIN; LOCK TABLE mainspring.jobs, mainspring.workers").unwrap();
            *lock = Some(conn);
        }
    }
    // Several polls, so that claims are under way. Nothing outside of the process shows that they are.
    std::thread::sleep(Duration::from_millis(500));
    let ended = other.terminate();
    match &mut trouble {
        Trouble::Refuses => database.come_back(),
        Trouble::Frozen(_, frozen) => drop(frozen.take()),
        Trouble::Locked(lock) => drop(lock.take()),
    }
    ended
}

fn ends_in_time(trouble: fn() -> Trouble) {
    block_in_time_once(|| ends(trouble()) < GRACE + AFTER_GRACE + SLACK);
}

/// How long a stop takes that hands nothing back.
fn ends(trouble: Trouble) -> Duration {
    let (status, took, log) = stop_in(trouble, 2);
    assert!(status.success() && took >= GRACE, "{status:?} after {took:?}: {log:#?}");
    let reported = log.iter().filter(|line| line.contains("stopping: 2 jobs run, waiting up to 2 s: job "));
    assert_eq!(reported.count(), 1, "{log:#?}");
    let left: Vec<_> = log.iter().filter(|line| line.contains("could not be given back in time")).collect();
    assert!(left.len() == 1 && left[0].contains("2 jobs could"), "{log:#?}");
    took
}

fn ends_at_once_without_jobs(trouble: fn() -> Trouble) {
    block_in_time_once(|| {
        let (status, took, log) = stop_in(trouble(), 0);
        assert!(status.success(), "{status:?} after {took:?}: {log:#?}");
        took < AFTER_GRACE + Duration::from_millis(500)
    });
}

fn refusing() -> Trouble {
    Trouble::Refuses
}

fn freezing() -> Trouble {
    Trouble::Frozen(EmbeddedPostgres::start(EmbeddedOptions::temporary().without_fsync()).unwrap(), None)
}

fn locking() -> Trouble {
    Trouble::Locked(None)
}

#[test]
fn a_process_ends_in_time_while_the_server_refuses_connections() {
    ends_in_time(refusing);
}

#[test]
fn a_process_ends_in_time_while_the_server_is_frozen() {
    ends_in_time(freezing);
}

#[test]
fn a_process_ends_in_time_while_the_tables_are_locked() {
    ends_in_time(locking);
}

#[test]
fn an_idle_process_ends_at_once_while_the_server_refuses_connections() {
    ends_at_once_without_jobs(refusing);
}

#[test]
fn an_idle_process_ends_at_once_while_the_server_is_frozen() {
    ends_at_once_without_jobs(freezing);
}

#[test]
fn an_idle_process_ends_at_once_while_the_tables_are_locked() {
    ends_at_once_without_jobs(locking);
}

/// How long the stops of a process with a job and of one without any take.
fn stops_with_a_server_that_works() -> [Duration; 2] {
    let database = TestDatabase::new();
    let mut other = Other::start(&database.url());
    let mut conn = database.connection();
    lasting("long", 600_000).insert(&mut conn).unwrap();
    other.wait_for("started");
    let (status, with_a_job, log) = other.terminate();
    assert!(status.success(), "{status:?}: {log:#?}");
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'ready' AND attempts = 0"), 1);
    assert_eq!(count(&mut conn, "mainspring.workers"), 0);
    let (_, without, _) = Other::start(&database.url()).terminate();
    [with_a_job, without]
}

#[test]
fn a_process_with_a_server_that_works_gives_its_jobs_back_and_its_row() {
    let in_time = |took: Duration| took < GRACE + AFTER_GRACE + SLACK;
    block_in_time_once(|| stops_with_a_server_that_works().into_iter().all(in_time));
}

#[tokio::test]
async fn the_stop_counts_whose_grace_period_ends_first() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler_on(&database.url());
    let scheduler = builder.grace_period(Duration::MAX).start().await.unwrap();
    scheduler.enqueue(lasting("long", 600_000)).await.unwrap();
    started.next().await;
    let patient = tokio::spawn({
        let scheduler = scheduler.clone();
        async move { scheduler.stop().await }
    });
    until_true(&database, "the stop begins", || !scheduler.is_running()).await;
    scheduler.stop_within(Duration::ZERO).await;
    patient.await.unwrap();
    let back = "mainspring.jobs WHERE state = 'ready' AND attempts = 0 AND last_error LIKE 'interrupted%'";
    assert_eq!(count(&mut database.connection(), back), 1);
}

#[tokio::test]
async fn a_stop_may_take_longer_than_the_setting_and_names_what_it_waits_for() {
    logs::keep();
    let database = TestDatabase::new();
    database.connection().batch_execute("ALTER SEQUENCE mainspring.jobs_id_seq RESTART 761200").unwrap();
    let (builder, mut started) = scheduler_on(&database.url());
    let gate = Arc::new(Semaphore::new(0));
    let builder = builder.app_data(Arc::clone(&gate)).grace_period(Duration::ZERO);
    let scheduler = builder.start().await.unwrap();
    for _ in 0..2 {
        scheduler.enqueue(act("at gate")).await.unwrap();
        started.next().await;
    }
    let stopped = tokio::spawn({
        let scheduler = scheduler.clone();
        async move { scheduler.stop_within(PATIENCE).await }
    });
    let lines = |text: &str| {
        let lines = logs::with(text);
        lines.into_iter().filter(|line| line.contains("job 76120")).collect::<Vec<_>>()
    };
    until_true(&database, "the jobs are named", || !lines("stopping: 2 jobs run, waiting up to ").is_empty())
        .await;
    let line = &lines("stopping: 2 jobs run")[0];
    assert!(line.contains("s: job 761200 `act` for ") && line.contains(", job 761201 `act` for "), "{line}");
    gate.add_permits(1);
    until_true(&database, "the change is told", || !lines("stopping: 1 job runs, waiting up to ").is_empty())
        .await;
    gate.add_permits(1);
    stopped.await.unwrap();
    assert_eq!(count(&mut database.connection(), "mainspring.history WHERE outcome = 'succeeded'"), 2);
}

/// How long the process lives on after the second signal.
fn second_signal() -> Duration {
    let database = TestDatabase::new();
    let mut other = Other::start(&database.url());
    lasting("long", 600_000).insert(&mut database.connection()).unwrap();
    other.wait_for("started");
    other.process.signal("TERM");
    other.process.signal("TERM");
    let stopping = other.log.find(|line| line.as_ref().unwrap().contains("1 job runs"));
    assert!(stopping.is_some(), "two signals within a moment are one request");
    let asked = Instant::now();
    other.process.signal("INT");
    let status = other.process.0.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    let took = asked.elapsed();
    block_until("its jobs are left for a rescue", || {
        count(&mut database.connection(), "mainspring.jobs WHERE state = 'running'") == 1
    });
    took
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    block_in_time_once(|| second_signal() < GRACE);
}
