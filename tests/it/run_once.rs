//! `run_once`: every job that is ready runs, and the call returns. What is not ready stays as it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::{PgConnection, RunQueryDsl, sql_query};
use mainspring::queues::{self, QueueSettings};
use mainspring::{
    Enqueue, JobContext, JobResult, RunSummary, Scheduler, SchedulerBuilder, SchedulerError, Task, schedules,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::gauge::Gauge;
use crate::support::jobs::{act, lasting, other};
use crate::support::process;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, gauged, scheduler, scheduler_on};
use crate::support::waiting::{in_time, until};

/// A job that adds its successor in a transaction of its own, which no message announces.
#[derive(Serialize, Deserialize)]
struct Link {
    left: u32,
}
impl Task for Link {
    const NAME: &'static str = "link";
}

async fn chain(Link { left }: Link, job: JobContext) -> JobResult {
    let mut conn = job.connection().await?;
    job.block(move || match left {
        0 => Ok(0),
        _ => Enqueue::new(Link { left: left - 1 }).insert(&mut conn),
    })
    .await?;
    Ok(())
}

async fn run_once(database: &TestDatabase, builder: SchedulerBuilder) -> RunSummary {
    in_time(&database.url(), "the end of run_once", builder.run_once()).await.unwrap()
}

fn add(database: &TestDatabase, jobs: usize, job: impl Fn(usize) -> Enqueue<crate::support::jobs::Act>) {
    let mut conn = database.connection();
    for number in 0..jobs {
        job(number).insert(&mut conn).unwrap();
    }
}

fn text(summary: RunSummary) -> String {
    summary.to_string()
}

#[tokio::test]
async fn it_runs_what_is_ready_and_leaves_neither_jobs_nor_a_worker() {
    let database = TestDatabase::new();
    add(&database, 5, |_| act("go"));
    let (builder, mut started) = scheduler(&database);
    let summary = run_once(&database, builder).await;
    assert_eq!((summary.succeeded, text(summary).as_str()), (5, "5 attempts: 5 succeeded"));
    assert_eq!((0..6).filter_map(|_| started.try_next()).count(), 5);
    let mut conn = database.connection();
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
    assert_eq!(count(&mut conn, "mainspring.history WHERE outcome = 'succeeded'"), 5);
    assert_eq!(count(&mut conn, "mainspring.workers"), 0);
}

#[tokio::test]
async fn on_an_empty_database_it_returns_at_once() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(scheduler.run_once().await.unwrap().attempts(), 0);
        fastest = fastest.min(began.elapsed());
    }
    assert!(fastest < Duration::from_millis(200), "{fastest:?}");
    scheduler.stop().await;
}

#[tokio::test]
async fn it_runs_jobs_that_jobs_add_with_and_without_notifications() {
    for listens in [true, false] {
        let database = TestDatabase::new();
        Enqueue::new(Link { left: 9 }).insert(&mut database.connection()).unwrap();
        let builder = Scheduler::builder(database.url()).handler(chain).poll_interval(SLOW_POLL);
        let builder = if listens { builder } else { builder.without_listen() };
        assert_eq!(text(run_once(&database, builder).await), "10 attempts: 10 succeeded");
    }
}

#[tokio::test]
async fn it_runs_a_queue_one_by_one_until_it_is_empty() {
    let database = TestDatabase::new();
    add(&database, 100, |_| act("go").queue("narrow"));
    let gauge = Arc::new(Gauge::default());
    let summary = run_once(&database, gauged(&database, &gauge)).await;
    assert_eq!((text(summary).as_str(), gauge.peak()), ("100 attempts: 100 succeeded", 1));
}

#[tokio::test]
async fn it_counts_each_attempt_by_its_outcome() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for how in ["go", "fail", "discard", "cancel", "panic"] {
        act(how).insert(&mut conn).unwrap();
    }
    act("fail at once again").max_attempts(3).insert(&mut conn).unwrap();
    let (builder, _started) = scheduler(&database);
    let summary = run_once(&database, builder).await;
    assert_eq!(text(summary), "8 attempts: 1 succeeded, 4 failed, 2 dead, 1 cancelled");
    assert_eq!(
        count(&mut conn, "mainspring.jobs WHERE state = 'scheduled'"),
        2,
        "their back-off is not over"
    );
}

