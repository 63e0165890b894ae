//! Sealed values on their way through the database: jobs, schedules, steps, results and signals, with keys that are replaced, are
//! missing or are wrong.

use std::sync::LazyLock;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::jobs::JobStatus;
use mainspring::{
    Enqueue, JobContext, JobError, KeyRing, Keys, NewJob, NewSchedule, Scheduler, Sealed, Task, Wait,
    database, reseal,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{answer, assert_refused, on, program};
use crate::support::database::TestDatabase;
use crate::support::rows::{count, dump};
use crate::support::waiting::{reports, until};

const SECRET: &str = "4111-s3cret";
const HOUR: Duration = Duration::from_secs(3_600);
const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];
/// The new key first, and the old one, as a file has them.
const BOTH: &str =
    "b AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\na AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n";

pub(crate) struct Old;
impl Keys for Old {
    fn ring() -> &'static KeyRing {
        static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new("a", |id| (id == "a").then_some(OLD)));
        &RING
    }
}

struct New;
impl Keys for New {
    fn ring() -> &'static KeyRing {
        static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new("b", |id| (id == "b").then_some(NEW)));
        &RING
    }
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Charge<K: Keys> {
    order: i64,
    card: Sealed<String, K>,
}
impl<K: Keys> Task for Charge<K> {
    const NAME: &'static str = "card.charge";
    const MAX_ATTEMPTS: Option<i16> = Some(3);
}

fn charge<K: Keys>(order: i64) -> Enqueue<Charge<K>> {
    Enqueue::new(Charge { order, card: Sealed::new(SECRET.to_owned()) })
}

fn sealed() -> serde_json::Value {
    serde_json::to_value(Sealed::<_, Old>::new(SECRET)).unwrap()
}

/// Reports the card, does a step with a sealed value, and returns one.
async fn pay<K: Keys>(task: Charge<K>, job: JobContext) -> Result<Sealed<String, K>, JobError> {
    let known: Sealed<String, K> =
        job.step("look up", || async { Ok::<_, JobError>(Sealed::new(format!("of {SECRET}"))) }).await?;
    let told = job.signal::<Sealed<String, K>>("approved").await?;
    job.data::<tokio::sync::mpsc::UnboundedSender<String>>()
        .send(format!("{} {}", task.card.expose_secret(), told.map_or_else(String::new, Sealed::into_inner)))
        .map_err(|error| error.to_string())?;
    if task.order < 0 && K::ring().current() == "a" {
        return Err(JobError::hold("look at it"));
    }
    Ok(known)
}

fn builder<K: Keys + 'static>(
    database: &TestDatabase,
) -> (mainspring::SchedulerBuilder, crate::support::waiting::Reports<String>) {
    let (sender, paid) = reports(&database.url());
    (Scheduler::builder(database.url()).handler(pay::<K>).app_data(sender), paid)
}

fn held(words: &str) -> String {
    format!("mainspring.jobs WHERE state = 'held' AND attempts = 0 AND last_error LIKE '%{words}%'")
}

#[tokio::test]
async fn a_secret_is_nowhere_in_the_database_and_reaches_its_handler() {
    let database = TestDatabase::new();
    let (builder, mut paid) = builder::<Old>(&database);
    let scheduler = builder.result_retention(HOUR).start().await.unwrap();
    scheduler.signal("approved", &sealed()).await.unwrap();
    let schedule = NewSchedule::of("nightly", charge::<Old>(9).task(), "0 3 * * *");
    scheduler.schedules().create(schedule.unwrap()).await.unwrap();
    let id = scheduler.enqueue(charge::<Old>(7)).await.unwrap();
    assert_eq!(paid.next().await, format!("{SECRET} {SECRET}"));
    let outcome = scheduler.jobs().wait_for_outcome(id, HOUR).await.unwrap();
    assert_eq!(outcome.value::<Sealed<String, Old>>().unwrap().expose_secret(), &format!("of {SECRET}"));
    // As a line of cron adds it.
    scheduler.schedules().trigger("nightly").await.unwrap();
    assert_eq!(paid.next().await, format!("{SECRET} {SECRET}"));
    scheduler.enqueue(charge::<Old>(-1)).await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'held'", 1).await;
    for (table, column) in [
        ("jobs", "payload::text"),
        ("schedules", "payload::text"),
        ("signals", "payload::text"),
        ("steps", "convert_from(value, 'UTF8')"),
        ("results", "convert_from(value, 'UTF8')"),
    ] {
        let rows = |words: &str| format!("mainspring.{table} WHERE {column} LIKE '%{words}%'");
        let conn = &mut database.connection();
        assert!(count(conn, &rows("_sealed")) > 0 && count(conn, &rows("s3cret")) == 0, "{table}");
    }
    assert!(!dump(&database.url()).contains("s3cret"));
    scheduler.stop().await;
}

