//! Escape sequences and line breaks in stored texts neither forge a log line nor command a terminal, wherever they are printed.

use std::time::Duration;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use mainspring::database::connect;
use mainspring::queues::QueueSettings;
use mainspring::{
    BatchResult, CronExpression, Crontab, Enqueue, JobContext, JobError, JobResult, NewJob, NewSchedule,
    Scheduler, Schema, Task, jobs, queues, schedules,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::planted::{HOSTILE, assert_harmless, plant};
use crate::cli::on;
use crate::support::database::TestDatabase;
use crate::support::process;
use crate::support::rows::count;
use crate::support::waiting::until_on;

#[test]
fn no_command_prints_hostile_text_as_it_is() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let planted = plant(&mut conn);
    for column in
        ["jobs.task", "jobs.last_error", "queues.name", "workers.name", "schedules.name", "history.reason"]
    {
        assert!(planted.iter().any(|name| name == column), "{column} of {planted:?}");
    }
    let version =
        format!("INSERT INTO mainspring.__diesel_schema_migrations VALUES ('2026112400000199{HOSTILE}')");
    conn.batch_execute(&version).unwrap();
    conn.batch_execute(
        "UPDATE mainspring.schedules SET name = 'HOSTILE' WHERE id = 1".replace("HOSTILE", HOSTILE).as_str(),
    )
    .unwrap();
    for command in [
        &["status"][..],
        &["jobs", "list"],
        &["jobs", "show", "1", "--payload"],
        &["jobs", "show", "5", "--payload"],
        &["jobs", "history"],
        &["explain", "1"],
        &["explain", "5"],
        &["queues", "list"],
        &["workers", "list"],
        &["schedules", "list"],
        &["schedules", "show", HOSTILE],
        &["jobs", "retry", "1", "2", "3", "4", "5"],
        &["jobs", "cancel", "1", "5", "--reason", HOSTILE],
        &["jobs", "list", "--task", HOSTILE],
        &["cleanup"],
    ] {
        let json = on(&database, &[command, &["--json"]].concat());
        for output in [on(&database, command), json] {
            check(command, output);
        }
    }
    acts_print_no_hostile_text(&database);
}

fn acts_print_no_hostile_text(database: &TestDatabase) {
    for command in [
        &["enqueue", HOSTILE, "{}", "--queue", HOSTILE, "--key", HOSTILE, "--flag", HOSTILE][..],
        &["enqueue", "t", HOSTILE],
        &["enqueue", "t", "{}", "--in", HOSTILE],
        &["queues", "set", HOSTILE],
        &["queues", "pause", HOSTILE],
        &["queues", "resume", HOSTILE],
        &["queues", "pause", "--task", HOSTILE],
        &["queues", "resume", "--task", HOSTILE],
        &["schedules", "create", HOSTILE, HOSTILE, HOSTILE],
        &["schedules", "create", &format!("new{HOSTILE}"), HOSTILE, "@daily"],
        &["schedules", "update", HOSTILE, "--zone", HOSTILE],
        &["schedules", "pause", HOSTILE],
        &["schedules", "trigger", HOSTILE],
        &["schedules", "show", "unknown\u{1b}[2J\nERROR forged"],
        &["schedules", "delete", HOSTILE],
        &["cron", "next", HOSTILE],
        &["cron", "explain", HOSTILE],
        &["cron", "next", "@daily", "--zone", HOSTILE],
        &["status", "--schema", "odd\u{202e}name"],
        &["status", "--schema", HOSTILE],
        &["status", "--database-url", HOSTILE],
        &["status", "--database-url", &format!("postgres://127.0.0.1:1/{HOSTILE}")],
        &["migrate"],
        &[HOSTILE],
    ] {
        check(command, on(database, command));
    }
}

fn check(command: &[&str], output: std::process::Output) {
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!printed.is_empty(), "{command:?}");
    assert_harmless(&format!("{command:?}"), &printed);
}

