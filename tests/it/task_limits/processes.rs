//! The limit of a task over processes that are killed and started.

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::{JobContext, JobResult};

use super::*;
use crate::support::process::{self, Process};
use crate::support::waiting::until_at_least;

const LIMIT: i64 = 3;

#[derive(QueryableByName)]
struct Holders {
    #[diesel(sql_type = BigInt)]
    holders: i64,
}

// Each job holds a lock of its own session, which the server drops when the process is killed.
async fn count_itself(_: Act, job: JobContext) -> JobResult {
    let mut conn = job.connection().await?;
    let conn = &mut *conn;
    conn.batch_execute("SELECT pg_advisory_lock_shared(77)")?;
    let now: Holders = sql_query(
        "SELECT count(*) AS holders FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .get_result(conn)?;
    conn.batch_execute(&format!("INSERT INTO seen VALUES ({}); SELECT pg_sleep(0.02)", now.holders))?;
    conn.batch_execute("SELECT pg_advisory_unlock_shared(77)")?;
    Ok(())
}

/// Not a test of its own: the process that another test starts and kills.
#[tokio::test]
#[ignore = "a helper process of `the_limit_holds_over_processes_that_are_killed_and_started`"]
async fn helper_process_that_runs_limited_jobs() {
    let Some(url) = process::given_url() else { return };
    let builder = Scheduler::builder(url).concurrency(4).worker_threads(2).handler_pool_size(4);
    let _scheduler = builder.handler(count_itself).start().await.unwrap();
    std::future::pending::<()>().await;
}

fn helper(database: &TestDatabase) -> Process {
    let name = "task_limits::processes::helper_process_that_runs_limited_jobs";
    Process::start(&mut process::command(name, &database.url()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_holds_over_processes_that_are_killed_and_started() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute("CREATE TABLE seen (holders bigint)").unwrap();
    limit(&database, TaskLimit::new().concurrency(3).rate(1_000, Duration::from_secs(1)));
    for n in 0..240 {
        let job = act("counted");
        let job = if n % 2 == 0 { job.queue(format!("q{}", n % 6)) } else { job };
        job.insert(&mut conn).unwrap();
    }
    let mut processes = vec![helper(&database), helper(&database), helper(&database)];
    for kill in 1..=3 {
        until_at_least(&database, "seen", 50 * kill).await;
        processes.remove(0).kill();
        processes.push(helper(&database));
    }
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(count(&mut conn, &format!("seen WHERE holders > {LIMIT}")), 0);
    assert!(count(&mut conn, &format!("seen WHERE holders = {LIMIT}")) > 0, "all slots were used");
    drop(processes);
}
