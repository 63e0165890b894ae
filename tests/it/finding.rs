//! A job is found in any state, and its end can be waited for; jobs are acted on by a filter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::jobs::{self, ActResult, JobFilter, JobStatus, Reschedule};
use mainspring::{NewJob, Scheduler, Waited};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::proxy::Mode;
use crate::support::rows::count;
use crate::support::waiting::{in_time_once, until, until_at_least};
use crate::waits::through_proxy;

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_job_is_found_in_every_state_and_after_its_end() {
    let database = TestDatabase::new();
    let gate = Arc::new(Semaphore::new(0));
    let scheduler =
        Scheduler::builder(database.url()).handler(behave).app_data(Arc::clone(&gate)).start().await.unwrap();
    let jobs = scheduler.jobs();
    let state = async |id| jobs.get(id).await.unwrap().map(|job| job.state);

    let later = scheduler.enqueue(act("later").run_in(LONG)).await.unwrap();
    assert_eq!(state(later).await, Some(JobStatus::Scheduled));
    let running = scheduler.enqueue(act("at gate").key("k")).await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'running'", 1).await;
    assert_eq!(state(running).await, Some(JobStatus::Running));
    gate.add_permits(1);
    let Waited::Ended(done) = jobs.wait(running, LONG).await.unwrap() else { panic!() };
    assert_eq!((done.id, done.task.as_str(), done.state), (running, "act", JobStatus::Succeeded));
    assert_eq!((done.attempts, done.key.as_deref(), done.last_error.as_deref()), (1, Some("k"), None));
    assert!(done.finished_at >= done.started_at && done.started_at.is_some());

    assert_eq!(jobs.cancel([later], Some("no use")).await.unwrap()[0].result, ActResult::Cancelled);
    let Waited::Ended(cancelled) = jobs.wait(later, LONG).await.unwrap() else { panic!() };
    assert_eq!((cancelled.state, cancelled.reason.as_deref()), (JobStatus::Cancelled, Some("no use")));

    let dead = scheduler.enqueue(act("fail").max_attempts(1)).await.unwrap();
    let Waited::Ended(dead) = jobs.wait(dead, LONG).await.unwrap() else { panic!() };
    assert_eq!((dead.state, dead.state.is_over()), (JobStatus::Dead, true));
    assert!(dead.last_error.unwrap().contains("disk on fire") && dead.finished_at.is_some());

    let removed = scheduler.enqueue(act("removed").run_in(LONG)).await.unwrap();
    jobs.delete([removed]).await.unwrap();
    assert_eq!(state(removed).await, None);
    assert_eq!(jobs.wait(removed, LONG).await.unwrap(), Waited::Gone);
    scheduler.stop().await;
    assert!(jobs.wait(removed, LONG).await.is_err());
}

#[tokio::test]
async fn a_job_of_another_process_is_waited_for_by_many_who_share_their_looks() {
    let database = TestDatabase::new();
    let gate = Arc::new(Semaphore::new(0));
    // Without a handler, so that the other one runs the job.
    let waiting = Scheduler::builder(database.url()).start().await.unwrap();
    let working =
        Scheduler::builder(database.url()).handler(behave).app_data(Arc::clone(&gate)).start().await.unwrap();
    let id = waiting.enqueue(act("at gate")).await.unwrap();
    let early = waiting.jobs().wait(id, Duration::ZERO).await.unwrap();
    assert!(matches!(early, Waited::TimedOut(job) if job.id == id && !job.state.is_over()));
    let waits: Vec<_> = (0..200)
        .map(|_| {
            let jobs = waiting.jobs();
            tokio::spawn(async move { jobs.wait(id, LONG).await })
        })
        .collect();
    // One of those that wait is dropped with its look.
    waits[0].abort();
    until(&database, "mainspring.jobs WHERE state = 'running'", 1).await;
    gate.add_permits(1);
    for wait in waits.into_iter().skip(1) {
        assert!(
            matches!(wait.await.unwrap().unwrap(), Waited::Ended(job) if job.state == JobStatus::Succeeded)
        );
    }
    waiting.stop().await;
    working.stop().await;
}

#[tokio::test]
async fn a_delay_counts_by_the_clock_of_the_database() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let jobs = [
        NewJob::new("t", &json!({})).run_in(Duration::from_micros(3_600_000_500)),
        NewJob::new("t", &json!({})).run_in(Duration::ZERO),
        NewJob::new("t", &json!({})).run_at(Utc::now() + TimeDelta::days(1)).run_in(Duration::from_secs(60)),
        NewJob::new("t", &json!({})).run_in(Duration::from_secs(60)).run_at(Utc::now() - TimeDelta::days(1)),
        NewJob::new("t", &json!({})).run_in(Duration::from_secs(60)).key("k"),
    ];
    jobs::insert_many(&mut conn, &jobs).unwrap();
    for (delay, rows) in [("1 hour 0.0005 seconds", 1), ("0", 1), ("1 minute", 2)] {
        let exactly = format!("mainspring.jobs WHERE run_at = created_at + interval '{delay}'");
        assert_eq!(count(&mut conn, &exactly), rows, "{delay}");
    }
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'scheduled'"), 3);
    // A handler's process starts no job at once that has a delay.
    let scheduler = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
    let id = scheduler.enqueue(act("later").run_in(LONG)).await.unwrap();
    assert_eq!(scheduler.jobs().get(id).await.unwrap().unwrap().state, JobStatus::Scheduled);
    scheduler.stop().await;
}

