//! Whatever becomes of an attempt, the next one finds what was done.

use mainspring::Enqueue;

use super::{End, Script, Walk, ended, job, program, stored, sweep, until_dead, until_got};
use crate::support::database::TestDatabase;
use crate::support::waiting::until;

/// Three steps were done once, and each attempt got the same values.
fn assert_once(script: &Script, attempts: usize) {
    assert_eq!(script.ran(), ["charge", "pack", "ship"]);
    assert_eq!(script.got(), ["charge 1", "pack 2", "ship 3"].repeat(attempts));
}

const STEPS: [&str; 3] = ["charge", "pack", "ship"];

#[tokio::test]
async fn failures_and_snoozes_repeat_no_step() {
    let database = TestDatabase::new();
    let script = Script::new(&STEPS, &[End::Fail, End::Snooze, End::Snooze, End::Fail, End::Well]);
    let scheduler = program(&database, &script).start().await.unwrap();
    ended(&database, &scheduler, job()).await;
    assert_once(&script, 5);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_stop_repeats_no_step_of_a_first_attempt() {
    let database = TestDatabase::new();
    let script = Script::new(&STEPS, &[End::Never, End::Well]);
    let scheduler = program(&database, &script).start().await.unwrap();
    let id = scheduler.enqueue(job()).await.unwrap();
    until_got(&database, &script, 3).await;
    scheduler.stop().await;
    let scheduler = program(&database, &script).start().await.unwrap();
    until(&database, &format!("mainspring.history WHERE id = {id} AND attempts = 1"), 1).await;
    assert_once(&script, 2);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_dead_job_keeps_its_steps_for_its_retry() {
    let database = TestDatabase::new();
    for (max_attempts, end) in [(1, End::Fail), (25, End::Discard)] {
        let script = Script::new(&STEPS, &[end, End::Well]);
        let scheduler = program(&database, &script).start().await.unwrap();
        let id = scheduler.enqueue(job().max_attempts(max_attempts)).await.unwrap();
        until_dead(&database, "%way").await;
        sweep(&database).await;
        assert_eq!(stored(&mut database.connection()), 3);
        scheduler.jobs().retry([id], None).await.unwrap();
        until(&database, &format!("mainspring.history WHERE id = {id}"), 1).await;
        assert_once(&script, 2);
        until(&database, "mainspring.steps", 0).await;
        scheduler.stop().await;
    }
}

#[tokio::test]
async fn a_rescheduled_job_keeps_its_steps_and_another_one_has_its_own() {
    let database = TestDatabase::new();
    let script = Script::new(&STEPS, &[End::Discard, End::Well]);
    let scheduler = program(&database, &script).start().await.unwrap();
    let id = scheduler.enqueue(job()).await.unwrap();
    until_dead(&database, "no way").await;
    ended(&database, &scheduler, job()).await;
    assert_eq!(script.ran(), STEPS.repeat(2), "each job has steps of its own");
    script.deploy(&STEPS, &[End::Well]);
    let again = mainspring::jobs::Reschedule::new().attempts(0).run_at(chrono::Utc::now());
    scheduler.jobs().reschedule([id], again).await.unwrap();
    until(&database, &format!("mainspring.history WHERE id = {id}"), 1).await;
    assert_eq!(script.ran().len(), 6);
    scheduler.stop().await;
}

#[tokio::test]
async fn steps_go_on_with_an_equal_payload_and_begin_anew_with_another() {
    for (to, is_other) in [("the river", false), ("the hill", true)] {
        let database = TestDatabase::new();
        let script = Script::new(&STEPS, &[End::Rest, End::Well]);
        let scheduler = program(&database, &script).start().await.unwrap();
        scheduler.enqueue(job().key("k")).await.unwrap();
        until(&database, "mainspring.jobs WHERE state = 'scheduled' AND snoozes = 1", 1).await;
        scheduler.enqueue(Enqueue::new(Walk { to: to.into() }).key("k")).await.unwrap();
        until(&database, "mainspring.history", 1).await;
        assert_eq!(script.ran().len(), if is_other { 6 } else { 3 }, "{to}");
        assert_eq!(script.got().len(), 6);
        scheduler.stop().await;
    }
}
