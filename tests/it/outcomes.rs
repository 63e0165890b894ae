//! What handlers return, for callers who wait and for the jobs that come after.

mod follow;
mod keeping;
mod parents;
mod ways;

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::jobs::JobStatus;
use mainspring::{Enqueue, JobContext, JobError, OutcomeError, Scheduler, SchedulerBuilder, Task, Waited};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::{PATIENCE, until};

/// Returns what it is told to.
#[derive(Debug, Serialize, Deserialize)]
struct Double {
    number: i64,
}
impl Task for Double {
    const NAME: &'static str = "double";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Doubled {
    number: i64,
    twice: i64,
}

async fn double(task: Double, _: JobContext) -> Result<Doubled, JobError> {
    match task.number {
        number if number < 0 => Err("negative".into()),
        number => Ok(Doubled { number, twice: 2 * number }),
    }
}

fn of(number: i64) -> Enqueue<Double> {
    Enqueue::new(Double { number })
}

fn doubler(database: &TestDatabase) -> SchedulerBuilder {
    Scheduler::builder(database.url()).handler(double)
}

#[tokio::test]
async fn a_caller_gets_what_the_handler_returned() {
    let database = TestDatabase::new();
    let scheduler = doubler(&database).start().await.unwrap();
    let outcome = of(21).wait(&scheduler, PATIENCE).await.unwrap();
    assert_eq!(outcome.value(), Ok(Doubled { number: 21, twice: 42 }));
    assert_eq!((outcome.state, outcome.json()), (JobStatus::Succeeded, Some(r#"{"number":21,"twice":42}"#)));
    let again = scheduler.jobs().outcome(outcome.id).await.unwrap();
    assert_eq!(again.as_ref(), Some(&outcome), "a job that has ended before");
    let text: OutcomeError = outcome.value::<String>().unwrap_err();
    assert!(!text.to_string().contains("42"), "{text}");
    let sql =
        format!("(SELECT mainspring.result_of({}) ->> 'twice' AS twice) AS r WHERE twice = '42'", outcome.id);
    assert_eq!(count(&mut database.connection(), &sql), 1);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_job_of_another_process_has_an_outcome_too() {
    let database = TestDatabase::new();
    let client = doubler(&database).connect().await.unwrap();
    let early = of(3).wait(&client, Duration::ZERO).await.unwrap();
    assert_eq!(early.state, JobStatus::Ready);
    let error = early.value::<Doubled>().unwrap_err();
    assert_eq!(error.to_string(), format!("job {} has no value yet: it is ready", early.id));
    let worker = doubler(&database).start().await.unwrap();
    let late = client.jobs().wait_for_outcome(early.id, PATIENCE).await.unwrap();
    assert_eq!(late.value::<Doubled>().map(|doubled| doubled.twice), Ok(6));
    worker.stop().await;
    client.stop().await;
}

#[tokio::test]
async fn a_job_that_fails_has_its_error_and_no_value() {
    let database = TestDatabase::new();
    let scheduler = doubler(&database).start().await.unwrap();
    let outcome = of(-1).wait(&scheduler, PATIENCE).await.unwrap();
    assert_eq!((outcome.state, outcome.error.as_deref()), (JobStatus::Dead, Some("negative")));
    let error = outcome.value::<Doubled>().unwrap_err();
    assert_eq!(error.to_string(), format!("job {} has no value: it is dead: negative", outcome.id));
    assert_eq!(count(&mut database.connection(), "mainspring.results"), 0);
    assert_eq!(scheduler.jobs().outcome(4_711).await.unwrap(), None, "no such job");
    scheduler.stop().await;
}

#[tokio::test]
async fn without_a_history_the_value_shows_that_a_job_has_succeeded() {
    let database = TestDatabase::new();
    let scheduler = doubler(&database).history_retention(Duration::ZERO).start().await.unwrap();
    let outcome = of(5).wait(&scheduler, PATIENCE).await.unwrap();
    assert_eq!(outcome.value::<Doubled>().map(|doubled| doubled.twice), Ok(10));
    scheduler.stop().await;
}

#[tokio::test]
async fn a_thousand_waiters_need_no_connection_of_their_own() {
    let database = TestDatabase::new();
    let worker = doubler(&database).start().await.unwrap();
    let client = Scheduler::builder(database.url()).worker_name("callers").connect().await.unwrap();
    let mut waits = Vec::new();
    for number in 0..1_000 {
        let client = client.clone();
        waits.push(tokio::spawn(async move {
            of(number).wait(&client, PATIENCE).await.unwrap().value::<Doubled>()
        }));
    }
    // A caller who is gone leaves nothing behind, and its job runs all the same.
    waits.split_off(900).into_iter().for_each(|wait| wait.abort());
    let (mut most, conn) = (0, &mut database.connection());
    let sessions =
        "pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%callers%'";
    for (number, wait) in waits.into_iter().enumerate() {
        assert_eq!(wait.await.unwrap().unwrap().twice, 2 * number as i64);
        if number % 100 == 0 {
            most = most.max(count(conn, sessions));
        }
    }
    assert!((1..=6).contains(&most), "{most} sessions");
    client.stop().await;
    worker.stop().await;
}

#[tokio::test]
async fn waiters_who_leave_in_the_middle_of_a_look_begin_no_other() {
    let database = TestDatabase::new();
    let client = doubler(&database).connect().await.unwrap();
    let id = client.enqueue(of(1)).await.unwrap();
    let mut holder = database.connection();
    holder.batch_execute("BEGIN; LOCK mainspring.jobs").unwrap();
    let wait = || {
        let jobs = client.jobs();
        tokio::spawn(async move { jobs.wait(id, PATIENCE).await })
    };
    let waits: Vec<_> = (0..50).map(|_| wait()).collect();
    let held = "pg_locks WHERE NOT granted AND relation = 'mainspring.jobs'::regclass";
    until(&database, held, 1).await;
    for wait in waits {
        wait.abort();
        assert!(wait.await.unwrap_err().is_cancelled());
    }
    let last = wait();
    // A look of its own would be there by now: each of those above had time to begin one.
    assert_eq!(count(&mut database.connection(), held), 1);
    holder.batch_execute("ROLLBACK").unwrap();
    let worker = doubler(&database).start().await.unwrap();
    assert!(matches!(last.await.unwrap(), Ok(Waited::Ended(_))));
    worker.stop().await;
    client.stop().await;
}
