//! Jobs that wait for other jobs, and for signals.

mod endings;
mod graphs;
mod keeping;
mod kills;
mod races;
mod refusals;
mod signals;
mod starting;

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::jobs::Reason;
use mainspring::{OnFailure, Wait};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Text)]
    place: String,
}

/// The state of a job, or how it has finished.
fn place_of(database: &TestDatabase, id: i64) -> String {
    let query = format!("SELECT state AS place FROM mainspring.find_job({id})");
    sql_query(query).get_result::<Place>(&mut database.connection()).unwrap().place
}

/// The state of a job that waits, and how many events are still to be carried over.
fn place_and_events(database: &TestDatabase, child: i64) -> (String, i64) {
    (place_of(database, child), count(&mut database.connection(), "mainspring.wait_events"))
}

/// Waits until the job is in that state, or has finished like that.
async fn until_place(database: &TestDatabase, id: i64, place: &str) {
    until(database, &format!("mainspring.find_job({id}) WHERE state = '{place}'"), 1).await;
}

#[tokio::test]
async fn a_child_runs_once_after_the_last_of_its_parents() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let gate = Arc::new(Semaphore::new(0));
    let scheduler = builder.poll_interval(SLOW_POLL).app_data(Arc::clone(&gate)).start().await.unwrap();
    let parents =
        [scheduler.enqueue(act("at gate")).await.unwrap(), scheduler.enqueue(act("at gate")).await.unwrap()];
    let child = scheduler.enqueue(act("child").after_all(parents)).await.unwrap();
    let grandchild = scheduler.enqueue(act("grandchild").after(child)).await.unwrap();
    for _ in 0..2 {
        assert!(parents.contains(&started.next().await.id));
    }
    assert_eq!(place_of(&database, child), "waiting");
    gate.add_permits(1);
    until(&database, "mainspring.history", 1).await;
    assert_eq!(place_of(&database, child), "waiting");
    gate.add_permits(1);
    assert_eq!(started.next().await.id, child);
    assert_eq!(started.next().await.id, grandchild);
    until(&database, "mainspring.jobs", 0).await;
    until(&database, "mainspring.waits", 0).await;
    until(&database, "mainspring.wait_events", 0).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_child_of_jobs_that_have_succeeded_waits_for_nothing() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let parent = scheduler.enqueue(act("parent")).await.unwrap();
    until_place(&database, parent, "succeeded").await;
    started.next().await;
    let child = scheduler.enqueue(act("child").after(parent)).await.unwrap();
    assert_eq!(started.next().await.id, child);
    until_place(&database, child, "succeeded").await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_released_job_waits_for_its_time_and_its_queue_as_any_other() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    conn.batch_execute("SELECT mainspring.pause_queue('paused')").unwrap();
    let parent = act("parent").insert(conn).unwrap();
    let late = act("late").run_in(std::time::Duration::from_secs(3_600)).after(parent).insert(conn).unwrap();
    let parked = act("parked").queue("paused").after(parent).insert(conn).unwrap();
    let urgent = act("urgent").priority(-7).after(parent).insert(conn).unwrap();
    assert_eq!(count(conn, "mainspring.jobs WHERE state = 'waiting'"), 3);
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    assert_eq!([started.next().await.id, started.next().await.id], [parent, urgent]);
    until_place(&database, late, "scheduled").await;
    until_place(&database, parked, "parked").await;
    conn.batch_execute("SELECT mainspring.resume_queue('paused')").unwrap();
    assert_eq!(started.next().await.id, parked);
    scheduler.stop().await;
}

#[tokio::test]
async fn sql_adds_jobs_that_wait_for_others() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let parent = act("go").insert(conn).unwrap();
    conn.batch_execute(&format!(
        "SELECT mainspring.add_job('act', '{{\"act\": \"one\"}}', after => ARRAY[{parent}], on_failure => 'run'); \
         SELECT mainspring.add_jobs('[{{\"task\": \"act\", \"payload\": {{\"act\": \"two\"}}, \
            \"after\": [{parent}, {{\"signal\": \"open\"}}]}}, {{\"task\": \"act\", \"payload\": {{\"act\": \"three\"}}}}]')"
    ))
    .unwrap();
    assert_eq!(count(conn, "mainspring.jobs_view WHERE state = 'waiting'"), 2);
    assert_eq!(count(conn, "mainspring.waits WHERE on_failure = 'run'"), 1);
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let mut acts = vec![started.next().await.act, started.next().await.act, started.next().await.act];
    acts.sort_unstable();
    assert_eq!(acts, ["go", "one", "three"]);
    assert!(scheduler.signal("open", &serde_json::json!(null)).await.unwrap());
    assert_eq!(started.next().await.act, "two");
    scheduler.stop().await;
}

#[tokio::test]
async fn explain_names_each_thing_that_a_job_waits_for() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let (one, dead) = (act("one").insert(conn).unwrap(), act("dead").insert(conn).unwrap());
    let child = act("child").after(one).after(dead).after(Wait::signal("approved")).insert(conn).unwrap();
    conn.batch_execute(&format!("SELECT mainspring.fail_jobs(ARRAY[{dead}])")).unwrap();
    let reasons = mainspring::jobs::explain(conn, child).unwrap();
    let codes: Vec<Reason> = reasons.iter().map(|reason| reason.reason).collect();
    assert_eq!(codes, [Reason::WaitsForSignal, Reason::WaitsForJob, Reason::ParentFailed], "{reasons:?}");
    assert!(reasons[0].sentence.contains("`approved`"), "{reasons:?}");
    assert!(reasons[1].sentence.contains(&format!("job {one} of task `act`, which is ready")), "{reasons:?}");
    assert!(reasons[2].sentence.contains(&format!("Job {dead}, for which it waits, is dead")), "{reasons:?}");
    let many: Vec<i64> = (0..30).map(|_| act("more").insert(conn).unwrap()).collect();
    let patient = act("patient").after_all(many).insert(conn).unwrap();
    let reasons = mainspring::jobs::explain(conn, patient).unwrap();
    assert_eq!(reasons.len(), 11);
    assert!(reasons[10].sentence.contains("20 more"), "{reasons:?}");
}

#[test]
fn a_wait_is_held_unless_it_says_otherwise() {
    let one = act("child").after(7).after(Wait::job(8).on_failure(OnFailure::Cancel));
    assert_eq!(one.options().waits, [Wait::job(7), Wait::job(8).on_failure(OnFailure::Cancel)]);
    assert_eq!(Wait::job(7), Wait::job(7).on_failure(OnFailure::Hold));
}
