//! What waits is shown with its payload, from a scheduler and inside of the application's own transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::Connection;
use mainspring::testing::{EnqueuedJobs, TestDatabase, TestScheduler, assert_enqueued};
use mainspring::{NewJob, StoreError};
use serde_json::json;

use crate::app::{Mail, PublishReport, mail, report, scheduler};

// The text of the panic with ids replaced, since they differ from run to run.
fn panic_of(work: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).unwrap_err();
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[actix_web::test]
async fn a_job_is_found_by_some_of_its_fields() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    jobs.scheduler().enqueue(report("r7")).await.unwrap();
    assert_enqueued!(jobs, PublishReport { report: "r7", copies: None });
    assert_enqueued!(jobs, PublishReport { report: "r7", .. });
    assert_enqueued!(jobs, PublishReport { report: format!("r{}", 7) });
    assert_enqueued!(jobs, crate::app::PublishReport { .. });
}

#[test]
fn near_misses_are_shown_with_the_nearest_first() {
    let database = TestDatabase::new().unwrap();
    let mut conn = database.connect().unwrap();
    report("r8").insert(&mut conn).unwrap();
    NewJob::new("report.publish", &json!({"report": "r7", "copies": 3})).insert(&mut conn).unwrap();
    let text = panic_of(|| assert_enqueued!(conn, PublishReport { report: "r7", copies: Some(2) }));
    let expected = "no job of `report.publish` waits with report: \"r7\", copies: Some(2)\n  \
        job 2 (ready): copies is Some(3)\n  job 1 (ready): report is \"r8\", copies is None";
    assert_eq!(text, expected);
}

#[test]
fn a_task_without_a_job_is_told_from_the_tasks_that_have_some() {
    let database = TestDatabase::new().unwrap();
    let mut conn = database.connect().unwrap();
    let text = panic_of(|| assert_enqueued!(conn, Mail { .. }));
    assert_eq!(text, "no job of `mail.send` waits\n  no job of any task waits");
    report("r8").insert(&mut conn).unwrap();
    let text = panic_of(|| assert_enqueued!(conn, Mail { .. }));
    assert!(text.ends_with("none of this task waits; others do: 1 of `report.publish`"), "{text}");
}

#[test]
fn a_test_transaction_shows_its_jobs_and_commits_none() {
    let database = TestDatabase::new().unwrap();
    let mut conn = database.connect().unwrap();
    conn.test_transaction(|conn| {
        mail("a@example.org").insert(conn)?;
        assert_enqueued!(conn, Mail { to: "a@example.org" });
        assert_eq!(conn.enqueued::<Mail>(), [Mail { to: "a@example.org".into() }]);
        Ok::<(), StoreError>(())
    });
    assert_eq!(conn.enqueued::<Mail>(), []);
    assert_eq!(database.connect().unwrap().enqueued::<Mail>(), []);
}

#[test]
fn a_payload_that_does_not_fit_is_a_panic_that_names_the_job() {
    let database = TestDatabase::new().unwrap();
    let mut conn = database.connect().unwrap();
    NewJob::new("mail.send", &json!({"to": 7})).insert(&mut conn).unwrap();
    let text = panic_of(|| drop(conn.enqueued::<Mail>()));
    assert!(text.starts_with("job 1: payload does not fit the task `mail.send`"), "{text}");
}
