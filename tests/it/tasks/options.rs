//! Every way in gives a job the options of its task, and what the job gives itself goes before them.

use std::collections::BTreeMap;

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::jobs::insert_many;
use mainspring::{
    Cron, Enqueue, JobContext, JobOptions, JobResult, NewJob, NewSchedule, ScheduleChanges, Scheduler, Task,
    queues, schedules,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;

use super::{Lane, Options, run, stop, stored};
use crate::cli::{answer, on};
use crate::support::database::TestDatabase;
use crate::support::waiting::{reports, until, until_at_least};

const OWN: [(Option<&str>, i16, i16); 2] = [(Some("tasks:lane"), 7, 2), (Some("tasks:lane"), -1, 2)];

fn lane(way: &str) -> Lane {
    Lane { way: way.to_owned() }
}

fn named(way: &str) -> NewJob {
    NewJob::new(Lane::NAME, &json!({"way": way}))
}

/// Adds jobs with their types, and by the names of their tasks. Each way adds one with nothing said and one with a priority of
/// its own: `way` and `way, first`.
async fn add_in_rust(conn: &mut PgConnection, scheduler: &Scheduler, web: &Scheduler) {
    scheduler.enqueue(Enqueue::new(lane("typed"))).await.unwrap();
    scheduler.enqueue(Enqueue::new(lane("typed, first")).priority(-1)).await.unwrap();
    Enqueue::new(lane("typed on a connection")).insert(conn).unwrap();
    Enqueue::new(lane("typed on a connection, first")).priority(-1).insert(conn).unwrap();
    for (way, by) in [("named", scheduler), ("named without a handler", web)] {
        let first = named(&format!("{way}, first")).priority(-1);
        by.enqueue_many(vec![named(way), first]).await.unwrap();
    }
    named("inserted").insert(conn).unwrap();
    named("inserted, first").priority(-1).insert(conn).unwrap();
    let mixed = [
        named("mixed"),
        NewJob::try_from(Enqueue::new(lane("mixed typed"))).unwrap(),
        named("mixed, first").priority(-1).key("mixed"),
        NewJob::try_from(Enqueue::new(lane("mixed typed, first")).priority(-1)).unwrap(),
    ];
    insert_many(conn, &mixed).unwrap();
}

const ADD: &str = r#"
    SELECT mainspring.add_job('tasks.lane', '{"way": "add_job"}');
    SELECT mainspring.add_job('tasks.lane', '{"way": "add_job, first"}', priority => -1, key => 'k');
    SELECT mainspring.add_jobs('[{"task": "tasks.lane", "payload": {"way": "add_jobs"}},
        {"task": "tasks.lane", "payload": {"way": "add_jobs, first"}, "priority": -1}]');
    SELECT mainspring.enqueue(ARRAY['tasks.lane', 'tasks.lane'], ARRAY['{"way": "enqueue"}', '{"way": "enqueue, first"}'],
        priorities => ARRAY[NULL, -1])"#;

fn add_by_program(database: &TestDatabase) {
    let payload = |way: &str| json!({"way": way}).to_string();
    answer(on(database, &["enqueue", Lane::NAME, &payload("program")]));
    answer(on(database, &["enqueue", Lane::NAME, &payload("program, first"), "--priority", "-1"]));
}

/// Makes schedules in every way, and triggers them.
async fn trigger_in_every_way(database: &TestDatabase, web: &Scheduler) {
    let conn = &mut database.connection();
    let schedules = web.schedules();
    let payload = |way: &str| json!({"way": way});
    for (name, first) in [("by SQL", "NULL"), ("by SQL, first", "-1")] {
        let create = format!(
            "SELECT mainspring.create_schedule('{name}', 'tasks.lane', '@yearly', '{}', priority := {first})",
            payload(&format!("schedule {name}"))
        );
        conn.batch_execute(&create).unwrap();
    }
    for name in ["by program", "by program, first"] {
        let payload = payload(&format!("schedule {name}")).to_string();
        answer(on(database, &["schedules", "create", name, Lane::NAME, "@yearly", &payload]));
    }
    answer(on(database, &["schedules", "update", "by program, first", "--priority", "-1"]));
    let named =
        |name| NewSchedule::new(name, Lane::NAME, "@yearly").payload(payload(&format!("schedule {name}")));
    schedules.create(named("named")).await.unwrap();
    schedules.create(named("named, first").priority(-1)).await.unwrap();
    let of = |name| NewSchedule::of(name, &lane(&format!("schedule {name}")), "@yearly").unwrap();
    schedules.create(of("typed")).await.unwrap();
    schedules.create(of("typed, first").priority(-1)).await.unwrap();
    for name in ["by SQL", "by program", "named", "typed"] {
        for name in [name.to_owned(), format!("{name}, first")] {
            schedules::trigger(conn, &name).unwrap();
        }
    }
}

const WAYS: [&str; 17] = [
    "typed",
    "typed on a connection",
    "named",
    "named without a handler",
    "inserted",
    "mixed",
    "mixed typed",
    "add_job",
    "add_jobs",
    "enqueue",
    "program",
    "schedule by SQL",
    "schedule by program",
    "schedule named",
    "schedule typed",
    "line",
    "line by code",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_job_has_the_options_of_its_task_in_whichever_way_it_came() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    queues::pause_task(&mut conn, Lane::NAME).unwrap();
    let builder = Scheduler::builder(database.url()).handler(run::<Lane>);
    let lines = builder
        .crontab("* * * * * * tasks.lane ?id=line {way: 'line'}")
        .crontab("* * * * * * tasks.lane ?id=first&priority=-1 {way: 'line, first'}")
        .cron(Cron::new("* * * * * *", lane("line by code")).id("code"))
        .cron(Cron::new("* * * * * *", lane("line by code, first")).id("code, first").priority(-1));
    let scheduler = lines.start().await.unwrap();
    let web = Scheduler::builder(database.url()).without_cron().start().await.unwrap();
    add_in_rust(&mut conn, &scheduler, &web).await;
    conn.batch_execute(ADD).unwrap();
    add_by_program(&database);
    trigger_in_every_way(&database, &web).await;
    for line in ["line", "line, first", "line by code", "line by code, first"] {
        until_at_least(&database, &format!("mainspring.jobs WHERE payload ->> 'way' = '{line}'"), 1).await;
    }
    stop([scheduler, web]).await;
    let jobs = stored(&mut conn);
    let found: BTreeMap<_, _> = jobs
        .iter()
        .map(|job| (job.way.as_str(), (job.queue.as_deref(), job.priority, job.max_attempts)))
        .collect();
    for way in &WAYS {
        assert_eq!(found.get(way), Some(&OWN[0]), "{way}");
        assert_eq!(found.get(format!("{way}, first").as_str()), Some(&OWN[1]), "{way}");
    }
    assert_eq!(found.len(), 2 * WAYS.len());
}

#[tokio::test]
async fn a_stored_schedule_shows_and_has_what_its_task_publishes_when_it_fires() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    queues::pause_task(&mut conn, Lane::NAME).unwrap();
    schedules::create(&mut conn, &NewSchedule::new("s", Lane::NAME, "@yearly").payload(json!({"way": "s"})))
        .unwrap();
    let shown = |conn: &mut _| {
        let row = schedules::get(conn, "s").unwrap().unwrap();
        (row.queue, row.priority, row.max_attempts)
    };
    assert_eq!(shown(&mut conn), (None, 0, 25), "nothing is published yet");
    let scheduler = Scheduler::builder(database.url()).handler(run::<Lane>).start().await.unwrap();
    assert_eq!(shown(&mut conn), (Some("tasks:lane".into()), 7, 2));
    schedules::update(&mut conn, "s", &ScheduleChanges::new().queue(Some("own")).max_attempts(9)).unwrap();
    assert_eq!(shown(&mut conn), (Some("own".into()), 7, 9));
    conn.batch_execute("SELECT mainspring.update_schedule('s', '{\"queue\": null, \"max_attempts\": null}')")
        .unwrap();
    scheduler.schedules().trigger("s").await.unwrap();
    stop([scheduler]).await;
    let job = Options { way: "s".into(), queue: Some("tasks:lane".into()), priority: 7, max_attempts: 2 };
    assert_eq!(stored(&mut conn), [job]);
}

