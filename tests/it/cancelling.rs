//! Running jobs are cancelled from anywhere, and given up when their time is out.

use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::{Backoff, Enqueue, JobContext, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::{Reports, reports, until};

/// Reports that it runs. Once it is cancelled, it ends as its payload requires.
#[derive(Serialize, Deserialize)]
struct Obey {
    how: String,
}
impl Task for Obey {
    const NAME: &'static str = "obey";
}

async fn obey(task: Obey, job: JobContext) -> JobResult {
    // Before the report: what the test does after it may end the attempt at once.
    assert!(!job.is_cancelled());
    assert!(job.checkpoint().is_ok());
    let _ = job.data::<UnboundedSender<i64>>().send(job.id());
    if task.how == "deaf" {
        std::future::pending::<()>().await;
    }
    if task.how == "ends at a checkpoint" {
        let end = job.end_requested().await;
        assert_eq!(job.checkpoint().unwrap_err().kind(), end.kind());
        return Err(end);
    }
    job.cancelled().await;
    assert!(job.is_cancelled());
    if task.how == "succeed" { Ok(()) } else { Err("stopped halfway")? }
}

async fn instance(database: &TestDatabase) -> (Scheduler, Reports<i64>) {
    let (sender, runs) = reports(&database.url());
    let builder = Scheduler::builder(database.url()).handler(obey).app_data(sender);
    let builder =
        builder.heartbeat_timeout(Duration::from_secs(3_600)).poll_interval(Duration::from_secs(15));
    (builder.cancel_grace_period(Duration::from_millis(100)).start().await.unwrap(), runs)
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = BigInt)]
    job_id: i64,
    #[diesel(sql_type = Text)]
    result: String,
}

fn cancel(conn: &mut PgConnection, ids: &[i64]) -> Vec<(i64, String)> {
    let query = sql_query("SELECT job_id, result FROM mainspring.cancel_jobs($1, 'not wanted any more')");
    let answers: Vec<Answer> = query.bind::<Array<BigInt>, _>(ids).load(conn).unwrap();
    answers.into_iter().map(|answer| (answer.job_id, answer.result)).collect()
}

// The heartbeat and the poll are far off: only the notification can bring the cancellation.
#[tokio::test]
async fn a_running_job_is_told_at_once_and_ends_as_cancelled_unless_it_succeeds() {
    let database = TestDatabase::new();
    let (scheduler, mut runs) = instance(&database).await;
    let mut conn = database.connection();
    for (how, outcome) in [
        ("fail", "outcome = 'cancelled' AND reason = 'not wanted any more'"),
        ("deaf", "outcome = 'cancelled' AND reason = 'not wanted any more'"),
        ("succeed", "outcome = 'succeeded'"),
    ] {
        let id = scheduler.enqueue(Enqueue::new(Obey { how: how.into() })).await.unwrap();
        assert_eq!(runs.next().await, id);
        assert_eq!(cancel(&mut conn, &[id]), [(id, "cancelling".into())]);
        until(&database, &format!("mainspring.history WHERE id = {id} AND {outcome}"), 1).await;
    }
    scheduler.stop().await;
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

#[tokio::test]
async fn waiting_jobs_are_cancelled_at_once_and_what_cannot_be_is_said() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let insert = |conn: &mut PgConnection, job: Enqueue<_>| job.insert(conn).unwrap();
    let ready = insert(&mut conn, act("ready"));
    let parked = insert(&mut conn, act("parked").queue("q"));
    let later = insert(&mut conn, act("later").run_at(chrono::Utc::now() + chrono::TimeDelta::hours(1)));
    let dead = insert(&mut conn, act("dead"));
    sql_query("UPDATE mainspring.jobs SET state = 'dead' WHERE id = $1")
        .bind::<BigInt, _>(dead)
        .execute(&mut conn)
        .unwrap();
    let answers = cancel(&mut conn, &[dead, later, 77, parked, ready]);
    let expected =
        [(dead, "dead"), (later, "cancelled"), (77, "unknown"), (parked, "cancelled"), (ready, "cancelled")];
    assert_eq!(answers, expected.map(|(id, result)| (id, result.to_owned())));
    assert_eq!(count(&mut conn, "mainspring.jobs"), 1);
    assert_eq!(
        count(&mut conn, "mainspring.history WHERE outcome = 'cancelled' AND reason = 'not wanted any more'"),
        3
    );
}

