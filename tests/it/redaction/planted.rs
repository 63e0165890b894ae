//! A process with secrets in redacted values and in others, wherever a program may have them. All that it prints and leaves behind is
//! searched for them.

use std::time::Duration;

use actix_web::test::TestRequest;
use mainspring::dashboard::{Access, Dashboard, Rights};
use mainspring::{
    BatchResult, Enqueue, JobContext, JobError, NewJob, NewSchedule, Redacted, Scheduler, Task,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Login, OPEN, SECRET, payload};
use crate::cli::program;
use crate::dashboard::ask;
use crate::security::secrets::Printed;
use crate::support::database::TestDatabase;
use crate::support::process;
use crate::support::rows::count;
use crate::support::waiting::{PATIENCE, until_on};

/// The other secret: a value that is not redacted. It is not shown either, unless a payload is asked for.
const SECRETS: [&str; 2] = [SECRET, OPEN];

#[derive(Serialize, Deserialize)]
struct Entry {
    token: Redacted<String>,
}
impl Task for Entry {
    const NAME: &'static str = "redaction.entry";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn batch(entries: Vec<Entry>, _: JobContext) -> BatchResult {
    Ok(entries.iter().map(|_| Err(JobError::from("no connection"))).collect())
}

/// Does a step with a secret, and reads it as another type in the second attempt. Its result is a secret.
async fn sign_in(task: Login, job: JobContext) -> Result<Redacted<String>, JobError> {
    log::info!("{:?} {job:?} {:?}", task.password, job.cron());
    if job.queue() != Some("steps") {
        return Ok(task.password);
    }
    if job.attempt() == 1 {
        let token: Redacted<String> = job.step("token", async || Ok::<_, JobError>(task.password)).await?;
        Err(JobError::retry_in(Duration::ZERO, format!("no reply for {token}")))
    } else {
        let _: Redacted<u8> = job.step("token", async || Ok::<_, JobError>(Redacted::new(7))).await?;
        Ok(Redacted::default())
    }
}

async fn add_all(scheduler: &Scheduler, database: &str) {
    let login = || serde_json::from_value::<Login>(payload(SECRET)).unwrap();
    let outcome = Enqueue::new(login()).wait(scheduler, PATIENCE).await.unwrap();
    let wrong = outcome.value::<Redacted<u8>>().unwrap_err();
    println!("outcome {outcome:?} {wrong} {wrong:?}");
    scheduler.enqueue(Enqueue::new(login()).queue("steps").max_attempts(2)).await.unwrap();
    let entries = vec![Entry { token: Redacted::new(SECRET.to_owned()) }];
    scheduler.enqueue(Enqueue::new(entries)).await.unwrap();
    scheduler.signal("paid", &json!(SECRET)).await.unwrap();
    let mut conn = mainspring::database::connect(database).unwrap();
    let misfits = [
        json!({"user": OPEN, "password": {SECRET: SECRET}}),
        json!({"user": OPEN, "password": "x", "keys": {SECRET: SECRET}}),
        json!({"user": OPEN, "password": "x", "others": [{"user": OPEN, "password": 7, SECRET: OPEN}]}),
        json!(SECRET),
    ];
    for misfit in misfits {
        for task in [Login::NAME, Entry::NAME] {
            let job = NewJob::new(task, &misfit).max_attempts(1);
            let refused = scheduler.jobs().insert(job.clone()).await.unwrap_err();
            println!("error {refused} {refused:?}");
            job.insert(&mut conn).unwrap();
        }
        let schedule = NewSchedule::new("wrong", Login::NAME, "@daily").payload(misfit);
        let refused = scheduler.schedules().create(schedule.clone()).await.unwrap_err();
        println!("error {refused} {refused:?} {schedule:?}");
    }
    let nightly = NewSchedule::new("nightly", Login::NAME, "0 8 1 1 *").payload(payload(SECRET));
    println!("schedule {:?}", scheduler.schedules().create(nightly).await.unwrap());
    scheduler.schedules().trigger("nightly").await.unwrap();
}

