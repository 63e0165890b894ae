//! No password, payload value or URL in logs, errors, `Debug` output, panics or process listings: secrets are planted, and all
//! output is searched for them.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use mainspring::{
    BatchResult, Cron, Crontab, Enqueue, EnqueueMany, JobContext, JobError, JobResult, NewJob, NewSchedule,
    ScheduleChanges, Scheduler, StoreError, Task, database, schedules,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::process;
use crate::support::rows::count;
use crate::support::waiting::{block_until, until_on};

mod program;

const PASSWORD: &str = "pw-h0rsebattery";
const VALUE: &str = "value-5tapl3";

fn assert_silent(what: &str, text: &str) {
    for secret in [PASSWORD, VALUE] {
        assert!(!text.contains(secret), "{what} shows {secret}: {text}");
    }
}

fn text_of(output: Output) -> String {
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// A superuser with the planted password, and the database's URL for it.
fn with_password(database: &TestDatabase) -> (String, String) {
    let role =
        format!("mainspring_secret_{}_{}", std::process::id(), database.url().rsplit('_').next().unwrap());
    let role: String = role.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let make =
        format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{PASSWORD}'");
    database.connection().batch_execute(&make).unwrap();
    let url = database.url();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    (format!("{scheme}://{role}:{PASSWORD}@{place}"), role)
}

#[derive(Serialize, Deserialize)]
struct Keep {
    how: String,
    #[serde(default)]
    number: u32,
}
impl Task for Keep {
    const NAME: &'static str = "keep";
}

#[derive(Serialize, Deserialize)]
struct Mail {
    to: String,
}
impl Task for Mail {
    const NAME: &'static str = "mail";
}

fn keep() -> Keep {
    Keep { how: VALUE.into(), number: 1 }
}

async fn run(task: Keep, job: JobContext) -> JobResult {
    println!("context {job:?}");
    match task.number {
        2 => panic!("it fell over"),
        3 => Err(JobError::discard("of no use")),
        _ => Err(std::io::Error::other("it failed"))?,
    }
}

async fn send(_: Vec<Mail>, _: JobContext) -> BatchResult {
    Err("no connection")?
}

// Outcomes, fires and inserts are refused by constraints whose details quote the row.
const REFUSALS: &str = "
    ALTER TABLE mainspring.jobs ADD CONSTRAINT no_dead CHECK (state <> 'dead' OR queue IS DISTINCT FROM 'refused');
    ALTER TABLE mainspring.jobs ADD CONSTRAINT few CHECK (key IS DISTINCT FROM 'checked');
    CREATE UNIQUE INDEX once ON mainspring.jobs ((payload->>'how')) WHERE queue = 'once';";

fn set_password(conn: &mut PgConnection, password: &str) {
    let change = format!(
        "DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L', current_user, '{password}'); END $$"
    );
    conn.batch_execute(&change).unwrap();
}

/// Whether the database has refused an outcome.
static REFUSED: AtomicBool = AtomicBool::new(false);

pub(crate) struct Printed;

impl log::Log for Printed {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        REFUSED.fetch_or(line.contains("cannot store that job"), Ordering::SeqCst);
        eprintln!("{line}");
    }

    fn flush(&self) {}
}

/// Not a test of its own: a worker whose whole output another test searches.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the other process of `no_output_of_a_worker_shows_a_secret`"]
async fn a_worker_with_secrets() {
    let Some(url) = process::given_url() else { return };
    log::set_logger(&Printed).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let mut conn = PgConnection::establish(&url).unwrap();
    conn.batch_execute(REFUSALS).unwrap();
    let line = format!("* * * * * * keep ?id=line&queue=refused&max=1 {{how: '{VALUE}'}}");
    let builder = Scheduler::builder(&url).handler(run).batch_handler(send).crontab(&line);
    let builder =
        builder.heartbeat_timeout(Duration::from_millis(1_500)).poll_interval(Duration::from_millis(100));
    println!("builder {builder:?}");
    let scheduler = builder.start().await.unwrap();
    println!("scheduler {scheduler:?}");
    let mut events = scheduler.events();
    for number in 1..=3 {
        scheduler.enqueue(Enqueue::new(Keep { number, ..keep() }).max_attempts(1)).await.unwrap();
    }
    for queue in ["refused", "once", "once"] {
        let refused = scheduler.enqueue(Enqueue::new(keep()).queue(queue).max_attempts(1)).await;
        refused.inspect_err(|error| println!("error {error} {error:?}")).ok();
    }
    let refused = scheduler.enqueue(Enqueue::new(keep()).key("checked")).await.unwrap_err();
    println!("error {refused} {refused:?}");
    scheduler.enqueue(Enqueue::new(vec![Mail { to: VALUE.into() }]).max_attempts(1)).await.unwrap();
    for misfit in [json!({"how": {VALUE: VALUE}}), json!({"how": "x", "number": VALUE}), json!(VALUE)] {
        for task in [Keep::NAME, Mail::NAME] {
            let job = NewJob::new(task, &misfit).max_attempts(1);
            let refused = scheduler.enqueue_many(vec![job.clone()]).await.unwrap_err();
            println!("error {refused} {refused:?}");
            job.insert(&mut conn).unwrap();
        }
    }
    // Numbers and depths that no reader holds, past every door.
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, state, payload) VALUES \
            ('keep', now(), 'ready', '{{\"how\": \"{VALUE}\", \"number\": 1e400}}'), \
            ('keep', now(), 'ready', ('{{\"how\": \"{VALUE}\", \"number\": ' || repeat('[', 300) || repeat(']', 300) || '}}')::jsonb)"
    ))
    .unwrap();
    let waiting = "mainspring.jobs WHERE state IN ('ready', 'running') AND queue IS NULL";
    until_on(&mut conn, Duration::from_millis(20), waiting, 0).await;
    block_until("an outcome is refused", || REFUSED.load(Ordering::SeqCst));
    // Every kind of connection is lost, and the password is wrong for a while.
    set_password(&mut conn, "another");
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    conn.batch_execute(cut).unwrap();
    let refused = scheduler.enqueue(Enqueue::new(keep())).await.unwrap_err();
    println!("error {refused} {refused:?}");
    set_password(&mut conn, PASSWORD);
    scheduler.stop().await;
    while let Some(event) = events.next().await {
        println!("event {event:?}");
    }
}

