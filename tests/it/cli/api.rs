//! Commands through the JSON API of a dashboard, where the database cannot be reached: the same output, and the same exit codes.

use std::process::Output;

use diesel::connection::SimpleConnection;
use mainspring::{NewJob, NewSchedule, Scheduler, Wait};
use serde_json::json;

use super::dashboard::Served;
use super::{assert_refused, on, program};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

const PASSWORD: &str = "MAINSPRING_API_PASSWORD";

/// Runs a command that knows no database.
pub(super) fn through(served: &Served, arguments: &[&str]) -> Output {
    let mut command = program(arguments);
    command.env("MAINSPRING_API", served.url()).env_remove(PASSWORD).output().unwrap()
}

/// A dead job, a waiting one, a finished one, a queue, a schedule that has fired.
async fn furnished() -> (TestDatabase, [i64; 3]) {
    let database = TestDatabase::new();
    let client = Scheduler::builder(database.url()).connect().await.unwrap();
    let jobs = client.jobs();
    let job = |key: &str| NewJob::new("note", &json!({"n": 1})).key(key).queue("mails");
    let dead = jobs.insert(job("a")).await.unwrap();
    jobs.fail([dead], Some("disk on fire\nat line 2")).await.unwrap();
    let waiting = jobs.insert(job("b")).await.unwrap();
    let done = jobs.insert(job("c")).await.unwrap();
    jobs.complete([done], Some("by hand")).await.unwrap();
    client
        .queues()
        .set_task_limit("note", mainspring::queues::TaskLimit::new().concurrency(2))
        .await
        .unwrap();
    let settings = mainspring::queues::QueueSettings::concurrency(3);
    client.queues().set_family("tenant:*", settings).await.unwrap();
    let nightly = NewSchedule::new("nightly", "note", "0 8 * * *").payload(json!({"n": 1}));
    client.schedules().create(nightly).await.unwrap();
    client.schedules().trigger("nightly").await.unwrap();
    client.stop().await;
    (database, [dead, waiting, done])
}

/// A job that waits for a signal, and has done a step before.
fn hold(database: &TestDatabase) -> i64 {
    let mut conn = database.connection();
    let job = NewJob::new("ship", &json!({})).after(Wait::signal("go"));
    let id = mainspring::jobs::insert(&mut conn, job).unwrap();
    let step = format!(
        "INSERT INTO mainspring.steps (job_id, position, payload_hash, name, value) VALUES ({id}, 1, 7, 'charge', '1')"
    );
    conn.batch_execute(&step).unwrap();
    id
}

#[tokio::test]
async fn what_a_command_prints_is_the_same_through_the_api() {
    let (database, [dead, waiting, _]) = furnished().await;
    database.publish_unredacted("note");
    let served = Served::start(&database, &["--payloads"], None);
    let (dead, waiting) = (dead.to_string(), waiting.to_string());
    let commands: [&[&str]; 22] = [
        &["jobs", "list"],
        &["jobs", "list", "--state", "all", "--first", "newest", "--since", "2020-01-01T00:00:00Z"],
        &["jobs", "list", "--queue-like", "m*s", "--key", "b", "--after", "0"],
        &["jobs", "show", &dead],
        &["jobs", "show", &waiting, "--payload"],
        &["jobs", "show", "7777"],
        &["jobs", "history"],
        &["explain", &waiting],
        &["explain", "7777"],
        &["tasks", "list"],
        &["queues", "list"],
        &["queues", "show", "mails"],
        &["queues", "families"],
        &["queues", "task-limits"],
        &["schedules", "list"],
        &["schedules", "show", "nightly"],
        &["schedules", "show", "none"],
        &["workers", "list"],
        &["errors", "--since", "24h"],
        &["audit"],
        &["stats"],
        &["stats", "--since", "24h", "--task", "note"],
    ];
    for command in commands {
        for json in [&[][..], &["--json"]] {
            let arguments = [command, json].concat();
            let (direct, remote) = (on(&database, &arguments), through(&served, &arguments));
            let shown = String::from_utf8_lossy(&remote.stderr).into_owned();
            assert_eq!(remote.status.code(), direct.status.code(), "{arguments:?}: {shown}");
            let (direct, remote) = (direct.stdout, remote.stdout);
            assert_eq!(
                String::from_utf8(remote).unwrap(),
                String::from_utf8(direct).unwrap(),
                "{arguments:?}"
            );
        }
    }
    for command in [&["status"][..], &["gauges"]] {
        let (direct, remote) = (on(&database, command), through(&served, command));
        let lines = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap().lines().count();
        assert!(remote.status.success(), "{command:?}: {}", String::from_utf8_lossy(&remote.stderr));
        assert_eq!(lines(&remote), lines(&direct), "{command:?}");
    }
    let (direct, remote) = (on(&database, &["health"]), through(&served, &["health"]));
    assert_eq!((direct.status.code(), &direct.stderr), (remote.status.code(), &remote.stderr));
}