#[tokio::test]
async fn a_key_that_is_missing_or_wrong_holds_the_job_until_it_is_there() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let id = charge::<Old>(7).insert(conn).unwrap();
    let (new, mut paid) = builder::<New>(&database);
    let new = new.start().await.unwrap();
    until(&database, &held("the key `a` of a sealed value is not in the key ring"), 1).await;
    // Moved to another task, and changed.
    charge::<New>(8).insert(conn).unwrap();
    assert_eq!(paid.next().await, format!("{SECRET} "));
    // A signal holds the job as well.
    new.signal("approved", &sealed()).await.unwrap();
    charge::<New>(10).insert(conn).unwrap();
    until(&database, &held("the value of signal `approved` cannot be opened"), 1).await;
    new.stop().await;
    conn.batch_execute(
        "UPDATE mainspring.jobs SET payload = jsonb_set(payload, '{card,_sealed,text}', '\"AAAA\"') WHERE state = 'held'; \
         SELECT mainspring.release_jobs(ARRAY(SELECT id FROM mainspring.jobs))",
    )
    .unwrap();
    let (old, mut paid) = builder::<Old>(&database);
    let old = old.start().await.unwrap();
    until(&database, &held("cannot be opened with the key `a`"), 1).await;
    let again = old.enqueue(charge::<Old>(9)).await.unwrap();
    assert_eq!(paid.next().await, format!("{SECRET} {SECRET}"));
    assert!(again > id && paid.try_next().is_none());
    old.stop().await;
}

#[tokio::test]
async fn a_plain_payload_of_a_sealed_task_is_refused_in_sql_and_by_name() {
    let database = TestDatabase::new();
    let (builder, mut paid) = builder::<Old>(&database);
    let scheduler = builder.start().await.unwrap();
    let conn = &mut database.connection();
    let plain = json!({"order": 7, "card": SECRET});
    let expected = "payload must have the field `card` sealed, got it plain: the task `card.charge` can be added only by a program";
    let refused = NewJob::new("card.charge", &plain).insert(conn).unwrap_err().to_string();
    assert!(refused.contains(expected) && !refused.contains("s3cret"), "{refused}");
    for sql in [
        "create_schedule('s', 'card.charge', '@daily', PLAIN)",
        "add_job('card.charge', PLAIN)",
        "add_jobs(jsonb_build_array(jsonb_build_object('task', 'card.charge', 'payload', PLAIN)))",
    ] {
        let sql = format!("SELECT mainspring.{}", sql.replace("PLAIN", &format!("'{plain}'::jsonb")));
        let refused = conn.batch_execute(&sql).unwrap_err().to_string();
        assert!(refused.contains(expected) && !refused.contains("s3cret"), "{refused}");
    }
    assert_refused(on(&database, &["enqueue", "card.charge", &plain.to_string()]), 1, "sealed");
    assert_eq!([count(conn, "mainspring.jobs"), count(conn, "mainspring.schedules")], [0, 0]);
    // What was sealed may be added again.
    let sealed = serde_json::to_string(&json!({"order": 7, "card": null})).unwrap();
    conn.batch_execute(&format!("SELECT mainspring.add_job('card.charge', '{sealed}')")).unwrap();
    until(&database, &held("does not fit the task"), 1).await;
    let parent = charge::<Old>(1).after(Wait::signal("go")).insert(conn).unwrap();
    conn.batch_execute(&format!(
        "SELECT mainspring.add_job('card.charge', j.payload) FROM mainspring.jobs AS j WHERE j.id = {parent}"
    ))
    .unwrap();
    assert_eq!(paid.next().await, format!("{SECRET} "));
    scheduler.stop().await;
}