#[test]
fn no_output_of_a_worker_shows_a_secret() {
    let database = TestDatabase::new();
    let (url, role) = with_password(&database);
    let schedule = NewSchedule::new("nightly", "keep", "* * * * * *")
        .payload(json!({"how": VALUE}))
        .queue(Some("refused"));
    schedules::create(&mut database.connection(), &schedule).unwrap();
    let other = "security::secrets::a_worker_with_secrets";
    let written = process::run(&mut process::command(other, &url));
    assert_silent("the log", &written.err);
    assert_silent("what it printed", &written.out);
    for part in ["cannot store that job", "failed", "panicked", "was discarded", "error database error"] {
        assert!(
            written.err.contains(part) || written.out.contains(part),
            "{part}: {}{}",
            written.err,
            written.out
        );
    }
    // Nor do the columns that roles without payloads may read.
    let mut conn = database.connection();
    let columns = "mainspring.jobs_view AS j WHERE to_jsonb(j)::text LIKE '%value-5tapl3%'";
    assert_eq!(count(&mut conn, columns), 0);
    assert_eq!(
        count(&mut conn, "mainspring.schedules AS s WHERE concat(error, late_reason) LIKE '%value-5tapl3%'"),
        0
    );
    conn.batch_execute(&format!(
        "REASSIGN OWNED BY {role} TO current_user; DROP OWNED BY {role}; DROP ROLE {role}"
    ))
    .unwrap();
}

#[test]
fn no_debug_output_shows_a_secret() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let payload = json!({"how": VALUE});
    let schedule = NewSchedule::new("s", "keep", "@daily").payload(payload.clone());
    schedules::create(&mut conn, &schedule).unwrap();
    let row = schedules::get(&mut conn, "s").unwrap().unwrap();
    assert_eq!(row.payload["how"], VALUE);
    let job = NewJob::new("keep", &payload);
    let crontab = Crontab::parse(&format!("@daily keep {{how: '{VALUE}'}}")).unwrap();
    let url = format!("postgres://me:{PASSWORD}@127.0.0.1:1/a");
    let refused = database::connect(&url).err().unwrap();
    let broken = Crontab::parse(&format!("@daily keep {{how: '{VALUE}}}")).unwrap_err();
    for shown in [
        format!("{:?}", Enqueue::new(keep())),
        format!("{:#?}", job),
        format!("{:?}", EnqueueMany::new([job.clone()])),
        format!("{schedule:?} {:?}", ScheduleChanges::new().payload(payload)),
        format!("{row:#?}"),
        format!("{:?} {:?}", Cron::every_minute(keep()), Cron::every_minute(keep()).build()),
        format!("{crontab:?} {broken:?} {broken}"),
        format!("{:?}", Scheduler::builder(&url)),
        format!("{refused:?} {refused}"),
    ] {
        assert_silent("Debug", &shown);
        assert!(!shown.is_empty() && !shown.contains("postgres://"), "{shown}");
    }
}

#[test]
fn an_error_of_a_constraint_does_not_quote_the_row() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute("ALTER TABLE mainspring.jobs ADD CONSTRAINT none CHECK (task <> 'keep')").unwrap();
    let refused = NewJob::new("keep", &json!({"how": VALUE})).insert(&mut conn).unwrap_err();
    assert_silent("the error", &format!("{refused} {refused:?}"));
    let StoreError::Database(error) = refused else { panic!("{refused}") };
    // The program may still ask for it.
    assert!(error.detail().is_some_and(|detail| detail.contains(VALUE)));
    assert_eq!(error.constraint(), Some("none"));
}

#[cfg(target_os = "linux")]
#[test]
fn no_process_of_a_private_database_shows_its_password() {
    let server = EmbeddedPostgres::start(EmbeddedOptions::temporary().without_fsync()).unwrap();
    let (credentials, _) = server.url().rsplit_once('@').unwrap();
    let password = credentials.rsplit_once(':').unwrap().1;
    assert!(password.len() >= 32);
    let _session = PgConnection::establish(server.url()).unwrap();
    let listed = Command::new("sh").args(["-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("unix_socket_directories=") && !listed.contains(password), "{listed}");
    assert!(!format!("{server:?}").contains(password));
}
