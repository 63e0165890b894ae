//! Steps end with their job, however it ends. A job without steps never meets them.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::{JobContext, JobResult, Scheduler};

use super::{End, Script, Walk, ended, job, program, stored, sweep};
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::rows::count;
use crate::support::waiting::until;

#[tokio::test]
async fn steps_of_a_job_that_has_ended_are_deleted_soon() {
    for end in [End::Well, End::Cancel] {
        let database = TestDatabase::new();
        let script = Script::new(&["charge", "pack"], &[end, End::Rest]);
        let scheduler = program(&database, &script).start().await.unwrap();
        let ended = ended(&database, &scheduler, job()).await;
        let waits = scheduler.enqueue(job()).await.unwrap();
        until(&database, &format!("mainspring.steps WHERE job_id = {ended}"), 0).await;
        until(&database, &format!("mainspring.steps WHERE job_id = {waits}"), 2).await;
        scheduler.stop().await;
    }
}

#[tokio::test]
async fn steps_of_a_job_that_a_person_or_retention_removes_are_swept() {
    let database = TestDatabase::new();
    let script = Script::new(&["charge"], &[End::Rest, End::Rest, End::Discard, End::Discard]);
    let scheduler = program(&database, &script).start().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(scheduler.enqueue(job()).await.unwrap());
        until(&database, "mainspring.steps", ids.len() as i64).await;
    }
    until(&database, "mainspring.jobs WHERE state IN ('dead', 'scheduled')", 4).await;
    scheduler.stop().await;
    let mut conn = database.connection();
    conn.batch_execute(
        "UPDATE mainspring.jobs SET updated_at = now() - interval '10 days' WHERE state = 'dead'",
    )
    .unwrap();
    conn.batch_execute(&format!(
        "SELECT mainspring.cancel_jobs('{{{}}}'); SELECT mainspring.delete_dead_jobs('1 day', 1)",
        ids[0]
    ))
    .unwrap();
    let left = "mainspring.steps AS s JOIN mainspring.jobs AS j ON j.id = s.job_id";
    assert_eq!((stored(&mut conn), count(&mut conn, left)), (4, 2));
    sweep(&database).await;
    assert_eq!((stored(&mut conn), count(&mut conn, left)), (2, 2));
}

#[tokio::test]
async fn a_sweep_goes_on_where_the_last_one_has_ended_and_finds_all() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "INSERT INTO mainspring.jobs (id, task, run_at, state) SELECT n, 'nobody', now(), 'ready' FROM generate_series(1, 40) AS n; \
         INSERT INTO mainspring.steps (job_id, position, name, value, payload_hash) \
             SELECT n, p, 'a', '1', 0 FROM generate_series(1, 80) AS n, generate_series(1, 3) AS p; \
         CREATE TABLE sweeps (last_id bigint, done bigint);",
    )
    .unwrap();
    // Portions of 2 look at 20 rows each, so nearly seven jobs.
    conn.batch_execute(
        "DO $$ DECLARE from_id bigint := 0; swept record; BEGIN \
             FOR lap IN 1..200 LOOP \
                 SELECT * INTO swept FROM mainspring.sweep_steps(from_id, 2); \
                 INSERT INTO public.sweeps VALUES (swept.last_id, swept.done); \
                 from_id := coalesce(swept.last_id, 0); \
             END LOOP; \
         END $$",
    )
    .unwrap();
    assert_eq!(count(&mut conn, "mainspring.steps WHERE job_id > 40"), 0);
    assert_eq!(count(&mut conn, "mainspring.steps WHERE job_id <= 40"), 120);
    assert!(count(&mut conn, "sweeps WHERE last_id IS NULL") > 1, "it begins again");
}

async fn step_and_complete(_: Walk, job: JobContext) -> JobResult {
    job.step("charge", || async { Ok(1) }).await?;
    job.transaction(|_| Ok(())).await?;
    let late = job.step("pack", || async { Ok(1) }).await.unwrap_err().to_string();
    assert_eq!(late, "step `pack` comes too late: a transaction has completed the job");
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_completes_the_job_deletes_its_steps() {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).handler(step_and_complete);
    let scheduler = builder.start().await.unwrap();
    ended(&database, &scheduler, job()).await;
    assert_eq!(stored(&mut database.connection()), 0);
    scheduler.stop().await;
}

#[tokio::test]
async fn jobs_without_steps_do_not_wait_for_a_locked_table_of_steps() {
    let database = TestDatabase::new();
    let mut locked = database.connection();
    locked.batch_execute("BEGIN; LOCK TABLE mainspring.steps IN ACCESS EXCLUSIVE MODE").unwrap();
    let scheduler = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
    for how in ["ok", "fail at once again", "discard", "cancel"] {
        scheduler.enqueue(act(how).max_attempts(2)).await.unwrap();
    }
    let dead = "mainspring.jobs WHERE state = 'dead'";
    until(&database, dead, 2).await;
    until(&database, "mainspring.history", 2).await;
    assert_eq!(scheduler.jobs().delete_dead(Duration::ZERO).await.unwrap(), 2);
    scheduler.stop().await;
}