#[test]
fn no_error_quotes_hostile_text_as_it_came() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let long = HOSTILE.repeat(40);
    let with_nul = format!("{HOSTILE}\0");
    let job = || NewJob::new("t", &json!({}));
    let mut errors = Vec::new();
    for text in [HOSTILE, &long, &with_nul] {
        let names = [
            NewJob::new(text.to_owned(), &json!({})).insert(&mut conn),
            job().queue(text).insert(&mut conn),
            job().key(text).insert(&mut conn),
            job().flags([text, "", text]).insert(&mut conn),
            NewJob::from_json("t", text).and_then(|job| job.insert(&mut conn)),
        ];
        errors.extend(names.into_iter().filter_map(|result| Some(result.err()?.to_string())));
        let schedule = |expression: &str| NewSchedule::new("s", text, expression);
        for one in [
            schedule("@daily"),
            schedule(text),
            schedule("@daily").zone(text),
            schedule("@daily").key(Some(text)),
        ] {
            errors
                .extend(schedules::create(&mut conn, &one.paused(true)).err().map(|error| error.to_string()));
            let _ = schedules::delete(&mut conn, "s");
        }
        errors.extend(
            queues::set(&mut conn, text, &QueueSettings::concurrency(0)).err().map(|error| error.to_string()),
        );
        errors.extend(jobs::remove(&mut conn, text).err().map(|error| error.to_string()));
        errors.extend(Schema::new(text).err().map(|error| error.to_string()));
        errors.extend(CronExpression::parse(text).err().map(|error| error.to_string()));
        errors.extend(Crontab::parse(&format!("* * * * * {text}")).err().map(|error| error.to_string()));
        errors
            .extend(Crontab::parse(&format!("* * * * * t {{{text}}}")).err().map(|error| error.to_string()));
        errors.extend(connect(text).err().map(|error| error.to_string()));
        errors.extend(
            connect(&format!("host=127.0.0.1 port=1 dbname='{text}'")).err().map(|error| error.to_string()),
        );
    }
    let raised = format!(
        "DO $$ BEGIN RAISE EXCEPTION '%', '{HOSTILE}' USING DETAIL = '{HOSTILE}', HINT = '{HOSTILE}'; END $$"
    );
    conn.batch_execute(&format!(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN {} RETURN NULL; END $f$; \
         CREATE TRIGGER fail BEFORE INSERT ON mainspring.jobs EXECUTE FUNCTION fail()",
        raised.trim_start_matches("DO $$ BEGIN").trim_end_matches("END $$")
    ))
    .unwrap();
    errors.push(job().insert(&mut conn).unwrap_err().to_string());
    assert!(errors.len() > 25, "{errors:#?}");
    errors.iter().for_each(|error| {
        assert_harmless("an error", error);
        assert_eq!(error.lines().count(), 1, "{error}");
    });
}

/// A task whose name a program took from a hostile source.
#[derive(Serialize, Deserialize)]
struct Odd {
    how: String,
}
impl Task for Odd {
    const NAME: &'static str = "odd\u{1b}[2J\nERROR forged\u{202e}";
}

async fn run(task: Odd, job: JobContext) -> JobResult {
    job.progress(10, HOSTILE)?;
    match task.how.as_str() {
        "fail" => Err(std::io::Error::other(HOSTILE))?,
        "panic" => panic!("{HOSTILE}"),
        "discard" => Err(JobError::discard(HOSTILE)),
        "cancel" => Err(JobError::cancel(HOSTILE)),
        _ => Ok(()),
    }
}

#[derive(Serialize, Deserialize)]
struct Mail(u8);
impl Task for Mail {
    const NAME: &'static str = "mail\u{9b}2J";
}

async fn send(mails: Vec<Mail>, _: JobContext) -> BatchResult {
    Ok(mails.iter().map(|_| Err(JobError::discard(HOSTILE))).collect())
}

async fn flags() -> Vec<String> {
    panic!("{HOSTILE}")
}

