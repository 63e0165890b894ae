//! Life and death: starts, stops, lost databases, killed processes. Nothing is lost, nothing hangs.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use mainspring::{Scheduler, SchedulerError, StartPolicy, StoreError};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::jobs::{act, lasting};
use crate::support::process::{self, Process};
use crate::support::rows::{LISTENING_SESSION, OTHER_SESSIONS, count};
use crate::support::schedulers::{scheduler, scheduler_on};
use crate::support::waiting::{in_time_once, until};

#[test]
fn it_starts_and_stops_under_actix_as_under_tokio() {
    actix_rt::System::new().block_on(async {
        let database = TestDatabase::new();
        let (builder, mut started) = scheduler(&database);
        let scheduler = builder.start().await.unwrap();
        scheduler.enqueue(act("go")).await.unwrap();
        started.next().await;
        scheduler.stop().await;
        scheduler.stop().await;
        assert!(matches!(scheduler.enqueue(act("late")).await, Err(SchedulerError::Stopped)));
    });
}

#[tokio::test]
async fn a_stop_lets_running_jobs_end_and_gives_the_others_back_untouched() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.concurrency(4).start().await.unwrap();
    for _ in 0..12 {
        scheduler.enqueue(lasting("long", 300)).await.unwrap();
    }
    for _ in 0..4 {
        started.next().await;
    }
    scheduler.stop().await;
    let mut conn = database.connection();
    let done = count(&mut conn, "mainspring.history WHERE outcome = 'succeeded'");
    let back = count(&mut conn, "mainspring.jobs WHERE state = 'ready' AND attempts = 0 AND lease IS NULL");
    assert!(done >= 4, "{done}");
    assert_eq!(done + back, 12);
    assert_eq!(count(&mut conn, "mainspring.workers"), 0);
}

#[tokio::test]
async fn a_stop_closes_every_connection_while_handles_of_the_scheduler_live_on() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let handle = scheduler.clone();
    scheduler.enqueue(act("go")).await.unwrap();
    started.next().await;
    assert!(handle.queues().paused_tasks().await.is_ok());
    scheduler.stop().await;
    // The server notices the end of a session a moment later.
    until(&database, OTHER_SESSIONS, 0).await;
    assert!(handle.queues().paused_tasks().await.is_err());
}

#[tokio::test]
async fn a_job_that_outlasts_the_grace_period_goes_back_without_its_attempt() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.grace_period(Duration::from_millis(50)).start().await.unwrap();
    scheduler.enqueue(lasting("long", 600_000)).await.unwrap();
    started.next().await;
    scheduler.stop().await;
    let back = "mainspring.jobs WHERE state = 'ready' AND attempts = 0 AND last_error LIKE 'interrupted%'";
    assert_eq!(count(&mut database.connection(), back), 1);
}

#[tokio::test]
async fn a_pool_of_two_and_one_slot_are_enough() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.pool_size(2).handler_pool_size(1).concurrency(1).start().await.unwrap();
    for _ in 0..50 {
        scheduler.enqueue(act("go").queue("mails")).await.unwrap();
    }
    for _ in 0..50 {
        started.next().await;
    }
    scheduler.stop().await;
}

#[tokio::test]
async fn without_listen_scheduled_jobs_start_within_fifty_milliseconds() {
    in_time_once(async || {
        let database = TestDatabase::new();
        let due = Utc::now() + TimeDelta::milliseconds(1_500);
        let at = |n: i64| due + TimeDelta::milliseconds(100 * n);
        for n in 0..10 {
            act("due").run_at(at(n)).insert(&mut database.connection()).unwrap();
        }
        let (builder, mut started) = scheduler(&database);
        let scheduler = builder.without_listen().start().await.unwrap();
        let mut delays = Vec::new();
        for n in 0..10 {
            let late = started.next().await.at - at(n);
            assert!(late >= TimeDelta::zero(), "job {n} came {late} too early");
            delays.push(late);
        }
        scheduler.stop().await;
        // The half of them, since the machine of a test run may be busy with others.
        delays.sort_unstable();
        delays[5] < TimeDelta::milliseconds(50)
    })
    .await;
}