#[tokio::test]
async fn jobs_are_acted_on_by_a_filter_and_a_maximum() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "INSERT INTO mainspring.jobs (task, state, run_at, attempts, max_attempts) \
         SELECT CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END, 'dead', now(), 1, 1 FROM generate_series(1, 5000) AS n",
    )
    .unwrap();
    let scheduler = Scheduler::builder(database.url()).start().await.unwrap();
    let jobs = scheduler.jobs();
    let of = |task: &str| {
        let mut filter = JobFilter::new();
        filter.task = Some(task.into());
        filter
    };
    let retried = jobs.retry_where(of("even"), 1_500, None).await.unwrap();
    assert_eq!((retried.jobs(), retried.done()), (1_500, 1_500));
    assert_eq!(
        count(&mut conn, "mainspring.jobs WHERE task = 'even' AND state = 'ready' AND id <= 3000"),
        1_500
    );
    let later = Reschedule::new().run_at(Utc::now() + TimeDelta::days(1)).attempts(0);
    assert_eq!(jobs.reschedule_where(of("odd"), u64::MAX, later).await.unwrap().done(), 2_500);
    // The dead ones stay as they are.
    let cancelled = jobs.cancel_where(of("even"), u64::MAX, Some("out of date")).await.unwrap();
    assert_eq!((cancelled.jobs(), cancelled.done()), (2_500, 1_500));
    assert_eq!(jobs.delete_where(of("odd"), u64::MAX).await.unwrap().done(), 2_500);
    assert_eq!(jobs.delete_where(of("nothing"), u64::MAX).await.unwrap().jobs(), 0);
    scheduler.stop().await;
    assert_eq!(count(&mut conn, "mainspring.jobs"), 1_000);
}

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text)]
    plan: String,
}

fn blocks_read(conn: &mut PgConnection, id: i64) -> i64 {
    conn.batch_execute(
        "CREATE OR REPLACE FUNCTION pg_temp.explained(id bigint) RETURNS text LANGUAGE plpgsql AS $$ DECLARE plan text; BEGIN \
         EXECUTE format('EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM mainspring.find_job(%s)', id) INTO plan; \
         RETURN plan; END $$",
    )
    .unwrap();
    let explained = format!("SELECT pg_temp.explained({id}) AS plan");
    let Plan { plan } = sql_query(explained).get_result(conn).unwrap();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let read = |name: &str| plan[0]["Plan"][name].as_i64().unwrap();
    assert_eq!(plan[0]["Plan"]["Actual Rows"].as_f64(), Some(1.0), "{plan}");
    read("Shared Hit Blocks") + read("Shared Read Blocks")
}

#[test]
fn a_finished_job_is_found_among_many_by_reading_few_blocks() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    // Each twentieth job ended long after those that were added with it.
    conn.batch_execute(
        "SELECT mainspring.prepare_history(); \
         INSERT INTO mainspring.history (finished_at, created_at, run_at, id, priority, attempts, outcome, task) \
         SELECT now(), now(), now(), CASE WHEN n % 20 = 0 THEN n / 20 ELSE n + 1000000 END, 0, 1, 'succeeded', 't' \
         FROM generate_series(1, 300000) AS n; SELECT mainspring.index_history()",
    )
    .unwrap();
    let pages = count(
        &mut conn,
        "generate_series(1, (SELECT sum(pg_relation_size(inhrelid)) / 8192 FROM pg_inherits \
         WHERE inhparent = 'mainspring.history'::regclass)::bigint)",
    );
    // The first look fills the caches of the session.
    blocks_read(&mut conn, 1_150_001);
    for id in [1_000_001, 1_150_001, 1_299_999, 7, 14_999] {
        let read = blocks_read(&mut conn, id);
        assert!(read * 8 < pages, "job {id}: {read} of {pages} pages");
        assert_eq!(jobs::get(&mut conn, id).unwrap().unwrap().state, JobStatus::Succeeded);
    }
    assert!(jobs::get(&mut conn, 999_999).unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_returns_in_time_while_the_database_does_not_reply() {
    const TIME: Duration = Duration::from_secs(2);
    in_time_once(async || {
        let database = TestDatabase::new();
        let (proxy, url) = through_proxy(&database.url());
        let scheduler = Scheduler::builder(&url).worker_threads(1).start().await.unwrap();
        let id = scheduler.enqueue(act("later").run_in(LONG)).await.unwrap();
        let jobs = scheduler.jobs();
        let began = Instant::now();
        let wait = tokio::spawn(async move { jobs.wait(id, TIME).await });
        until_at_least(
            &database,
            "pg_stat_activity WHERE state = 'idle' AND query LIKE '%i(id) CROSS JOIN LATERAL%'",
            1,
        )
        .await;
        proxy.set(Mode::Drop);
        // The server has replied to the only look, and the reply may have come to nobody.
        let Ok(waited) = wait.await.unwrap() else {
            scheduler.stop_within(Duration::ZERO).await;
            return false;
        };
        let in_time = began.elapsed() < TIME + Duration::from_secs(1);
        assert!(matches!(waited, Waited::TimedOut(job) if job.id == id && job.state == JobStatus::Scheduled));
        // A job that was never seen is an error, after the time of one look.
        let began = Instant::now();
        let unseen = scheduler.jobs().wait(id, Duration::ZERO).await;
        assert!(unseen.is_err(), "{unseen:?}");
        let in_time = in_time && began.elapsed() < Duration::from_secs(2);
        scheduler.stop_within(Duration::ZERO).await;
        in_time
    })
    .await;
}