#[tokio::test]
async fn all_values_are_sealed_again_and_a_second_call_finds_none() {
    let database = TestDatabase::new();
    let (builder, mut paid) = builder::<Old>(&database);
    let scheduler = builder.result_retention(HOUR).start().await.unwrap();
    scheduler.signal("approved", &sealed()).await.unwrap();
    let schedule = NewSchedule::of("nightly", charge::<Old>(9).task(), "0 3 * * *");
    scheduler.schedules().create(schedule.unwrap()).await.unwrap();
    for order in [7, -1] {
        scheduler.enqueue(charge::<Old>(order)).await.unwrap();
        paid.next().await;
    }
    until(&database, "mainspring.jobs WHERE state = 'held'", 1).await;
    until(&database, "mainspring.results", 1).await;
    // Those of the job that has ended are deleted within seconds.
    until(&database, "mainspring.steps", 1).await;
    scheduler.stop().await;
    let conn = &mut database.connection();
    // A row that no key opens.
    conn.batch_execute("SELECT mainspring.add_job('other', '{\"_sealed\": {\"key\": \"gone\", \"nonce\": \"\", \"text\": \"\"}}')").unwrap();
    let file = tempfile(BOTH);
    let told = on(&database, &["reseal", "--keys", file.to_str().unwrap()]);
    let text = String::from_utf8(told.stdout.clone()).unwrap();
    assert_eq!(told.status.code(), Some(3), "{text}");
    assert!(text.contains("sealed 5 rows again") && text.contains("the sealed value is malformed"), "{text}");
    conn.batch_execute("DELETE FROM mainspring.jobs WHERE task = 'other'").unwrap();
    assert_eq!(answer(on(&database, &["reseal", "--keys", file.to_str().unwrap()])), "sealed 0 rows again\n");
    std::fs::remove_file(file).unwrap();
    // The old key is no longer needed, and the step that is done stays done.
    conn.batch_execute("SELECT mainspring.release_jobs(ARRAY(SELECT id FROM mainspring.jobs))").unwrap();
    let (new, mut paid) = self::builder::<New>(&database);
    let new = new.start().await.unwrap();
    assert_eq!(paid.next().await, format!("{SECRET} {SECRET}"));
    until(&database, "mainspring.results", 2).await;
    new.schedules().trigger("nightly").await.unwrap();
    assert_eq!(paid.next().await, format!("{SECRET} {SECRET}"));
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(reseal::all(conn, New::ring()).unwrap(), reseal::Resealed::default());
    new.stop().await;
}

fn tempfile(text: &str) -> std::path::PathBuf {
    let path =
        std::env::temp_dir().join(format!("mainspring-keys-{}-{}", std::process::id(), fastrand::u64(..)));
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn a_running_job_is_left_and_wrong_keys_change_nothing() {
    let database = TestDatabase::new();
    let mut conn = database::connect(&database.url()).unwrap();
    charge::<Old>(7).insert(&mut conn).unwrap();
    conn.batch_execute(
        "UPDATE mainspring.jobs SET state = 'running', attempts = 1, lease = 1, worker_id = 1, locked_at = now()",
    )
    .unwrap();
    let before = dump(&database.url());
    let ring = KeyRing::parse(BOTH).unwrap();
    let done = reseal::all(&mut conn, &ring).unwrap();
    assert_eq!((done.resealed, done.busy, done.refused_in_all), (0, 1, 0));
    let done = reseal::all(&mut conn, New::ring()).unwrap();
    assert_eq!(
        (done.resealed, done.refused),
        (
            0,
            vec![
                "job 1: the key `a` of a sealed value is not in the key ring of this process: add it"
                    .to_owned()
            ]
        )
    );
    assert_eq!(dump(&database.url()), before);
    assert_refused(on(&database, &["reseal", "--keys", "/no/such/file"]), 2, "cannot be read");
    let mut child = program(&["reseal", "--keys", "-", "--database-url", &database.url()]);
    let output = child.stdin(std::process::Stdio::null()).output().unwrap();
    assert_refused(output, 2, "there is no key");
    let scheduler = Scheduler::builder(database.url()).connect().await.unwrap();
    assert_eq!(scheduler.jobs().require(1).await.unwrap().state, JobStatus::Running);
}