#[tokio::test]
async fn what_is_not_ready_stays() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    act("later").run_at(Utc::now() + TimeDelta::hours(1)).insert(&mut conn).unwrap();
    act("queue").queue("paused").insert(&mut conn).unwrap();
    queues::pause(&mut conn, "paused").unwrap();
    queues::set(&mut conn, "rated", &QueueSettings::concurrency(5).rate(1, Duration::from_secs(3_600)))
        .unwrap();
    add(&database, 3, |_| act("rated").queue("rated"));
    act("flag").flags(["heavy"]).insert(&mut conn).unwrap();
    other().insert(&mut conn).unwrap();
    Enqueue::new(Link { left: 0 }).insert(&mut conn).unwrap();
    queues::pause_task(&mut conn, "link").unwrap();
    act("go").insert(&mut conn).unwrap();
    let (builder, mut started) = scheduler(&database);
    let summary = run_once(&database, builder.handler(chain).forbid_flags(["heavy"])).await;
    assert_eq!(text(summary), "2 attempts: 2 succeeded");
    let mut acts = [started.next().await.act, started.next().await.act];
    acts.sort_unstable();
    assert_eq!(acts, ["go", "rated"], "the rate lets one through");
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE attempts = 0"), 7);
}

#[tokio::test]
async fn while_everything_is_paused_it_returns_at_once() {
    let database = TestDatabase::new();
    queues::pause_all(&mut database.connection()).unwrap();
    add(&database, 3, |_| act("go").queue("q"));
    let (builder, _started) = scheduler(&database);
    assert_eq!(run_once(&database, builder).await.attempts(), 0);
}

#[test]
#[ignore = "a process of another test"]
fn a_process_that_runs_once() {
    let Some(url) = process::given_url() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (builder, _started) = scheduler_on(&url);
    let summary = runtime.block_on(builder.run_once()).unwrap();
    assert_eq!(summary.attempts(), summary.succeeded, "{summary}");
    println!("succeeded: {}", summary.succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_at_once_run_each_job_once_and_both_return() {
    let database = TestDatabase::new();
    add(&database, 200, |number| match number % 3 {
        0 => lasting("go", 2).queue("one"),
        1 => lasting("go", 2).queue(format!("queue {}", number % 5)),
        _ => lasting("go", 2),
    });
    let url = database.url();
    let run = || {
        let url = url.clone();
        tokio::task::spawn_blocking(move || {
            process::run(&mut process::command("run_once::a_process_that_runs_once", &url)).out
        })
    };
    let (first, second) = tokio::join!(run(), run());
    let succeeded = |out: String| {
        let (_, rest) = out.split_once("succeeded: ").unwrap_or_else(|| panic!("{out}"));
        rest.lines().next().unwrap().parse::<i64>().unwrap()
    };
    let (first, second) = (succeeded(first.unwrap()), succeeded(second.unwrap()));
    let mut conn = database.connection();
    assert_eq!((first + second, count(&mut conn, "mainspring.jobs")), (200, 0), "{first} and {second}");
    assert_eq!(count(&mut conn, "mainspring.history WHERE attempts = 1"), 200);
}

#[tokio::test]
async fn a_database_that_goes_away_is_an_error_in_bounded_time() {
    let database = TestDatabase::new();
    add(&database, 1, |_| act("at gate"));
    let (builder, mut started) = scheduler(&database);
    let gate = Arc::new(Semaphore::new(0));
    let builder = builder.app_data(Arc::clone(&gate)).grace_period(Duration::from_millis(100));
    let run = tokio::spawn(builder.run_once());
    started.next().await;
    database.go_away();
    let began = Instant::now();
    let ended = in_time(&database.url(), "the error", run).await.unwrap();
    database.come_back();
    assert!(matches!(ended, Err(SchedulerError::Store(_))), "{ended:?}");
    // The next poll finds it after 10 s. The stop gives up after as long.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_running_scheduler_returns_when_the_jobs_are_done_that_ran_already() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let gate = Arc::new(Semaphore::new(0));
    let scheduler = builder.app_data(Arc::clone(&gate)).start().await.unwrap();
    scheduler.enqueue(act("before")).await.unwrap();
    until(&database, "mainspring.jobs", 0).await;
    scheduler.enqueue(act("at gate")).await.unwrap();
    assert_eq!((started.next().await.act, started.next().await.act), ("before".into(), "at gate".into()));
    let calls = [0, 1].map(|_| {
        tokio::spawn({
            let scheduler = scheduler.clone();
            async move { scheduler.run_once().await }
        })
    });
    // Each call sends its message before this test goes on.
    tokio::task::yield_now().await;
    scheduler.enqueue(act("go")).await.unwrap();
    started.next().await;
    assert!(calls.iter().all(|call| !call.is_finished()), "a job is at the gate");
    gate.add_permits(1);
    for call in calls {
        let summary = in_time(&database.url(), "the end of run_once", call).await.unwrap().unwrap();
        assert_eq!(text(summary), "2 attempts: 2 succeeded");
    }
    assert!(scheduler.is_running());
    assert_eq!(scheduler.run_once().await.unwrap().attempts(), 0);
    scheduler.stop().await;
    assert!(matches!(scheduler.run_once().await, Err(SchedulerError::Stopped)));
}

#[tokio::test]
async fn a_stop_ends_the_call() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let builder = builder.app_data(Arc::new(Semaphore::new(0))).grace_period(Duration::from_millis(10));
    let scheduler = builder.start().await.unwrap();
    scheduler.enqueue(act("at gate")).await.unwrap();
    started.next().await;
    let run = tokio::spawn({
        let scheduler = scheduler.clone();
        async move { scheduler.run_once().await }
    });
    scheduler.stop().await;
    assert!(matches!(in_time(&database.url(), "the end", run).await.unwrap(), Err(SchedulerError::Stopped)));
}

#[tokio::test]
async fn an_outcome_whose_row_another_transaction_holds_does_not_keep_it() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let gate = Arc::new(Semaphore::new(0));
    let scheduler = builder.app_data(Arc::clone(&gate)).start().await.unwrap();
    let id = scheduler.enqueue(act("at gate")).await.unwrap();
    started.next().await;
    let mut holder = database.connection();
    lock(&mut holder, id);
    gate.add_permits(1);
    let summary = in_time(&database.url(), "the end", scheduler.run_once()).await.unwrap();
    assert_eq!(text(summary), "1 attempt: 1 not stored");
    holder.batch_execute("ROLLBACK").unwrap();
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
}