#[tokio::test]
async fn a_start_that_cannot_succeed_reports_why_without_the_password() {
    let database = TestDatabase::new();
    let url = database.url();
    let (before, host) = url.rsplit_once('@').unwrap();
    let user = before.split("//").nth(1).unwrap().split(':').next().unwrap();
    let name = host.rsplit_once('/').unwrap().1;
    let cases = [
        (format!("postgres://{user}:hunter2@{host}"), "password authentication failed"),
        (url.replace(name, "no_such_database"), "does not exist"),
        ("postgres://nobody:hunter2@127.0.0.1:1/none".to_owned(), "Connection refused"),
    ];
    for (url, expected) in cases {
        let began = std::time::Instant::now();
        let error = Scheduler::builder(url).start_policy(StartPolicy::FailAtOnce).start().await.unwrap_err();
        assert!(
            matches!(error, SchedulerError::Store(StoreError::Connect(_) | StoreError::Rejected(_))),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.contains(expected) && !text.contains("hunter2"), "{text}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_start_without_migrations_refuses_a_schema_that_lacks_them() {
    let database = TestDatabase::empty();
    let error = Scheduler::builder(database.url()).without_migrations().start().await.unwrap_err();
    assert!(error.to_string().contains("lacks the migrations 20261124000001"), "{error}");
    let migrating = Scheduler::builder(database.url()).start().await.unwrap();
    migrating.stop().await;
}

#[tokio::test]
async fn connections_that_are_cut_are_made_again_and_no_job_is_lost() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..3 {
        for _ in 0..20 {
            act("go").insert(&mut database.connection()).unwrap();
        }
        database.connection().batch_execute(cut).unwrap();
        for _ in 0..20 {
            started.next().await;
        }
    }
    until(&database, "mainspring.jobs", 0).await;
    // Notifications come again: a job is found long before the poll of ten seconds.
    until(&database, LISTENING_SESSION, 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_settle_after_the_lease_was_lost_changes_nothing() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let gate = Arc::new(Semaphore::new(0));
    let scheduler = builder.app_data(Arc::clone(&gate)).start().await.unwrap();
    let id = scheduler.enqueue(act("at gate")).await.unwrap();
    started.next().await;
    database
        .connection()
        .batch_execute("UPDATE mainspring.jobs SET lease = lease + 1, last_error = 'another worker has it'")
        .unwrap();
    gate.add_permits(1);
    // Returns only after the late settle: a stop waits for it.
    scheduler.stop().await;
    let untouched = format!(
        "mainspring.jobs WHERE id = {id} AND state = 'running' AND last_error = 'another worker has it'"
    );
    assert_eq!(count(&mut database.connection(), &untouched), 1);
}

/// Not a test of its own: the process that another test starts and kills.
#[tokio::test]
#[ignore = "a helper process of `jobs_of_a_killed_process_run_elsewhere_within_seconds`"]
async fn helper_process_that_runs_jobs() {
    let Some(url) = process::given_url() else { return };
    let (builder, mut started) = scheduler_on(&url);
    let _scheduler = builder.concurrency(100).start().await.unwrap();
    loop {
        println!("started {}", started.next().await.id);
    }
}

#[tokio::test]
async fn jobs_of_a_killed_process_run_elsewhere_within_seconds() {
    let database = TestDatabase::new();
    let jobs: Vec<i64> =
        (0..100).map(|_| lasting("long", 3_600_000).insert(&mut database.connection()).unwrap()).collect();
    let test = "liveness::helper_process_that_runs_jobs";
    let command = &mut process::command(test, &database.url());
    let mut victim = Process::start(command.stdout(Stdio::piped()));
    let lines = BufReader::new(victim.0.stdout.take().unwrap()).lines();
    let running =
        lines.map_while(Result::ok).filter(|line| line.contains("started ")).take(jobs.len()).count();
    assert_eq!(running, 100);
    victim.kill();
    database.connection().batch_execute("UPDATE mainspring.jobs SET payload = '{\"act\": \"go\"}'").unwrap();
    let killed = std::time::Instant::now();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    for _ in 0..100 {
        let job = started.next().await;
        assert_eq!(job.attempt, 1);
    }
    assert!(killed.elapsed() < Duration::from_secs(15), "{:?}", killed.elapsed());
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(
        count(&mut database.connection(), "mainspring.history WHERE attempts = 1 AND deaths = 1"),
        100
    );
    scheduler.stop().await;
}

#[tokio::test]
async fn jobs_of_a_worker_that_left_without_a_row_are_found_at_the_next_start() {
    let database = TestDatabase::new();
    act("go").insert(&mut database.connection()).unwrap();
    database
        .connection()
        .batch_execute(
            "UPDATE mainspring.jobs SET state = 'running', attempts = 1, lease = 1, worker_id = 999, locked_at = now()",
        )
        .unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    assert_eq!(started.next().await.attempt, 1);
    scheduler.stop().await;
}
