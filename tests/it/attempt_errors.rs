//! A job keeps the errors of its failed attempts, in every state and after its end. One that succeeds at once keeps nothing.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::jobs::{self, AttemptError, JobStatus};
use mainspring::{Backoff, Enqueue, JobContext, JobError, JobResult, NewJob, Scheduler, Task};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{answer, json as printed, on};
use crate::support::database::TestDatabase;
use crate::support::jobs::{Act, act, behave};
use crate::support::rows::count;
use crate::support::waiting::until;

/// Fails in another way in each attempt, until it succeeds.
#[derive(Serialize, Deserialize)]
struct Stumble {}
impl Task for Stumble {
    const NAME: &'static str = "stumble";
    const TIMEOUT: Option<Duration> = Some(Duration::from_secs(1));
    const BACKOFF: Backoff = Backoff::constant(Duration::ZERO);
}

async fn stumble(_: Stumble, job: JobContext) -> JobResult {
    match job.attempt() {
        1 => Err("none".parse::<u32>().unwrap_err())?,
        2 => panic!("the second one"),
        3 => std::future::pending().await,
        _ => Ok(()),
    }
}

#[tokio::test]
async fn the_error_of_each_failed_attempt_is_kept_to_the_history() {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).worker_name("the-worker");
    let scheduler = builder.handler(stumble).start().await.unwrap();
    let id = scheduler.enqueue(Enqueue::new(Stumble {})).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded' AND attempts = 4", 1).await;
    let job = scheduler.jobs().get(id).await.unwrap().unwrap();
    assert_eq!(job.state, JobStatus::Succeeded);
    let errors: Vec<_> = job.errors.iter().map(|error| (error.attempt, error.error.as_str())).collect();
    assert_eq!((errors[0], errors[2]), ((1, "invalid digit found in string"), (3, "timed out after 1s")));
    assert!(
        errors[1].1.starts_with("panicked at ") && errors[1].1.ends_with(": the second one"),
        "{errors:?}"
    );
    assert_eq!(errors.len(), 3);
    for error in &job.errors {
        assert_eq!((error.worker.as_deref(), Some(error.worker_id)), (Some("the-worker"), job.worker_id));
        assert!(job.created_at <= error.at && Some(error.at) <= job.finished_at, "{error:?}");
    }
    scheduler.stop().await;
    let conn = &mut database.connection();
    for view in ["history", "history_view"] {
        let from = format!("mainspring.{view} WHERE errors #>> '{{1,error}}' LIKE 'panicked at %'");
        assert_eq!(count(conn, &from), 1, "{view}");
    }
    let shown = answer(on(&database, &["jobs", "show", &id.to_string()]));
    let lines: Vec<_> = shown.lines().filter(|line| line.contains("the-worker")).collect();
    assert!(lines.len() == 3 && lines[2].contains("timed out after 1s"), "{shown}");
    let shown = printed(on(&database, &["jobs", "show", &id.to_string(), "--json"]));
    assert_eq!(shown["errors"][0]["error"], "invalid digit found in string");
}

/// Fails with a long text in each attempt.
#[derive(Serialize, Deserialize)]
struct Moan {}
impl Task for Moan {
    const NAME: &'static str = "moan";
    const MAX_ATTEMPTS: Option<i16> = Some(15);
}

async fn moan(_: Moan, job: JobContext) -> JobResult {
    let text = format!("moan {}: {}", job.attempt(), "\u{1b}[2J\u{e9}\n".repeat(20_000));
    Err(JobError::retry_in(Duration::from_millis(1), text))
}