fn lock(conn: &mut PgConnection, id: i64) {
    conn.batch_execute("BEGIN").unwrap();
    sql_query(format!("SELECT FROM mainspring.jobs WHERE id = {id} FOR UPDATE")).execute(conn).unwrap();
}

#[tokio::test]
async fn cron_does_not_fire_in_it() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let schedule = mainspring::NewSchedule::of("s", &other_task(), "* * * * * *").unwrap();
    schedules::create(&mut conn, &schedule).unwrap();
    // Longer than a second, so that fires are due meanwhile.
    lasting("go", 1_500).insert(&mut conn).unwrap();
    let (builder, _started) = scheduler(&database);
    let builder = builder.handler(crate::support::jobs::behave_too).crontab("* * * * * * other ?id=line");
    assert_eq!(text(run_once(&database, builder).await), "1 attempt: 1 succeeded");
    assert_eq!(count(&mut conn, "mainspring.schedules WHERE name <> 's' OR last_fire_at IS NOT NULL"), 0);
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

fn other_task() -> crate::support::jobs::Other {
    crate::support::jobs::Other {}
}

/// A worker that was lost an hour ago, and one that left without its row. Each has left a job behind.
const LOST: &str = "
    INSERT INTO mainspring.workers (id, name, tasks, timeout, heartbeat_at)
        OVERRIDING SYSTEM VALUE VALUES (99, 'lost', '{act}', '2 seconds', now() - interval '1 hour');
    INSERT INTO mainspring.jobs (task, payload, state, run_at, attempts, lease, worker_id, locked_at)
        SELECT 'act', '{\"act\": \"go\"}', 'running', now(), 1, 7, worker, now() FROM (VALUES (99), (999)) AS w(worker)";

#[tokio::test]
async fn jobs_of_lost_workers_are_rescued_first() {
    let database = TestDatabase::new();
    database.connection().batch_execute(LOST).unwrap();
    let (builder, mut started) = scheduler(&database);
    let summary = run_once(&database, builder.heartbeat_timeout(Duration::from_secs(2))).await;
    assert_eq!(text(summary), "2 attempts: 2 succeeded");
    assert_eq!([started.next().await.attempt, started.next().await.attempt], [1, 1]);
}
