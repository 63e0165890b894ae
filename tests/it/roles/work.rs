//! Each role does its whole work under its own grant alone.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::{
    BatchResult, Enqueue, JobContext, JobError, JobResult, NewSchedule, Scheduler, Task, schedules,
};
use serde::{Deserialize, Serialize};

use super::Role;
use crate::cli::{answer, assert_refused, program};
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave, behave_too, other};
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

/// Runs the program as the role.
fn as_role(role: &Role<'_>, arguments: &[&str]) -> std::process::Output {
    program(arguments).env("DATABASE_URL", role.url()).output().unwrap()
}

#[derive(Serialize, Deserialize)]
struct Mail(u8);
impl Task for Mail {
    const NAME: &'static str = "mail";
}

async fn send(mails: Vec<Mail>, _: JobContext) -> BatchResult {
    Ok(mails.iter().map(|_| Ok(())).collect())
}

/// Uses what a context offers, and snoozes once.
#[derive(Serialize, Deserialize)]
struct Wide {
    filling: String,
}
impl Task for Wide {
    const NAME: &'static str = "wide";
}

async fn widely(task: Wide, job: JobContext) -> JobResult {
    assert!(task.filling.len() > 500_000);
    job.progress(50, "half")?;
    job.step("first", || async { Ok(1) }).await?;
    job.step_in_transaction("second", |conn| Ok(other().insert(conn)?)).await?;
    if job.snoozes() == 0 {
        return Err(JobError::snooze(Duration::ZERO));
    }
    job.enqueue(other().queue("follow").key("other")).await?;
    job.transaction(|conn| Ok(act("in a transaction").insert(conn).map(drop)?)).await
}

const FINISHED: &str = "mainspring.history WHERE outcome = 'succeeded' AND task = ";

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_only_work_runs_every_kind_of_job() {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "worker");
    let mut owner = database.connection();
    let nightly = NewSchedule::new("nightly", "other", "* * * * * *").queue(Some("q"));
    schedules::create(&mut owner, &nightly).unwrap();
    let builder =
        Scheduler::builder(role.url()).without_migrations().crontab("* * * * * * act ?id=line {act: 'line'}");
    let builder = builder.handler(behave).handler(behave_too).handler(widely).batch_handler(send);
    let scheduler = builder.forbid_flags(["never"]).limit::<Mail>(1).start().await.unwrap();
    for how in ["fail", "panic", "discard", "cancel", "fail at once again"] {
        scheduler.enqueue(act(how).max_attempts(1)).await.unwrap();
    }
    let soon = chrono::Utc::now() + chrono::TimeDelta::milliseconds(300);
    scheduler.enqueue(act("soon").run_at(soon).queue("q").key("k").flags(["some"])).await.unwrap();
    scheduler.enqueue(Enqueue::new(vec![Mail(1), Mail(2)])).await.unwrap();
    scheduler.enqueue(Enqueue::new(Wide { filling: "x".repeat(600_000) })).await.unwrap();
    act("left").flags(["never"]).insert(&mut owner).unwrap();
    until(&database, "mainspring.jobs WHERE state = 'dead'", 4).await;
    until(&database, "mainspring.history WHERE outcome = 'cancelled'", 1).await;
    for (task, least) in [("mail", 1), ("wide", 1), ("other", 2), ("act", 3)] {
        until_at_least(&database, &format!("{FINISHED} '{task}'"), least).await;
    }
    until_at_least(&database, "mainspring.schedule_fires WHERE outcome = 'enqueued'", 2).await;
    scheduler.stop().await;
    assert_eq!(count(&mut owner, "mainspring.workers"), 0);
    assert_eq!(count(&mut owner, "mainspring.jobs WHERE state = 'running'"), 0);
}