#[tokio::test]
async fn the_first_and_the_last_nine_errors_are_kept_and_each_is_cut() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(moan).start().await.unwrap();
    let id = scheduler.enqueue(Enqueue::new(Moan {})).await.unwrap();
    until(&database, "mainspring.jobs_view WHERE state = 'dead'", 1).await;
    let job = scheduler.jobs().get(id).await.unwrap().unwrap();
    let attempts: Vec<_> = job.errors.iter().map(|error| error.attempt).collect();
    assert_eq!(attempts, [1, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    for AttemptError { attempt, error, .. } in &job.errors {
        let length = error.chars().count();
        assert!(error.starts_with(&format!("moan {attempt}: ")) && error.ends_with(" more characters cut)"));
        assert!((2_000..2_050).contains(&length), "{length}");
    }
    // A retry keeps them, and adds to them.
    scheduler.jobs().retry([id], None).await.unwrap();
    let (first, last) = (job.errors[0].at.to_rfc3339(), job.errors[9].at.to_rfc3339());
    let again = format!(
        "mainspring.jobs WHERE state = 'dead' AND (errors #>> '{{0,at}}')::timestamptz = '{first}' \
         AND (errors #>> '{{1,at}}')::timestamptz > '{last}'"
    );
    until(&database, &again, 1).await;
    scheduler.stop().await;
    let shown = answer(on(&database, &["jobs", "show", &id.to_string()]));
    assert!(!shown.contains('\u{1b}') && shown.contains("moan 15: \\u{1b}[2Jé\\n"), "{shown}");
}

#[tokio::test]
async fn a_lost_worker_is_an_error_of_the_attempt_that_it_ran() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    conn.batch_execute(
        "INSERT INTO mainspring.workers (id, name, tasks, timeout, heartbeat_at) OVERRIDING SYSTEM VALUE \
             VALUES (700, 'the-lost-one', '{act}', '1 second', now() - interval '1 hour'); \
         INSERT INTO mainspring.jobs (task, state, run_at, lease, locked_at, worker_id, attempts, payload) \
             VALUES ('act', 'running', now(), 1, now(), 700, 1, '{\"act\": \"succeed\"}')",
    )
    .unwrap();
    let builder = Scheduler::builder(database.url()).heartbeat_timeout(Duration::from_millis(1_500));
    let scheduler = builder.handler(behave).start().await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 1).await;
    scheduler.stop().await;
    let job = jobs::get(conn, 1).unwrap().unwrap();
    let [error] = &job.errors[..] else { panic!("{job:?}") };
    assert_eq!((error.attempt, error.worker_id, error.worker.as_deref()), (1, 700, None));
    assert!(error.error.starts_with("worker lost: the-lost-one "), "{error:?}");
}

#[tokio::test]
async fn a_job_that_has_not_failed_keeps_no_list() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
    for what in ["succeed", "cancel"] {
        scheduler.enqueue(act(what)).await.unwrap();
    }
    until(&database, "mainspring.history", 2).await;
    scheduler.stop().await;
    let conn = &mut database.connection();
    assert_eq!(count(conn, "mainspring.history WHERE errors IS NULL"), 2);
    let id = NewJob::new("nobody", &json!({})).insert(conn).unwrap();
    jobs::fail(conn, &[id], Some("by hand")).unwrap();
    assert_eq!(count(conn, "mainspring.jobs WHERE state = 'dead' AND errors IS NULL"), 1);
}

#[tokio::test]
async fn a_replacement_begins_without_errors() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
    let id = scheduler.enqueue(act("fail").key("k")).await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'scheduled' AND jsonb_array_length(errors) = 1", 1).await;
    assert_eq!(scheduler.enqueue(act("fail").key("k").run_in(Duration::from_secs(600))).await.unwrap(), id);
    assert_eq!(scheduler.jobs().get(id).await.unwrap().unwrap().errors, []);
    scheduler.stop().await;
}

#[tokio::test]
async fn no_value_of_a_payload_is_in_the_error_of_an_attempt() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let payload = json!({"act": ["hunter2"], "millis": "hunter2"});
    let id = NewJob::new(Act::NAME, &payload).insert(conn).unwrap();
    let scheduler = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'held'", 1).await;
    scheduler.stop().await;
    let job = jobs::get(conn, id).unwrap().unwrap();
    let error = job.last_error.clone().unwrap();
    assert!(job.errors.is_empty() && !error.contains("hunter2") && error.contains("at `act`"), "{job:?}");
    assert_eq!(count(conn, "mainspring.error_groups WHERE error_groups::text LIKE '%hunter2%'"), 0);
    assert_eq!(count(conn, "mainspring.error_groups"), 1);
}

#[test]
fn a_restored_row_without_a_list_of_errors_is_read_and_settled() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    for (n, errors) in ["7", "{}", "[7, {}]", "[]"].into_iter().enumerate() {
        conn.batch_execute(&format!(
            "INSERT INTO mainspring.jobs (id, task, state, run_at, lease, locked_at, worker_id, attempts, errors) \
                 VALUES ({n}, 'a', 'running', now(), 1, now(), 1, 1, '{errors}'); \
             SELECT mainspring.move_jobs(ARRAY[mainspring.new_event({n}, 'failed', 1, 'boom')], true)"
        ))
        .unwrap();
        let job = jobs::get(conn, n as i64).unwrap().unwrap();
        assert_eq!(job.errors.last().map(|error| error.error.as_str()), Some("boom"), "{errors}");
    }
}
