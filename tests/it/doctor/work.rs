//! Workers that are lost, failing or missing, and jobs that wait for them.

use diesel::connection::SimpleConnection;
use mainspring::doctor::Code;
use mainspring::{NewJob, Scheduler};
use serde_json::json;

use super::{assert_cured, assert_cured_by_hand, broken, command, findings};
use crate::support::database::TestDatabase;
use crate::support::jobs::behave;
use crate::support::rows::count;
use crate::support::waiting::until;

const RUNNING: &str = "INSERT INTO mainspring.jobs (task, queue, state, run_at, lease, worker_id, locked_at, attempts) \
    VALUES ('t', 'mails', 'running', now(), 7, 1, now() - interval '1 hour', 1);";

#[test]
fn the_jobs_of_a_lost_worker_are_taken_from_it() {
    let lost = "INSERT INTO mainspring.workers (name, tasks, timeout, heartbeat_at) \
        VALUES ('silent', '{t}', '4 s', now() - interval '1 hour');";
    let database = broken(&format!("{lost} {RUNNING}"));
    let found = assert_cured(&database.url(), Code::WorkerLost);
    let text = &found.found;
    assert!(text.contains("(silent)") && text.ends_with("holds 1 jobs and slots of mails"), "{text}");
    assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE state = 'running'"), 0);
}

#[test]
fn jobs_of_a_worker_that_is_not_registered_are_requeued() {
    let database = broken(RUNNING);
    let found = assert_cured(&database.url(), Code::JobsWithoutWorker);
    assert_eq!(found.found, "1 jobs run for the worker 1, which is not registered, such as job 1");
    assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE state = 'running'"), 0);
}

#[test]
fn a_worker_that_reports_a_problem_is_restarted_by_a_person() {
    let database = broken(
        "INSERT INTO mainspring.workers (name, tasks, timeout, problems) VALUES ('sick', '{t}', '1 hour', '{claims_failing}'), \
         ('stops', '{t}', '1 hour', '{draining}')",
    );
    let restart = "UPDATE mainspring.workers SET problems = DEFAULT";
    let work = || database.connection().batch_execute(restart).unwrap();
    let found = assert_cured_by_hand(&database.url(), Code::WorkerFailing, work);
    assert_eq!(found.found, "the worker 1 (sick) reports claims_failing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_a_worker_waits_for_a_process() {
    let database = broken(
        "INSERT INTO mainspring.jobs (task, state, run_at, payload) \
         VALUES ('act', 'ready', now() - interval '1 hour', '{\"act\": \"late\"}')",
    );
    let url = database.url();
    tokio::task::spawn_blocking(move || super::only(&url, Code::TaskWithoutWorker)).await.unwrap();
    let scheduler = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(findings(&database.url(), Code::TaskWithoutWorker), []);
    scheduler.stop().await;
}

#[test]
fn a_queue_whose_slots_no_worker_can_use_admits_others_again() {
    let database = broken(
        "INSERT INTO mainspring.queues (name, concurrency, last_slot, first_slot) VALUES ('mails', 1, 1, 1); \
         INSERT INTO mainspring.jobs (task, queue, slot, state, run_at) VALUES \
             ('misspelt', 'mails', 1, 'ready', now() - interval '1 hour'), ('t', 'mails', NULL, 'parked', now())",
    );
    let found = assert_cured(&database.url(), Code::QueueStuck);
    assert_eq!(found.cure.text, command("jobs reschedule --in 1d 1"));
    let later = "mainspring.jobs WHERE id = 1 AND state = 'scheduled'";
    assert_eq!(count(&mut database.connection(), later), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_row_a_session_holds_runs_when_that_one_ends() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute("SELECT mainspring.pause_task('act')").unwrap();
    let scheduler = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
    let id = NewJob::new("act", &json!({"act": "held"})).insert(&mut conn).unwrap();
    let backdate = format!("UPDATE mainspring.jobs SET run_at = now() - interval '1 hour' WHERE id = {id}");
    conn.batch_execute(&backdate).unwrap();
    assert_eq!(findings(&database.url(), Code::JobsLate), []);
    let mut holder = database.connection();
    holder.batch_execute(&format!("BEGIN; SELECT FROM mainspring.jobs WHERE id = {id} FOR UPDATE")).unwrap();
    conn.batch_execute("SELECT mainspring.resume_task('act')").unwrap();
    let url = database.url();
    let found = tokio::task::spawn_blocking(move || assert_cured(&url, Code::JobsLate)).await.unwrap();
    assert!(found.found.starts_with(&format!("job {id} of the task act is ready for ")), "{found}");
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
}

#[test]
fn a_clock_that_differs_is_set_right_by_a_person() {
    let function = "CREATE OR REPLACE FUNCTION mainspring.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE \
        RETURN statement_timestamp()";
    let database = broken(&format!("{function} + interval '9 seconds'"));
    let work = || database.connection().batch_execute(function).unwrap();
    let found = assert_cured_by_hand(&database.url(), Code::ClockDifference, work);
    assert!(found.found.contains("s ahead of the clock of this machine"), "{found}");
}