/// A task whose function leaves out what its constants set.
#[derive(Serialize, Deserialize)]
struct Partly {}
impl Task for Partly {
    const NAME: &'static str = "tasks.partly";
    const QUEUE: Option<&'static str> = Some("tasks:partly");
    const MAX_ATTEMPTS: Option<i16> = Some(3);
    fn options(&self) -> JobOptions {
        JobOptions::new().priority(5)
    }
}

#[test]
fn constants_set_what_the_function_of_a_task_leaves_open() {
    let options = Enqueue::new(Partly {}).options().clone();
    assert_eq!((options.queue.as_deref(), options.priority), (Some("tasks:partly"), Some(5)));
    assert_eq!(options.max_attempts, Some(3));
}

async fn hold(task: Lane, job: JobContext) -> JobResult {
    job.data::<UnboundedSender<(String, Option<String>)>>()
        .send((task.way, job.queue().map(str::to_owned)))?;
    job.data::<std::sync::Arc<tokio::sync::Semaphore>>().acquire().await?.forget();
    Ok(())
}

#[tokio::test]
async fn a_queue_that_comes_from_the_task_lets_one_job_through_at_a_time() {
    let database = TestDatabase::new();
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let (sender, mut started) = reports::<(String, Option<String>)>(&database.url());
    let builder = Scheduler::builder(database.url()).handler(hold).app_data(sender);
    let scheduler = builder.app_data(std::sync::Arc::clone(&gate)).start().await.unwrap();
    let web = Scheduler::builder(database.url()).start().await.unwrap();
    let queue = Some("tasks:lane".to_owned());
    // The first would start in the statement that stores it, were it in no queue.
    scheduler.enqueue_many(vec![named("a")]).await.unwrap();
    assert_eq!(started.next().await, ("a".to_owned(), queue.clone()));
    web.enqueue_many(vec![named("b")]).await.unwrap();
    named("c").insert(&mut database.connection()).unwrap();
    until(&database, "mainspring.jobs WHERE state = 'parked' AND queue = 'tasks:lane'", 2).await;
    assert!(started.try_next().is_none());
    for way in ["b", "c"] {
        gate.add_permits(1);
        assert_eq!(started.next().await, (way.to_owned(), queue.clone()));
    }
    gate.add_permits(1);
    until(&database, "mainspring.jobs", 0).await;
    stop([scheduler, web]).await;
}