async fn print_pages(scheduler: &Scheduler) {
    let dashboard = mainspring::dashboard("/jobs", scheduler, |_| Access::Act(Rights::all()));
    for (_, path) in Dashboard::routes().filter(|(method, path)| *method == "GET" && *path != "changes") {
        for query in (1..20)
            .map(|id| format!("id={id}&payload=true"))
            .chain(["name=nightly".into(), "state=all".into()])
        {
            let request = TestRequest::with_uri(&format!("/jobs/{path}?{query}"));
            println!("page {}", ask(dashboard.clone(), request).await.text);
        }
    }
}

/// Not a test of its own: a worker whose whole output another test searches.
#[actix_web::test]
#[ignore = "the other process of `no_output_shows_a_secret`"]
async fn a_worker_with_redacted_values() {
    let Some(url) = process::given_url() else { return };
    log::set_logger(&Printed).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let line = format!("* * * * * * {} ?id=line&max=1 {{user: '{OPEN}', password: '{SECRET}'}}", Login::NAME);
    let builder = Scheduler::builder(&url).handler(sign_in).batch_handler(batch).crontab(&line);
    println!("builder {builder:?}");
    let scheduler = builder.start().await.unwrap();
    let mut events = scheduler.events();
    add_all(&scheduler, &url).await;
    let mut conn = mainspring::database::connect(&url).unwrap();
    let busy = "mainspring.jobs WHERE state IN ('ready', 'running', 'scheduled', 'parked') AND key IS NULL \
        AND (payload->'_cron') IS NULL";
    until_on(&mut conn, Duration::from_millis(20), busy, 0).await;
    println!("figures {} {:?} {:?}", scheduler.prometheus(), scheduler.status().await, scheduler.health());
    print_pages(&scheduler).await;
    scheduler.stop().await;
    while let Some(event) = events.next().await {
        println!("event {event:?}");
    }
}

fn assert_silent(what: &str, text: &str) {
    for secret in SECRETS {
        let line = text.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{what} shows {secret}: {line:?}");
    }
}

#[test]
fn no_output_shows_a_secret() {
    let database = TestDatabase::new();
    let other = "redaction::planted::a_worker_with_redacted_values";
    let written = process::run(&mut process::command(other, &database.url()));
    assert_silent("the log", &written.err);
    assert_silent("what it printed", &written.out);
    let all = format!("{}{}", written.out, written.err);
    for part in ["[redacted]", "step `token`", "at `password`", "at `keys`", "entries failed", "does not fit"]
    {
        assert!(all.contains(part), "{part}: {all}");
    }
    let mut conn = database.connection();
    assert_eq!(
        count(
            &mut conn,
            "mainspring.schedules WHERE name = 'nightly' AND payload->>'password' = 'value-5tapl3'"
        ),
        1
    );
    for view in
        ["jobs_view", "history_view", "steps_view", "tasks_view", "error_groups", "audit", "stats", "workers"]
    {
        for secret in SECRETS {
            let found = format!("mainspring.{view} AS v WHERE to_jsonb(v)::text LIKE '%{secret}%'");
            assert_eq!(count(&mut conn, &found), 0, "{view} {secret}");
        }
    }
    for arguments in [
        &["jobs", "list", "--state", "all"][..],
        &["jobs", "history"],
        &["jobs", "show", "2", "--payload"],
        &["jobs", "show", "3", "--payload"],
        &["explain", "2"],
        &["schedules", "list"],
        &["schedules", "show", "nightly"],
        &["tasks", "list"],
        &["errors", "--since", "24h"],
        &["workers", "list"],
        &["audit"],
        &["status"],
        &["stats", "--since", "24h"],
        &["doctor"],
    ] {
        for json in [&[][..], &["--json"]] {
            let mut command = program(&[arguments, json].concat());
            let output =
                command.env("DATABASE_URL", database.url()).env("RUST_LOG", "trace").output().unwrap();
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_silent(&format!("{arguments:?}"), &text);
        }
    }
}