#[tokio::test]
async fn acts_through_the_api_print_and_exit_as_those_on_the_database() {
    let (database, [dead, waiting, done]) = furnished().await;
    let served = Served::start(&database, &[], None);
    let held = hold(&database).to_string();
    let (dead, waiting, done) = (dead.to_string(), waiting.to_string(), done.to_string());
    let does = |arguments: &[&str], code: i32, words: &str| {
        let output = through(&served, arguments);
        let told =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && told.contains(words), "{arguments:?}: {told}");
    };
    does(&["jobs", "retry", &dead, &done, "--in", "1h"], 3, "1 of 2 were not changed");
    does(&["jobs", "reschedule", &dead, "--priority", "-3"], 0, "rescheduled");
    does(&["jobs", "cancel", &dead, "--reason", "twice", "--json"], 0, "\"cancelled\"");
    does(&["jobs", "release", &held, &dead], 3, "1 of 2 were not changed");
    does(&["jobs", "clear-steps", &held], 0, "1 steps of job");
    does(&["jobs", "clear-steps", "7777"], 1, "must be that of a stored job");
    does(&["jobs", "delete", &waiting], 0, "deleted");
    does(&["queues", "pause", "mails"], 0, "queue mails is paused");
    does(&["queues", "pause", "mails"], 0, "queue mails was paused already");
    does(&["queues", "resume", "mails"], 0, "queue mails is resumed");
    does(&["schedules", "pause", "nightly"], 0, "paused nightly");
    does(&["schedules", "resume", "nightly"], 0, "resumed nightly");
    let fired = through(&served, &["schedules", "trigger", "nightly"]);
    let id: i64 = String::from_utf8(fired.stdout).unwrap().trim().parse().unwrap();
    does(&["jobs", "show", &id.to_string()], 0, "ready");
    does(
        &["schedules", "create", "weekly", "note", "0 9 * * mon", "{\"n\": 1}", "--paused"],
        0,
        "created weekly",
    );
    does(&["schedules", "create", "weekly", "note", "@daily"], 1, "there is already a schedule `weekly`");
    does(&["schedules", "create", "other", "note", "soon"], 1, "expression");
    does(&["schedules", "update", "weekly", "--queue", "mails", "--jitter", "30s"], 0, "updated weekly");
    does(&["schedules", "show", "weekly"], 0, "30 s");
    does(&["schedules", "update", "none", "--queue", "mails"], 1, "there is no schedule `none`");
    does(&["schedules", "delete", "weekly"], 0, "deleted weekly");
    does(&["schedules", "delete", "weekly"], 1, "there is no schedule `weekly`");
    let exact = "{\"n\": 12345678901234567890123}";
    let options = ["--queue", "mails", "--in", "1h", "--key", "k", "--flag", "slow", "--priority", "-4"];
    let added = through(&served, &[&["enqueue", "note", exact], &options[..]].concat());
    let warning = String::from_utf8_lossy(&added.stderr).into_owned();
    assert!(warning.contains("no living worker knows the task note"), "{warning}");
    let added = String::from_utf8(added.stdout).unwrap();
    let stored = on(&database, &["jobs", "show", added.trim()]);
    let stored = String::from_utf8(stored.stdout).unwrap();
    for fact in ["scheduled", "mails", "slow", "-4"] {
        assert!(stored.contains(fact), "{fact}: {stored}");
    }
    let digits = "mainspring.jobs WHERE payload::text LIKE '%12345678901234567890123%'";
    assert_eq!(count(&mut database.connection(), digits), 1);
    does(&["enqueue", "note", "{}", "--max-attempts", "3", "--key", ""], 1, "key must be");
    let reason = "x".repeat(1_001);
    let refused = through(&served, &["jobs", "cancel", &id.to_string(), "--reason", &reason]);
    assert_refused(refused, 1, "reason must be at most 1000 characters");
    assert_refused(through(&served, &["schedules", "pause", "none"]), 1, "there is no schedule `none`");
}