#[test]
fn a_role_that_may_only_read_uses_every_listing_and_no_act() {
    let database = TestDatabase::new();
    act("secret").insert(&mut database.connection()).unwrap();
    let role = Role::granted(&database, "read");
    for listing in [
        &["status"][..],
        &["jobs", "list"],
        &["jobs", "show", "1"],
        &["jobs", "history"],
        &["queues", "list"],
        &["workers", "list"],
    ] {
        answer(as_role(&role, listing));
        let json = answer(as_role(&role, &[listing, &["--json"]].concat()));
        assert!(!json.contains("payload") && !json.contains("secret"), "{json}");
    }
    for (refused, what) in [
        (&["jobs", "show", "1", "--payload"][..], "jobs"),
        (&["jobs", "delete", "1"], "delete_jobs"),
        (&["queues", "pause", "q"], "pause_queue"),
        (&["pause", "--all"], "pause_all"),
        (&["cleanup"], "release_lost_workers"),
        (&["enqueue", "act"], "enqueue"),
        (&["schedules", "list"], "schedules_view"),
    ] {
        assert_refused(as_role(&role, refused), 1, what);
    }
}

#[test]
fn a_role_that_administers_uses_every_act_and_adds_and_reads_no_payload() {
    let database = TestDatabase::new();
    let mut owner = database.connection();
    for _ in 0..6 {
        act("secret").insert(&mut owner).unwrap();
    }
    act("held").after(mainspring::Wait::signal("go")).insert(&mut owner).unwrap();
    let yearly = NewSchedule::new("yearly", "act", "0 0 1 1 *");
    schedules::create(&mut owner, &yearly).unwrap();
    owner
        .batch_execute(
            "INSERT INTO mainspring.workers (name, tasks, timeout) VALUES ('w', '{act}', '1 hour')",
        )
        .unwrap();
    let role = Role::granted(&database, "admin");
    for act in [
        &["status"][..],
        &["jobs", "list"],
        &["jobs", "fail", "1", "2", "--reason", "why"],
        &["jobs", "retry", "1"],
        &["jobs", "retry", "--task", "act", "--yes"],
        &["jobs", "reschedule", "1", "--in", "1h"],
        &["jobs", "complete", "1"],
        &["jobs", "cancel", "2"],
        &["jobs", "delete", "3"],
        &["jobs", "release", "7"],
        &["jobs", "clear-steps", "7"],
        &["jobs", "fail", "--state", "ready", "--most", "1", "--yes"],
        &["queues", "set", "q", "--limit", "5", "--rate", "1/s"],
        &["queues", "pause", "q"],
        &["queues", "resume", "q"],
        &["queues", "pause", "--task", "act"],
        &["queues", "resume", "--task", "act"],
        &["pause", "--all"],
        &["resume", "--all"],
        &["workers", "release", "1"],
        &["cleanup", "--dead-older-than", "0s"],
        &["jobs", "history"],
    ] {
        answer(as_role(&role, act));
    }
    let mut conn = role.connection();
    assert!(mainspring::queues::remove(&mut conn, "q").unwrap());
    for (refused, what) in [
        (&["jobs", "show", "5", "--payload"][..], "jobs"),
        (&["enqueue", "act"], "enqueue"),
        (&["schedules", "trigger", "yearly"], "trigger_schedule"),
        (&["schedules", "pause", "yearly"], "write_schedule"),
        (&["schedules", "create", "s", "t", "@daily"], "write_schedule"),
    ] {
        assert_refused(as_role(&role, refused), 1, what);
    }
    assert_eq!(count(&mut owner, "mainspring.jobs"), 3);
}

#[test]
fn a_role_that_edits_schedules_uses_every_verb_of_them() {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "schedules");
    // The check of the schema and the list of states read what `grant_read` shows.
    let also = format!("SELECT mainspring.grant_read('{}')", role.name);
    database.connection().batch_execute(&also).unwrap();
    for verb in [
        &["schedules", "create", "s", "act", "0 0 1 1 *", "{\"act\": \"x\"}"][..],
        &["schedules", "update", "s", "--zone", "Europe/Paris"],
        &["schedules", "list"],
        &["schedules", "trigger", "s"],
        &["schedules", "show", "s"],
        &["schedules", "pause", "s"],
        &["schedules", "resume", "s"],
        &["schedules", "delete", "s"],
    ] {
        answer(as_role(&role, verb));
    }
    assert_refused(as_role(&role, &["jobs", "delete", "1"]), 1, "delete_jobs");
    assert_refused(as_role(&role, &["jobs", "show", "1", "--payload"]), 1, "jobs");
}
