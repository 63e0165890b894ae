//! What is due at once starts at once, by whatever way it became due: no poll has to find it.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use mainspring::jobs::Reschedule;
use mainspring::{Backoff, Enqueue, JobContext, JobError, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::schedulers::SLOW_POLL;
use crate::support::statements::{NONE, before_any_poll, install_gate};
use crate::support::waiting::until;
use crate::wakes::start_without_polls;

/// How many attempts a job makes before it succeeds.
const ROUNDS: i16 = 15;

/// Comes back at once in this way, until its last round.
#[derive(Clone, Serialize, Deserialize)]
enum ComesBack {
    Retried,
    RetriedAfter(Duration),
    Fails,
    Snoozed,
}

impl Task for ComesBack {
    const NAME: &'static str = "comes.back";
    const BACKOFF: Backoff = Backoff::constant(Duration::ZERO);
}

async fn come_back(task: ComesBack, job: JobContext) -> JobResult {
    let round = i64::from(job.attempt()) + job.snoozes();
    if round >= i64::from(ROUNDS) {
        return Ok(());
    }
    Err(match task {
        ComesBack::Retried => JobError::retry_in(Duration::ZERO, "not yet"),
        ComesBack::RetriedAfter(delay) => JobError::retry_in(delay, "not yet"),
        ComesBack::Fails => "not yet".into(),
        ComesBack::Snoozed => JobError::snooze(Duration::ZERO),
    })
}

async fn come_back_before_any_poll(placed: impl Fn(Enqueue<ComesBack>) -> Enqueue<ComesBack>) {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let builder = Scheduler::builder(database.url()).handler(come_back).poll_interval(SLOW_POLL);
        let scheduler = builder.start().await.unwrap();
        let short = Duration::from_micros(999);
        let ways = [ComesBack::Retried, ComesBack::RetriedAfter(short), ComesBack::Fails, ComesBack::Snoozed];
        for way in &ways {
            scheduler.enqueue(placed(Enqueue::new(way.clone()))).await.unwrap();
        }
        until(&database, "mainspring.history WHERE outcome = 'succeeded'", ways.len() as i64).await;
        scheduler.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_ends_without_a_delay_is_followed_by_the_next() {
    come_back_before_any_poll(|job| job).await;
}

#[tokio::test]
async fn a_job_with_flags_that_ends_without_a_delay_comes_back_at_once() {
    come_back_before_any_poll(|job| job.flags(["large"])).await;
}

#[tokio::test]
async fn a_job_of_a_queue_that_ends_without_a_delay_comes_back_at_once() {
    come_back_before_any_poll(|job| job.queue("mails")).await;
}

/// Acts of another process, by which a job becomes due. Job 1 waits for an hour, job 2 is dead.
const ACTS: [&str; 6] = [
    "SELECT mainspring.reschedule_jobs('{1}', run_at => now())",
    "SELECT mainspring.reschedule_jobs('{1}', run_at => now() - interval '1 day')",
    "SELECT mainspring.retry_jobs('{2}')",
    "SELECT mainspring.add_job('act', '{\"act\": \"new\"}', run_at => now())",
    "SELECT mainspring.add_job('act', '{\"act\": \"new\"}', run_at => now() - interval '1 day')",
    "SELECT mainspring.trigger_schedule('yearly')",
];

const WAITING: &str = "
    INSERT INTO mainspring.jobs (task, payload, state, run_at)
        VALUES ('act', '{\"act\": \"later\"}', 'scheduled', now() + interval '1 hour'),
            ('act', '{\"act\": \"dead\"}', 'dead', now() - interval '1 hour');
    SELECT mainspring.create_schedule('yearly', 'act', '0 0 1 1 *', '{\"act\": \"fired\"}')";

#[tokio::test]
async fn what_another_process_makes_due_starts_before_any_poll() {
    for change in ACTS {
        before_any_poll(async || {
            let database = TestDatabase::new();
            let conn = &mut database.connection();
            conn.batch_execute(WAITING).unwrap();
            install_gate(conn, NONE);
            let (scheduler, mut started) = start_without_polls(&database).await;
            conn.batch_execute(change).unwrap();
            started.next().await;
            scheduler.stop().await;
        })
        .await;
    }
}

#[tokio::test]
async fn what_a_handle_makes_due_starts_before_any_poll() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let conn = &mut database.connection();
        conn.batch_execute(WAITING).unwrap();
        install_gate(conn, NONE);
        let (scheduler, mut started) = start_without_polls(&database).await;
        scheduler.jobs().reschedule([1], Reschedule::new().run_at(Utc::now())).await.unwrap();
        assert_eq!(started.next().await.act, "later");
        scheduler.jobs().retry([2], Some(Utc::now() - TimeDelta::days(1))).await.unwrap();
        assert_eq!(started.next().await.act, "dead");
        scheduler.schedules().trigger("yearly").await.unwrap();
        assert_eq!(started.next().await.act, "fired");
        scheduler.enqueue(act("now").run_at(Utc::now())).await.unwrap();
        assert_eq!(started.next().await.act, "now");
        scheduler.enqueue(act("soon").run_in(Duration::from_micros(999))).await.unwrap();
        assert_eq!(started.next().await.act, "soon");
        scheduler.stop().await;
    })
    .await;
}
