//! Effects in the transaction that completes the job happen exactly once, whatever is killed meanwhile.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{RunQueryDsl, sql_query};
use mainspring::{Enqueue, JobContext, JobError, JobResult, NewJob, Scheduler, SchedulerBuilder, Task};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::process::{self, Process};
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

/// Books itself in the ledger, with as many followers as it has left.
#[derive(Serialize, Deserialize)]
struct Book {
    number: i64,
    followers: i64,
}
impl Task for Book {
    const NAME: &'static str = "book";
}

async fn book(task: Book, job: JobContext) -> JobResult {
    job.transaction(move |conn| {
        sql_query("INSERT INTO ledger VALUES ($1, $2)")
            .bind::<BigInt, _>(task.number)
            .bind::<BigInt, _>(task.followers)
            .execute(&mut **conn)?;
        if task.followers > 0 {
            Enqueue::new(Book { followers: task.followers - 1, ..task }).insert(conn)?;
        }
        // The elapsed time is the point: room for a kill between the effect and the commit.
        conn.batch_execute("SELECT pg_sleep(0.003)")?;
        Ok(())
    })
    .await
}

fn worker(url: String) -> SchedulerBuilder {
    Scheduler::builder(url).heartbeat_timeout(Duration::from_millis(1_500)).concurrency(16).handler(book)
}

/// Not a test of its own: the process that another test starts and kills.
#[tokio::test]
#[ignore = "a helper process of `a_ledger_is_exact_while_processes_are_killed`"]
async fn helper_process_that_books() {
    let Some(url) = process::given_url() else { return };
    let _scheduler = worker(url).start().await.unwrap();
    std::future::pending::<()>().await;
}

fn helper(database: &TestDatabase) -> Process {
    Process::start(&mut process::command("exactly_once::helper_process_that_books", &database.url()))
}

#[tokio::test]
async fn a_ledger_is_exact_while_processes_are_killed() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute("CREATE TABLE ledger (number bigint, followers bigint)").unwrap();
    let jobs: Vec<NewJob> = (0..300)
        .map(|number| NewJob::try_from(Enqueue::new(Book { number, followers: 3 })).unwrap())
        .collect();
    for job in jobs {
        job.insert(&mut conn).unwrap();
    }
    let mut victims = vec![helper(&database), helper(&database)];
    for booked in [100, 250, 400, 550, 700] {
        until_at_least(&database, "ledger", booked).await;
        victims.remove(0).kill();
        victims.push(helper(&database));
    }
    until(&database, "mainspring.jobs", 0).await;
    drop(victims);
    assert_eq!(count(&mut conn, "ledger"), 1_200);
    assert_eq!(count(&mut conn, "(SELECT DISTINCT number, followers FROM ledger) AS once"), 1_200);
    assert_eq!(count(&mut conn, "mainspring.history WHERE outcome = 'succeeded'"), 1_200);
    assert!(count(&mut conn, "mainspring.history WHERE deaths > 0") > 0, "no kill hit a job");
}

/// Tries what must not be stored.
#[derive(Serialize, Deserialize)]
struct Trick {
    how: String,
}
impl Task for Trick {
    const NAME: &'static str = "trick";
}

async fn trick(task: Trick, job: JobContext) -> JobResult {
    let how = task.how.clone();
    let (id, first) = (job.id(), job.attempt() == 1);
    job.transaction(move |conn| {
        sql_query("INSERT INTO ledger VALUES ($1, 0)").bind::<BigInt, _>(id).execute(&mut **conn)?;
        if how == "lose the lease" && first {
            // Another has it now.
            sql_query("UPDATE mainspring.jobs SET lease = lease + 1 WHERE id = $1")
                .bind::<BigInt, _>(id)
                .execute(&mut **conn)?;
        }
        if how == "fail inside" && first { Err(JobError::discard("in the middle")) } else { Ok(()) }
    })
    .await?;
    if task.how == "twice" {
        job.transaction(move |conn| {
            sql_query("INSERT INTO ledger VALUES ($1, 0)").bind::<BigInt, _>(id).execute(&mut **conn)?;
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_stored_unless_all_of_it_is() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute("CREATE TABLE ledger (number bigint, followers bigint)").unwrap();
    let scheduler = Scheduler::builder(database.url()).handler(trick).start().await.unwrap();
    for (how, booked, left) in [
        ("plain", 1, "false"),
        ("fail inside", 0, "state = 'dead' AND last_error = 'in the middle'"),
        (
            "lose the lease",
            0,
            "state = 'scheduled' AND last_error LIKE 'the job is no longer this worker''s%'",
        ),
        ("twice", 1, "false"),
    ] {
        let id = scheduler.enqueue(Enqueue::new(Trick { how: how.into() })).await.unwrap();
        let left_behind = i64::from(left != "false");
        until(&database, &format!("mainspring.jobs WHERE id = {id} AND NOT ({left})"), 0).await;
        until(&database, &format!("mainspring.jobs WHERE id = {id}"), left_behind).await;
        assert_eq!(count(&mut conn, &format!("ledger WHERE number = {id}")), booked, "{how}");
    }
    scheduler.stop().await;
}
