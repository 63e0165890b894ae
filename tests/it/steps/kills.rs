//! A ledger that is kept by steps in transactions is exact while processes are killed.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{RunQueryDsl, sql_query};
use mainspring::{Enqueue, JobContext, JobResult, NewJob, Scheduler, Task};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::process::{self, Process};
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

/// Three lines of a ledger, one by each step.
#[derive(Serialize, Deserialize)]
struct Transfer {
    number: i64,
}
impl Task for Transfer {
    const NAME: &'static str = "transfer";
}

async fn transfer(task: Transfer, job: JobContext) -> JobResult {
    for step in ["debit", "credit", "note"] {
        let number = task.number;
        let entered = job.step_in_transaction(step, move |conn| {
            sql_query("INSERT INTO ledger VALUES ($1, $2)")
                .bind::<BigInt, _>(number)
                .bind::<Text, _>(step)
                .execute(&mut **conn)?;
            // The elapsed time is the point: room for a kill between the effect and the commit.
            conn.batch_execute("SELECT pg_sleep(0.003)")?;
            Ok(format!("{number} {step}"))
        });
        assert_eq!(entered.await?, format!("{number} {step}"));
    }
    Ok(())
}

/// Not a test of its own: the process that another test starts and kills.
#[tokio::test]
#[ignore = "a helper process of `each_step_has_one_effect_while_processes_are_killed`"]
async fn helper_process_that_transfers() {
    let Some(url) = process::given_url() else { return };
    let builder = Scheduler::builder(url).heartbeat_timeout(Duration::from_millis(1_500)).concurrency(16);
    let _scheduler = builder.handler(transfer).start().await.unwrap();
    std::future::pending::<()>().await;
}

fn helper(database: &TestDatabase) -> Process {
    Process::start(&mut process::command("steps::kills::helper_process_that_transfers", &database.url()))
}

#[tokio::test]
async fn each_step_has_one_effect_while_processes_are_killed() {
    const JOBS: i64 = 400;
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute("CREATE TABLE ledger (number bigint, step text)").unwrap();
    for number in 0..JOBS {
        NewJob::try_from(Enqueue::new(Transfer { number })).unwrap().insert(&mut conn).unwrap();
    }
    let mut victims = vec![helper(&database), helper(&database)];
    for entered in [100, 300, 500, 700, 900] {
        until_at_least(&database, "ledger", entered).await;
        victims.remove(0).kill();
        victims.push(helper(&database));
    }
    until(&database, "mainspring.jobs", 0).await;
    until(&database, "mainspring.steps", 0).await;
    drop(victims);
    assert_eq!(count(&mut conn, "ledger"), 3 * JOBS);
    assert_eq!(count(&mut conn, "(SELECT DISTINCT number, step FROM ledger) AS once"), 3 * JOBS);
    assert_eq!(count(&mut conn, "mainspring.history WHERE outcome = 'succeeded'"), JOBS);
    assert!(count(&mut conn, "mainspring.history WHERE deaths > 0") > 0, "no kill hit a job");
}
