//! A deploy that changes steps: the error names what was done and what is asked for, and a person can repair the job.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use mainspring::{Scheduler, StoreError};

use super::{End, Script, job, program, until_dead};
use crate::cli::{answer, assert_refused, on};
use crate::support::database::TestDatabase;
use crate::support::waiting::until;

/// A dead job that has charged and packed.
struct Dead {
    database: TestDatabase,
    scheduler: Scheduler,
    script: Arc<Script>,
    id: i64,
}

impl Dead {
    async fn new() -> Self {
        let database = TestDatabase::new();
        let script = Script::new(&["charge", "pack"], &[End::Discard]);
        let scheduler = program(&database, &script).start().await.unwrap();
        let id = scheduler.enqueue(job().max_attempts(1)).await.unwrap();
        until_dead(&database, "no way").await;
        Self { database, scheduler, script, id }
    }

    async fn retry(&self) {
        self.scheduler.jobs().retry([self.id], None).await.unwrap();
    }

    async fn until_done(&self) {
        until(&self.database, &format!("mainspring.history WHERE id = {}", self.id), 1).await;
        self.scheduler.stop().await;
    }
}

#[tokio::test]
async fn changed_names_and_orders_fail_the_job_and_run_nothing() {
    let dead = Dead::new().await;
    for (steps, asked, done) in [
        (&["bill", "pack"][..], "`bill` as step 1", "`charge` as step 1"),
        (&["pack", "charge"], "`pack` as step 1", "`charge` as step 1"),
        (&["charge", "weigh", "pack"], "`weigh` as step 2", "`pack` as step 2"),
    ] {
        dead.script.deploy(steps, &[]);
        dead.retry().await;
        let id = dead.id;
        let error = format!("the program asks for {asked}, and job {id} has done {done}: %clear-steps {id}`");
        until_dead(&dead.database, &error).await;
        assert_eq!(dead.script.ran(), ["charge", "pack"], "{steps:?}");
    }
    dead.scheduler.stop().await;
}

#[tokio::test]
async fn the_old_names_and_more_steps_behind_them_go_on() {
    let dead = Dead::new().await;
    dead.script.deploy(&["bill"], &[]);
    dead.retry().await;
    until_dead(&dead.database, "the program asks for `bill`%").await;
    dead.script.deploy(&["charge", "pack", "weigh", "ship"], &[End::Well]);
    dead.retry().await;
    dead.until_done().await;
    assert_eq!(dead.script.ran(), ["charge", "pack", "weigh", "ship"]);
}

#[tokio::test]
async fn cleared_steps_are_done_again() {
    let dead = Dead::new().await;
    dead.script.deploy(&["bill"], &[End::Well]);
    let id = dead.id.to_string();
    let cleared = answer(on(&dead.database, &["jobs", "clear-steps", &id]));
    assert_eq!(cleared, format!("2 steps of job {id} are forgotten\n"));
    dead.retry().await;
    dead.until_done().await;
    assert_eq!(dead.script.ran(), ["charge", "pack", "bill"]);
}

#[tokio::test]
async fn steps_of_a_running_or_an_unknown_job_are_not_cleared() {
    let database = TestDatabase::new();
    let script = Script::new(&["charge"], &[End::Never]);
    let scheduler = program(&database, &script).start().await.unwrap();
    let id = scheduler.enqueue(job()).await.unwrap();
    until(&database, "mainspring.steps", 1).await;
    for (id, expected) in
        [(id, "must be that of a job that does not run"), (7_777, "must be that of a stored job")]
    {
        let refused = scheduler.jobs().clear_steps(id).await.unwrap_err();
        let mainspring::SchedulerError::Store(StoreError::Invalid { field, expected: found, .. }) = &refused
        else {
            panic!("{refused}")
        };
        assert_eq!((field.as_str(), found.as_str()), ("job_id", expected));
        assert_refused(on(&database, &["jobs", "clear-steps", &id.to_string()]), 1, expected);
    }
    until(&database, "mainspring.steps", 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_value_of_another_type_is_named_and_not_shown() {
    let dead = Dead::new().await;
    let value = "UPDATE mainspring.steps SET value = '{\"card\": \"4111 1111\"}' WHERE name = 'charge'";
    dead.database.connection().batch_execute(value).unwrap();
    dead.retry().await;
    let error = "step `charge` is done, and its value does not fit `alloc::string::String`: expected a string, found an object";
    until_dead(&dead.database, error).await;
    assert_eq!(dead.script.ran(), ["charge", "pack"]);
    dead.scheduler.stop().await;
}