#[tokio::test]
async fn an_act_by_conditions_through_the_api_is_an_operation_that_is_followed() {
    let (database, [dead, waiting, _]) = furnished().await;
    let builder = Scheduler::builder(database.url()).worker_threads(1).without_cron();
    let worker = builder.handler(crate::support::jobs::behave).start().await.unwrap();
    let served = Served::start(&database, &[], None);
    let retry = ["jobs", "retry", "--task", "note", "--queue", "mails"];
    assert_refused(through(&served, &retry), 1, "1 jobs meet the conditions: give --yes to retry them");
    let none = through(&served, &["jobs", "retry", "--key", "none", "--yes"]);
    assert_eq!(String::from_utf8(none.stdout).unwrap(), "no job meets the conditions\n");
    // Others read what the worker needs meanwhile.
    let done = tokio::task::spawn_blocking(move || {
        let retried = through(&served, &[&retry[..], &["--yes", "--json"]].concat());
        let moved = ["jobs", "reschedule", "--queue", "mails", "--priority", "-3", "--yes"];
        (retried, through(&served, &moved))
    });
    let (retried, moved) = done.await.unwrap();
    let told = String::from_utf8_lossy(&retried.stderr).into_owned();
    assert!(retried.status.success() && told.contains("operation 1 is added"), "{told}");
    let counts: serde_json::Value = serde_json::from_slice(&retried.stdout).unwrap();
    assert_eq!(counts, json!([{"result": "retried", "jobs": 1}]));
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    assert!(String::from_utf8_lossy(&moved.stdout).contains("rescheduled  2"));
    for id in [dead, waiting] {
        assert_eq!(worker.jobs().require(id).await.unwrap().priority, -3);
    }
    worker.stop().await;
}

#[tokio::test]
async fn an_act_by_conditions_that_is_detached_ends_before_its_operation() {
    let (database, _) = furnished().await;
    let held = hold(&database);
    let served = Served::start(&database, &[], None);
    // No process carries it out, so a command that followed it would not end.
    for (json, printed) in [(&[][..], "operation 1\n"), (&["--json"], "{\n  \"operation\": 2\n}\n")] {
        let release = ["jobs", "release", "--task", "ship", "--yes", "--detach"];
        let added = through(&served, &[&release[..], json].concat());
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        assert_eq!(String::from_utf8(added.stdout).unwrap(), printed);
    }
    let waiting =
        "mainspring.operations WHERE act = 'release' AND state = 'running' AND words LIKE 'state waiting%'";
    assert_eq!(count(&mut database.connection(), waiting), 2);
    let held = held.to_string();
    assert_refused(through(&served, &["jobs", "release", &held, "--detach"]), 2, "cannot be used with");
    let here = on(&database, &["jobs", "release", "--task", "ship", "--yes", "--detach"]);
    assert_refused(here, 2, "--detach is for --api");
    assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE state = 'waiting'"), 1);
}

