//! Pauses that were forgotten, and dead and held jobs.

use diesel::connection::SimpleConnection;
use mainspring::doctor::{By, Code};

use super::{assert_cured, assert_cured_by_hand, broken, findings};
use crate::cli::{answer, on};
use crate::support::database::TestDatabase;

#[test]
fn a_pause_of_everything_ends_after_a_day_at_the_latest() {
    let paused = "INSERT INTO mainspring.all_paused (paused_at) VALUES (now() - interval '25 hours')";
    assert_cured(&broken(paused).url(), Code::EverythingPaused);
    let fresh = broken("SELECT mainspring.pause_all()");
    assert_eq!(findings(&fresh.url(), Code::EverythingPaused), []);
}

#[test]
fn a_long_pause_of_a_task_or_a_queue_is_found_where_jobs_wait() {
    let hostile = "a 'b\" $c";
    let literal = hostile.replace('\'', "''");
    let task = format!("INSERT INTO mainspring.paused_tasks VALUES ('{literal}', now() - interval '2 days')");
    let queue = format!(
        "INSERT INTO mainspring.queues (name, paused, updated_at) VALUES ('{literal}', true, now() - interval '2 days')"
    );
    let job = format!(
        "INSERT INTO mainspring.jobs (task, queue, state, run_at) VALUES ('{literal}', NULL, 'ready', now()), \
         ('t', '{literal}', 'parked', now())"
    );
    for (pause, code) in [(task, Code::TaskPaused), (queue, Code::QueuePaused)] {
        let database = broken(&pause);
        assert_eq!(findings(&database.url(), code), []);
        database.connection().batch_execute(&job).unwrap();
        let found = assert_cured(&database.url(), code);
        assert!(found.found.contains(hostile), "{found}");
    }
}

const DEAD: &str = "INSERT INTO mainspring.jobs (task, state, run_at, updated_at) \
    SELECT 't', 'dead', now(), now() - interval '1 hour' - interval 'AGE' FROM generate_series(1, 10000) AS n";

#[test]
fn old_dead_jobs_are_deleted_and_others_are_for_a_person() {
    let old = broken(&DEAD.replace("AGE", "31 days"));
    assert_cured(&old.url(), Code::DeadJobsMany);
    let fresh = broken(&DEAD.replace("AGE", "1 day"));
    let retry = || drop(answer_of(&fresh, &["jobs", "retry", "--state", "dead", "--yes"]));
    let found = assert_cured_by_hand(&fresh.url(), Code::DeadJobsMany, retry);
    assert_eq!(found.cure.by, By::Hand);
}

#[test]
fn held_jobs_are_found_by_task_and_are_for_a_person() {
    let held = "INSERT INTO mainspring.jobs (task, state, run_at, last_error) SELECT 't', 'held', now(), 'misfit' \
        FROM generate_series(1, 3) AS n";
    let database = broken(held);
    let release =
        || drop(answer_of(&database, &["jobs", "release", "--state", "held", "--task", "t", "--yes"]));
    let found = assert_cured_by_hand(&database.url(), Code::JobsHeld, release);
    assert_eq!(found.found, "3 jobs of the task t are held: misfit");
}

// Progress is on the standard error.
fn answer_of(database: &TestDatabase, arguments: &[&str]) -> String {
    let mut output = on(database, arguments);
    output.stderr.clear();
    answer(output)
}
