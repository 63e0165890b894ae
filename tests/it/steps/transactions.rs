//! Steps in a transaction: the effect and the memory of it are stored together or not at all.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{RunQueryDsl, sql_query};
use mainspring::{Enqueue, JobContext, JobError, JobResult, Scheduler, Session, StepError, Task};
use serde::{Deserialize, Serialize};

use super::stored;
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::rows::count;
use crate::support::waiting::until;

/// Books, adds a job, and fails in the middle of its second step in the first attempt.
#[derive(Serialize, Deserialize)]
struct Book {}
impl Task for Book {
    const NAME: &'static str = "book";
}

fn enter(conn: &mut Session<'_>, job: i64) -> Result<usize, JobError> {
    Ok(sql_query("INSERT INTO ledger VALUES ($1)").bind::<BigInt, _>(job).execute(&mut **conn)?)
}

async fn book(_: Book, job: JobContext) -> JobResult {
    let (id, is_first) = (job.id(), job.attempt() == 1);
    let lines = job.step_in_transaction("debit", move |conn| {
        act("of a step").insert(conn)?;
        enter(conn, id)
    });
    assert_eq!(lines.await?, 1);
    let credit = job.step_in_transaction("credit", move |conn| {
        act("of a step").insert(conn)?;
        let lines = enter(conn, id)?;
        if is_first { Err(JobError::retry_in(Duration::ZERO, "no such account")) } else { Ok(lines) }
    });
    match credit.await {
        Ok(_) => Ok(()),
        Err(StepError::Failed(failure)) => {
            // The same step may be tried again in the attempt.
            let again = job.step_in_transaction("credit", |_| Err::<u8, _>(JobError::from("no")));
            assert!(matches!(again.await, Err(StepError::Failed(_))));
            Err(failure)?
        }
        Err(other) => Err(other)?,
    }
}

#[tokio::test]
async fn a_step_that_fails_in_a_transaction_leaves_nothing_behind() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    conn.batch_execute("CREATE TABLE ledger (job bigint)").unwrap();
    let builder = Scheduler::builder(database.url()).handler(book).handler(behave);
    let scheduler = builder.start().await.unwrap();
    let id = scheduler.enqueue(Enqueue::new(Book {})).await.unwrap();
    until(&database, &format!("mainspring.history WHERE id = {id} AND attempts = 2"), 1).await;
    assert_eq!(count(conn, "ledger"), 2, "one line of each step");
    until(&database, "mainspring.history WHERE task = 'act'", 2).await;
    assert_eq!(count(conn, "mainspring.jobs"), 0);
    until(&database, "mainspring.steps", 0).await;
    assert_eq!(stored(conn), 0);
    scheduler.stop().await;
}