#[tokio::test]
async fn a_password_over_plain_http_is_warned_of_unless_it_stays_here() {
    let ask = |url: &str, password: Option<&str>| {
        let mut command = program(&["queues", "list", "--api", url]);
        command.env_remove(PASSWORD);
        if let Some(password) = password {
            command.env(PASSWORD, password);
        }
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    // No name ends so, and nothing is sent to the others.
    let warned = ask("http://app.invalid/jobs", Some("s3cret"));
    assert_eq!(warned.matches("the password goes to app.invalid unencrypted").count(), 1, "{warned}");
    assert!(!warned.contains("s3cret"), "{warned}");
    for (url, password) in [
        ("http://app.invalid/jobs", None),
        ("https://app.invalid/jobs", Some("s3cret")),
        ("http://127.0.0.1:1/jobs", Some("s3cret")),
        ("http://localhost:1/jobs", Some("s3cret")),
    ] {
        assert!(!ask(url, password).contains("unencrypted"), "{url}");
    }
}

#[test]
fn a_file_without_certificates_is_refused_before_anything_is_sent() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let empty = folder.join("no-certificates.pem");
    std::fs::write(&empty, "none").unwrap();
    for (file, why) in [(empty.as_path(), "it has none"), (&folder.join("not-there.pem"), "No such file")] {
        let ask = ["queues", "list", "--api", "https://app.invalid/jobs", "--api-ca", file.to_str().unwrap()];
        assert_refused(program(&ask).output().unwrap(), 2, why);
    }
}

#[tokio::test]
async fn what_the_api_does_not_offer_says_that_it_needs_the_database() {
    let (database, [dead, ..]) = furnished().await;
    let served = Served::start(&database, &[], None);
    let dead = dead.to_string();
    let commands: [&[&str]; 10] = [
        &["migrate"],
        &["cleanup"],
        &["pause", "--all"],
        &["jobs", "complete", &dead],
        &["jobs", "retry", "--state", "dead", "--most", "1", "--yes"],
        &["jobs", "complete", "--state", "dead", "--yes"],
        &["queues", "set", "mails"],
        &["queues", "pause", "--task", "note"],
        &["workers", "release", "1"],
        &["top"],
    ];
    for command in commands {
        assert_refused(through(&served, command), 2, "this command needs the database");
    }
    let doctor = through(&served, &["doctor"]);
    assert_eq!(doctor.status.code(), Some(125));
}

#[tokio::test]
async fn a_client_signs_in_by_a_variable_and_says_why_it_cannot() {
    let (database, _) = furnished().await;
    let served = Served::start(&database, &["--read-only"], Some("s3cret"));
    let ask = |arguments: &[&str], password: &str| {
        let mut command = program(arguments);
        command.env("MAINSPRING_API", served.url()).env(PASSWORD, password).output().unwrap()
    };
    assert!(ask(&["queues", "list"], "s3cret").status.success());
    assert_refused(ask(&["queues", "list"], "guess"), 1, "Give --api-user, and set MAINSPRING_API_PASSWORD");
    assert_refused(ask(&["queues", "list", "--api-user", "anna"], "s3cret"), 1, "Give --api-user");
    assert_refused(ask(&["queues", "pause", "mails"], "s3cret"), 1, "You may not pause and resume queues");
    let at = |url: &str| program(&["queues", "list", "--api", url]).env_remove(PASSWORD).output().unwrap();
    assert_refused(at("http://127.0.0.1:1/jobs"), 1, "cannot reach http://127.0.0.1:1/jobs/api/");
    assert_refused(at(&format!("{}/elsewhere", served.url())), 1, "401");
    for wrong in ["postgres://localhost/app", "http://ops:s3cret@localhost/", "localhost:8080"] {
        let refused = at(wrong);
        assert!(!String::from_utf8_lossy(&refused.stderr).contains("s3cret"));
        assert_refused(refused, 2, "--api must be an address of a dashboard");
    }
}
