//! An attempt that has lost its lease stores no step. One that does not know whether a step is stored does no other.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, RunQueryDsl, sql_query};
use mainspring::{Enqueue, JobContext, JobError, JobResult, Scheduler, StepError, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::stored;
use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

/// Loses its lease before, in or after the step.
#[derive(Serialize, Deserialize)]
struct Lose {
    when: String,
}
impl Task for Lose {
    const NAME: &'static str = "lose";
}

const LOSE: &str = "UPDATE mainspring.jobs SET lease = lease + 1 WHERE id = $1";

async fn lose_lease(job: &JobContext) -> JobResult {
    let (mut conn, id) = (job.connection().await?, job.id());
    job.block(move || sql_query(LOSE).bind::<BigInt, _>(id).execute(&mut *conn)).await?;
    Ok(())
}

async fn lose(task: Lose, job: JobContext) -> JobResult {
    if task.when == "before" {
        lose_lease(&job).await?;
    }
    let in_closure = task.when == "in";
    let done = if task.when == "in a transaction" {
        let id = job.id();
        let charge = move |conn: &mut mainspring::Session<'_>| {
            sql_query("INSERT INTO ledger VALUES ($1)").bind::<BigInt, _>(id).execute(&mut **conn)?;
            sql_query(LOSE).bind::<BigInt, _>(id).execute(&mut **conn)?;
            Ok(1)
        };
        job.step_in_transaction("charge", charge).await
    } else {
        let charge = async || {
            if in_closure {
                lose_lease(&job).await?;
            }
            Ok(1)
        };
        job.step("charge", charge).await
    };
    let lost = matches!(&done, Err(StepError::LeaseLost { step, .. }) if step == "charge");
    let _ = job.data::<tokio::sync::mpsc::UnboundedSender<bool>>().send(lost);
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_has_lost_its_lease_stores_no_step() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    conn.batch_execute("CREATE TABLE ledger (job bigint)").unwrap();
    let (sender, mut lost) = crate::support::waiting::reports(&database.url());
    let builder = Scheduler::builder(database.url()).handler(lose).app_data(sender);
    let scheduler = builder.start().await.unwrap();
    for when in ["before", "in", "in a transaction"] {
        scheduler.enqueue(Enqueue::new(Lose { when: when.into() }).max_attempts(1)).await.unwrap();
        assert!(lost.next().await, "{when}");
        assert_eq!((stored(conn), count(conn, "ledger")), (0, 0), "{when}");
    }
    scheduler.stop().await;
}

/// Drops its first step while that is being stored, in its first attempt.
#[derive(Serialize, Deserialize)]
struct Drops {}
impl Task for Drops {
    const NAME: &'static str = "drops";
}

async fn drops(_: Drops, job: JobContext) -> JobResult {
    if job.attempt() > 1 {
        job.step("first", || async { Ok(2) }).await?;
        return Ok(job.step("second", || async { Ok(2) }).await.map(drop)?);
    }
    let dropped = Arc::clone(job.data::<Arc<Semaphore>>());
    tokio::select! {
        done = job.step("first", || async { Ok(1) }) => panic!("it is stored: {done:?}"),
        _ = dropped.acquire() => {}
    }
    let second = job.step("second", || async { Ok(1) }).await.unwrap_err();
    Err(JobError::retry_in(Duration::ZERO, second.to_string()))
}

fn wait_at_lock(words: &str) -> String {
    format!(
        "pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{words}%' AND pid <> pg_backend_pid()"
    )
}

#[tokio::test]
async fn a_step_that_was_dropped_while_it_was_stored_ends_the_attempt() {
    let database = TestDatabase::new();
    let (conn, mut locked) = (&mut database.connection(), database.connection());
    let dropped = Arc::new(Semaphore::new(0));
    let builder = Scheduler::builder(database.url()).handler(drops).app_data(Arc::clone(&dropped));
    let scheduler = builder.start().await.unwrap();
    lock_steps(&mut locked);
    scheduler.enqueue(Enqueue::new(Drops {})).await.unwrap();
    until_at_least(&database, &wait_at_lock("add_step"), 1).await;
    dropped.add_permits(1);
    let failed = "mainspring.jobs WHERE last_error LIKE \
        'step `second` is refused: it is not known whether `first` is stored%'";
    until(&database, failed, 1).await;
    locked.batch_execute("ROLLBACK").unwrap();
    until(&database, "mainspring.history WHERE attempts = 2", 1).await;
    until(&database, &wait_at_lock("add_step"), 0).await;
    assert_eq!(count(conn, "mainspring.history"), 1);
    scheduler.stop().await;
}

// Steps can be read, and none can be stored.
fn lock_steps(conn: &mut PgConnection) {
    conn.batch_execute("BEGIN; LOCK TABLE mainspring.steps IN SHARE MODE").unwrap();
}