// The attempt has come to its end when it is cancelled, and does not know: the settle must see it.
#[tokio::test]
async fn a_job_cancelled_while_it_fails_does_not_come_back() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let write = "CREATE FUNCTION cancel_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.state = 'running' THEN NEW.cancel_reason = 'in the last moment'; END IF; RETURN NEW; END $$; \
         CREATE TRIGGER cancel_it BEFORE INSERT OR UPDATE ON mainspring.jobs FOR EACH ROW EXECUTE FUNCTION cancel_it();";
    diesel::connection::SimpleConnection::batch_execute(&mut conn, write).unwrap();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let id = scheduler.enqueue(act("fail")).await.unwrap();
    let ended = format!(
        "mainspring.history WHERE id = {id} AND outcome = 'cancelled' AND reason = 'in the last moment'"
    );
    until(&database, &ended, 1).await;
    scheduler.stop().await;
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

/// Has a time-out and a back-off of its own.
#[derive(Serialize, Deserialize)]
struct Slow {
    millis: u64,
}
impl Task for Slow {
    const NAME: &'static str = "slow";
    const MAX_ATTEMPTS: Option<i16> = Some(7);
    const PRIORITY: Option<i16> = Some(-3);
    const BACKOFF: Backoff =
        Backoff::linear(Duration::from_secs(1_000), Duration::from_secs(1_500)).with_jitter(0.0);

    fn timeout(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.millis))
    }
}

#[tokio::test]
async fn an_attempt_is_given_up_at_its_time_out_and_waits_as_its_task_says() {
    let database = TestDatabase::new();
    let slow = |_: Slow, _: JobContext| std::future::pending::<JobResult>();
    let scheduler = Scheduler::builder(database.url()).handler(slow).start().await.unwrap();
    scheduler.enqueue(Enqueue::new(Slow { millis: 20 })).await.unwrap();
    let failed = "mainspring.jobs WHERE state = 'scheduled' AND last_error = 'timed out after 20ms' AND priority = -3 \
        AND max_attempts = 7 AND run_at - updated_at BETWEEN interval '999 seconds' AND interval '1001 seconds'";
    until(&database, failed, 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_checkpoint_ends_a_handler_whose_job_is_cancelled() {
    let database = TestDatabase::new();
    let (scheduler, mut runs) = instance(&database).await;
    let id = scheduler.enqueue(Enqueue::new(Obey { how: "ends at a checkpoint".into() })).await.unwrap();
    assert_eq!(runs.next().await, id);
    cancel(&mut database.connection(), &[id]);
    let ended = scheduler.jobs().wait(id, Duration::from_secs(60)).await.unwrap();
    let mainspring::Waited::Ended(job) = ended else { panic!("{ended:?}") };
    assert_eq!(job.state, mainspring::jobs::JobStatus::Cancelled);
    assert_eq!(job.reason.as_deref(), Some("not wanted any more"));
    scheduler.stop().await;
}

#[tokio::test]
async fn a_checkpoint_ends_a_handler_at_a_stop_and_spends_no_attempt() {
    let database = TestDatabase::new();
    let (scheduler, mut runs) = instance(&database).await;
    let id = scheduler.enqueue(Enqueue::new(Obey { how: "ends at a checkpoint".into() })).await.unwrap();
    assert_eq!(runs.next().await, id);
    scheduler.stop().await;
    let job = mainspring::jobs::require(&mut database.connection(), id).unwrap();
    assert_eq!((job.state, job.attempts), (mainspring::jobs::JobStatus::Ready, 0));
}
