//! A scheduler is killed in the middle of a job: another rescues the job, and its effect happens once.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::jobs::JobStatus;
use mainspring::testing::{TestDatabase, TestScheduler};
use mainspring::{Enqueue, JobContext, JobResult, Scheduler};

use tokio::sync::Semaphore;

use crate::app::{Gate, Mail, Pay, Starts, mail, scheduler};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn migrate(conn: &mut PgConnection) {
    conn.batch_execute("CREATE TABLE payments (invoice integer)").unwrap();
}

fn payments(jobs: &TestScheduler) -> i64 {
    let counted = sql_query("SELECT count(*) AS count FROM payments");
    counted.get_result::<Count>(&mut jobs.database().connect().unwrap()).unwrap().count
}

/// The scheduler, and the starts of payments: one permit each.
async fn started() -> (TestScheduler, Arc<Starts>) {
    let (database, starts) =
        (TestDatabase::migrated_by(migrate).unwrap(), Arc::new(Starts(Semaphore::new(0))));
    let own = Arc::clone(&starts);
    let builder = move |url: &str| scheduler(url).without_cron().app_data(Arc::clone(&own));
    (TestScheduler::start_on(database, builder).await.unwrap(), starts)
}

#[actix_web::test]
async fn a_job_of_a_killed_scheduler_is_rescued_when_its_lease_is_over() {
    let (jobs, starts) = started().await;
    let pay = Pay { invoice: 7, at_gate: Gate::BeforePaying };
    let id = jobs.scheduler().enqueue(Enqueue::new(pay)).await.unwrap();
    tokio::select! {
        ended = jobs.run_one::<Pay>() => panic!("the job waits at its gate: {ended:?}"),
        () = starts.next() => {}
    }
    jobs.crash().await.unwrap();
    let job = jobs.scheduler().jobs().require(id).await.unwrap();
    assert_eq!(job.state, JobStatus::Running, "nobody has given it back");
    assert_eq!((jobs.drain().await.unwrap().attempts.len(), payments(&jobs)), (0, 0));
    tokio::select! {
        run = jobs.advance(Duration::from_secs(10)) => panic!("it waits at its gate again: {run:?}"),
        () = starts.next() => {}
    }
    jobs.crash().await.unwrap();
    assert_eq!(payments(&jobs), 0);
}

#[actix_web::test]
async fn an_effect_in_the_transaction_of_the_job_happens_once() {
    let (jobs, _starts) = started().await;
    let pay = Pay { invoice: 7, at_gate: Gate::AfterPaying };
    let id = jobs.scheduler().enqueue(Enqueue::new(pay)).await.unwrap();
    tokio::select! {
        ended = jobs.run_one::<Pay>() => panic!("the job waits at its gate: {ended:?}"),
        () = paid(&jobs) => {}
    }
    jobs.crash().await.unwrap();
    let run = jobs.advance(Duration::from_secs(60)).await.unwrap();
    assert_eq!((run.of::<Pay>().count(), payments(&jobs)), (0, 1), "{run}");
    let job = jobs.scheduler().jobs().get(id).await.unwrap();
    assert_eq!(job.map(|job| job.state), Some(JobStatus::Succeeded));
}

async fn paid(jobs: &TestScheduler) {
    while payments(jobs) == 0 {
        tokio::task::yield_now().await;
    }
}

async fn hold_transaction(_: Mail, job: JobContext) -> JobResult {
    let mut conn = job.connection().await?;
    conn.batch_execute("BEGIN; INSERT INTO payments VALUES (1)")?;
    std::future::pending::<()>().await;
    Ok(())
}

#[actix_web::test]
async fn what_a_handler_had_not_committed_is_rolled_back() {
    let database = TestDatabase::migrated_by(migrate).unwrap();
    let jobs = TestScheduler::start_on(database, |url| Scheduler::builder(url).handler(hold_transaction));
    let jobs = jobs.await.unwrap();
    let id = jobs.scheduler().enqueue(mail("a@example.org")).await.unwrap();
    tokio::select! {
        ended = jobs.run_one::<Mail>() => panic!("the job never ends: {ended:?}"),
        running = jobs.wait_for(id, JobStatus::Running) => running.unwrap(),
    }
    jobs.crash().await.unwrap();
    assert_eq!(payments(&jobs), 0);
    // No session of the dead scheduler holds a lock.
    jobs.database().connect().unwrap().batch_execute("SET lock_timeout = '1s'; TRUNCATE payments").unwrap();
}