const NOT_ENDED: &str = "mainspring.jobs WHERE state NOT IN ('held', 'dead') AND task LIKE 'odd%'";

/// Not a test of its own: a worker whose whole log another test reads.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the other process of `no_log_line_and_no_event_shows_hostile_text_as_it_is`"]
async fn a_worker_among_hostile_rows() {
    let Some(url) = process::given_url() else { return };
    // Rust's own hook prints the message of a panic as it is. It is the application's to choose.
    std::panic::set_hook(Box::new(|_| {}));
    env_logger::Builder::new()
        .filter_level(log::LevelFilter::Trace)
        .target(env_logger::Target::Stderr)
        .init();
    let line = format!("* * * * * * {} ?id=l%1b%0AERROR%20forged%E2%80%AE {{how: 'fine'}}", "other");
    let builder = Scheduler::builder(&url).handler(run).batch_handler(send).worker_name(HOSTILE);
    let builder = builder.forbid_flags_by(flags).grace_period(Duration::ZERO);
    let scheduler =
        builder.heartbeat_timeout(Duration::from_millis(1_500)).crontab(&line).start().await.unwrap();
    let mut events = scheduler.events();
    for how in ["fail", "panic", "discard", "cancel", "fine"] {
        let job = Enqueue::new(Odd { how: how.into() });
        scheduler.enqueue(job.queue(HOSTILE).key(format!("{how}{HOSTILE}")).max_attempts(1)).await.unwrap();
    }
    scheduler.enqueue(Enqueue::new(vec![Mail(1)])).await.unwrap();
    // A payload that does not fit its task.
    let misfit = json!({ HOSTILE: HOSTILE, "how": {HOSTILE: 1} });
    let misfit = NewJob::new(Odd::NAME, &misfit).max_attempts(1);
    let refused = scheduler.enqueue_many(vec![misfit.clone()]).await.unwrap_err();
    log::error!(target: "mainspring", "{refused}");
    let mut conn = diesel::PgConnection::establish(&url).unwrap();
    misfit.insert(&mut conn).unwrap();
    for hint in ["queue - 0 0 ", "paused ", "cancel ", "resumed ", ""] {
        conn.batch_execute(&format!("SELECT pg_notify(mainspring.channel(), '{hint}{HOSTILE}')")).unwrap();
    }
    until_on(&mut conn, Duration::from_millis(20), NOT_ENDED, 0).await;
    until_on(&mut conn, Duration::from_millis(20), "mainspring.workers WHERE id = 100", 0).await;
    until_on(
        &mut conn,
        Duration::from_millis(20),
        "(SELECT FROM mainspring.schedules WHERE owner = 'code' AND last_fire_at IS NOT NULL LIMIT 1) AS f",
        1,
    )
    .await;
    scheduler.stop().await;
    while let Some(event) = events.next().await {
        println!("event {event:?}");
    }
}

#[test]
fn no_log_line_and_no_event_shows_hostile_text_as_it_is() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    plant(&mut conn);
    // The jobs of the planted rows have a task that nobody handles, but for the lost one.
    conn.batch_execute(&format!("UPDATE mainspring.jobs SET task = '{}' WHERE state = 'running'", Odd::NAME))
        .unwrap();
    let other = "security::output::a_worker_among_hostile_rows";
    let written = process::run(&mut process::command(other, &database.url()));
    assert_harmless("the log", &written.err);
    assert_harmless("an event", &written.out);
    for part in
        ["worker", "was discarded", "panicked", "was cancelled", "was lost in attempt", "flags", "entry 0"]
    {
        assert!(written.err.contains(part), "{part}: {}", written.err);
    }
    assert!(written.out.contains("event JobDead") && written.out.contains("\\u{1b}"), "{}", written.out);
    let lines = written.err.lines().filter(|line| line.contains("mainspring"));
    assert!(lines.clone().all(|line| line.starts_with('[')), "{:?}", lines.collect::<Vec<_>>());
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'running'"), 0);
}
