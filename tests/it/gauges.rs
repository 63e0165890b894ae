//! The gauges of a running scheduler: every process knows them, and rights to read suffice to see them.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::gauges::{self, Gauges};
use mainspring::{JobState, Scheduler};

use crate::cli::{answer, json, on};
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

pub async fn known(scheduler: &Scheduler) -> Arc<Gauges> {
    loop {
        if let Some(gauges) = scheduler.gauges() {
            return gauges;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = Text)]
    shown: String,
}

#[tokio::test]
async fn every_process_knows_the_sample_that_one_of_them_took() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    conn.batch_execute(
        "SELECT mainspring.add_job('unknown'), mainspring.add_job('act', run_at => now() + interval '1 day')",
    )
    .unwrap();
    let start = || Scheduler::builder(database.url()).handler(behave).start();
    let (first, second) = (start().await.unwrap(), start().await.unwrap());
    let (one, other) = (known(&first).await, known(&second).await);
    assert_eq!((one.jobs_in(JobState::Ready), one.jobs_in(JobState::Scheduled)), (1, 1));
    assert_eq!(one.sampled_at, other.sampled_at, "the second one had no reason to sample");
    assert_eq!(*one, gauges::read(conn).unwrap().unwrap());
    second.stop().await;
    // A job that waits keeps a process sampling.
    conn.batch_execute("UPDATE mainspring.sample SET sampled_at = 'epoch', gauges = '{}'").unwrap();
    until(&database, "mainspring.gauges_view WHERE task = 'unknown' AND gauge = 'jobs' AND value = 1 AND measured = 'exact'", 1)
        .await;
    first.stop().await;
    assert!(first.gauges().is_some(), "the last sample outlives the scheduler");
}

#[tokio::test]
async fn people_read_the_sample_without_reading_jobs() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let before = answer(on(&database, &["gauges"]));
    assert_eq!((before.trim(), gauges::read(conn).unwrap()), ("no scheduler has sampled yet", None));
    assert!(json(on(&database, &["gauges", "--json"])).is_null());
    conn.batch_execute("SELECT mainspring.add_job('a\ttab'), mainspring.add_job('b', queue => 'q'), mainspring.sample_gauges()")
        .unwrap();
    // The view holds under a lock that would stop every reader of jobs.
    let mut blocking = database.connection();
    blocking.batch_execute("BEGIN; LOCK TABLE mainspring.jobs").unwrap();
    let query = "SELECT string_agg(concat_ws(' ', gauge, state, task, queue, value), '; ' ORDER BY gauge, state, task, queue) AS shown \
         FROM mainspring.gauges_view WHERE value > 0 AND gauge IN ('jobs', 'parked_jobs')";
    let shown: Shown = sql_query(query).get_result(conn).unwrap();
    assert_eq!(shown.shown, "jobs parked b 1; jobs ready a\ttab 1; parked_jobs q 1");
    let table = answer(on(&database, &["gauges"]));
    assert!(table.contains("STATE") && table.contains("parked  b") && table.contains("q      1"), "{table}");
    blocking.batch_execute("COMMIT").unwrap();
    assert_eq!(count(conn, "mainspring.sample"), 1);
}

#[tokio::test]
async fn statistics_and_gauges_are_stored_together() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
    known(&scheduler).await;
    database
        .connection()
        .batch_execute("UPDATE mainspring.sample SET sampled_at = 'epoch', gauges = '{}'")
        .unwrap();
    scheduler.enqueue(act("succeed")).await.unwrap();
    until_at_least(&database, "mainspring.stats WHERE succeeded = 1", 1).await;
    assert_eq!(count(&mut database.connection(), "mainspring.sample WHERE gauges ? 'workers'"), 1);
    scheduler.stop().await;
}
