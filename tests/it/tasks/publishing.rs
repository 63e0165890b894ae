//! Workers publish their tasks: the newest version holds, the last start of the same version, and nothing for ever.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::{BatchResult, JobContext, NewJob, Scheduler, SchedulerBuilder, SchedulerError, Task, tasks};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Lane, release, run, stop};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

release!(One, 1, 3);
release!(Two, 2, 4);
release!(TwoAgain, 2, 5);

fn builder(database: &TestDatabase) -> SchedulerBuilder {
    Scheduler::builder(database.url()).heartbeat_timeout(Duration::from_secs(60))
}

async fn start<T: Task + serde::de::DeserializeOwned + 'static>(database: &TestDatabase) -> Scheduler {
    builder(database).handler(run::<T>).start().await.unwrap()
}

/// What a job that is added by name gets.
fn attempts(database: &TestDatabase) -> i64 {
    let mut conn = database.connection();
    let id = NewJob::new(One::NAME, &json!({})).insert(&mut conn).unwrap();
    (1..100)
        .find(|most| {
            count(&mut conn, &format!("mainspring.jobs WHERE id = {id} AND max_attempts = {most}")) == 1
        })
        .unwrap()
}

#[tokio::test]
async fn the_newest_version_that_runs_holds_and_of_the_same_the_last_start() {
    let database = TestDatabase::new();
    database.connection().batch_execute("SELECT mainspring.pause_task('tasks.released')").unwrap();
    assert_eq!(attempts(&database), 25);
    let one = start::<One>(&database).await;
    assert_eq!(attempts(&database), 3);
    let two = start::<Two>(&database).await;
    assert_eq!(attempts(&database), 4, "newer");
    let late = start::<One>(&database).await;
    assert_eq!(attempts(&database), 4, "an older one changes nothing");
    let again = start::<TwoAgain>(&database).await;
    assert_eq!(attempts(&database), 5, "the last start");
    stop([two, again]).await;
    let back = start::<One>(&database).await;
    assert_eq!(attempts(&database), 3, "the newer release was taken back");
    stop([one, late, back]).await;
    assert_eq!(attempts(&database), 3, "nobody runs");
}

#[test]
fn what_a_start_could_not_publish_is_published_later() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let publish = |conn: &mut _, attempts: i16, uptime: &str| {
        let task = json!([{"name": "tasks.released", "version": 1, "max_attempts": attempts}]);
        let call = format!("mainspring.publish_tasks('w', '{task}', '{uptime}') AS rows WHERE rows = 1");
        count(conn, &call) == 1
    };
    assert!(publish(&mut conn, 3, "0"));
    conn.batch_execute("UPDATE mainspring.tasks SET published_at = published_at - interval '1 hour'")
        .unwrap();
    assert!(!publish(&mut conn, 4, "2 hours"), "another process started later, and published");
    assert!(publish(&mut conn, 4, "10 minutes"), "this process is the last that started");
    assert_eq!(attempts(&database), 4);
    assert!(!publish(&mut conn, 4, "0"), "nothing differs");
}

#[tokio::test]
async fn a_start_without_changes_writes_nothing() {
    let database = TestDatabase::new();
    let first = start::<One>(&database).await;
    // It would fail, or wait for the lock.
    let mut other = database.connection();
    other.batch_execute("BEGIN; SELECT FROM mainspring.tasks FOR UPDATE").unwrap();
    let second = start::<One>(&database).await;
    other.batch_execute("COMMIT").unwrap();
    let published = &tasks::list(&mut other).unwrap()[0];
    assert_eq!((published.version, published.max_attempts, published.workers), (1, Some(3), 2));
    stop([first, second]).await;
    assert_eq!(tasks::list(&mut other).unwrap()[0].workers, 0);
}

#[tokio::test]
async fn a_row_that_another_transaction_holds_keeps_no_process_from_starting() {
    let database = TestDatabase::new();
    database.connection().batch_execute("SELECT mainspring.pause_task('tasks.released')").unwrap();
    stop([start::<One>(&database).await]).await;
    let mut other = database.connection();
    other.batch_execute("BEGIN; SELECT FROM mainspring.tasks FOR UPDATE").unwrap();
    let two = start::<Two>(&database).await;
    assert_eq!(attempts(&database), 3);
    other.batch_execute("COMMIT").unwrap();
    stop([two]).await;
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Closed {
    id: u32,
    #[serde(default)]
    note: String,
}
impl Task for Closed {
    const NAME: &'static str = "tasks.closed";
}

async fn batch(entries: Vec<Lane>, _: JobContext) -> BatchResult {
    Ok(entries.iter().map(|_| Ok(())).collect())
}

#[tokio::test]
async fn what_is_published_tells_options_fields_and_who_knows_the_task() {
    let database = TestDatabase::new();
    let builder = builder(&database).worker_name("tasks worker").handler(run::<Closed>).batch_handler(batch);
    let scheduler = builder.start().await.unwrap();
    let published = scheduler.tasks().list().await.unwrap();
    let [closed, lane] = published.as_slice() else { panic!("{published:?}") };
    assert_eq!((closed.name.as_str(), &closed.queue, closed.max_attempts), ("tasks.closed", &None, None));
    let accepts = json!({"fields": ["id", "note"], "required": "id", "closed": true});
    assert_eq!(closed.accepts.as_ref(), Some(&accepts));
    assert_eq!(
        (lane.queue.as_deref(), lane.priority, lane.max_attempts),
        (Some("tasks:lane"), Some(7), Some(2))
    );
    assert_eq!((&lane.accepts, lane.workers, lane.ready, lane.version), (&None, 1, 0, 0));
    assert_eq!(lane.published_by, "tasks worker");
    assert_eq!(
        scheduler.tasks().unknown(["tasks.lane".into(), "tasks.lnae".into()]).await.unwrap(),
        ["tasks.lnae"]
    );
    stop([scheduler]).await;
}

/// A task whose constants no job could have.
struct Wrong;
impl Serialize for Wrong {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }
}
impl<'de> Deserialize<'de> for Wrong {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}
impl Task for Wrong {
    const NAME: &'static str = "tasks.wrong";
    const QUEUE: Option<&'static str> = Some("");
}

#[tokio::test]
async fn constants_that_no_job_can_have_are_refused_at_the_start() {
    let database = TestDatabase::new();
    let refused = builder(&database).handler(run::<Wrong>).start().await.unwrap_err();
    let SchedulerError::Config(problem) = refused else { panic!("{refused}") };
    assert_eq!(problem, "task `tasks.wrong`: QUEUE must be 1 to 128 characters, got 0");
}

#[test]
fn what_no_worker_has_known_for_thirty_days_is_swept() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let ago = |name, days| {
        format!(
            "INSERT INTO mainspring.tasks (name, version, published_by, known_at) \
             VALUES ('{name}', 0, 'w', mainspring.now() - interval '{days} days');"
        )
    };
    let rows = [ago("old", 31), ago("recent", 29), ago("known", 40), ago("known lately", 0)].concat();
    conn.batch_execute(&rows).unwrap();
    conn.batch_execute(
        "INSERT INTO mainspring.workers (name, tasks, timeout) VALUES ('w', '{known,known lately}', '1 hour'); \
         SELECT mainspring.sweep_tasks()",
    )
    .unwrap();
    let left: Vec<String> = tasks::list(&mut conn).unwrap().into_iter().map(|task| task.name).collect();
    assert_eq!(left, ["known", "known lately", "recent"]);
    assert_eq!(count(&mut conn, "mainspring.tasks WHERE known_at > mainspring.now() - interval '1 hour'"), 2);
}
