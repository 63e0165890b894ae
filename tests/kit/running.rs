//! Jobs run when the test asks, and no sooner.

use std::time::Duration;

use mainspring::jobs::JobStatus;
use mainspring::testing::{AttemptOutcome, TestError, TestScheduler};

use crate::app::{Mail, PublishReport, mail, report, scheduler};

#[actix_web::test]
async fn no_job_runs_before_the_test_asks() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    let id = jobs.scheduler().enqueue(mail("a@example.org")).await.unwrap();
    // Everything that the scheduler does by itself has been done after a second request.
    jobs.scheduler().enqueue(mail("b@example.org")).await.unwrap();
    assert_eq!(jobs.enqueued::<Mail>().len(), 2);
    assert_eq!(jobs.scheduler().jobs().require(id).await.unwrap().state, JobStatus::Ready);
}

#[actix_web::test]
async fn one_job_of_the_task_runs_and_no_other() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    let first = jobs.scheduler().enqueue(report("first")).await.unwrap();
    jobs.scheduler().enqueue(report("second")).await.unwrap();
    jobs.scheduler().enqueue(mail("a@example.org")).await.unwrap();
    let attempt = jobs.run_one::<PublishReport>().await.unwrap();
    assert!(attempt.has_succeeded() && attempt.job.id == first, "{attempt}");
    assert_eq!(jobs.enqueued::<PublishReport>().len(), 1);
    assert_eq!(jobs.enqueued::<Mail>().len(), 2, "one of the test, one of the job that ran");
    // The next one follows.
    let attempt = jobs.run_one::<PublishReport>().await.unwrap();
    assert!(attempt.has_succeeded() && attempt.job.id != first, "{attempt}");
}

#[tokio::test]
async fn a_drain_runs_what_jobs_add_and_reports_each_attempt() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    for name in ["r7", "torn", "broken"] {
        jobs.scheduler().enqueue(report(name)).await.unwrap();
    }
    let report = jobs.drain().await.unwrap();
    assert_eq!((report.summary.succeeded, report.summary.dead, report.summary.failed), (2, 1, 1), "{report}");
    assert_eq!((report.of::<Mail>().count(), report.not_succeeded().count()), (1, 2));
    let broken = report.attempts.iter().find_map(|attempt| match &attempt.outcome {
        AttemptOutcome::Failed { error, next_in } => Some((error.as_str(), *next_in)),
        _ => None,
    });
    let (error, next_in) = broken.unwrap();
    assert!(error == "the press is broken" && next_in >= Duration::from_secs(3_600), "{error}, {next_in:?}");
    let text = report.to_string();
    assert!(text.contains("report.publish, attempt 1: dead: the paper is torn"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_run_is_an_error_that_lists_what_waits() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    let error = jobs.run_one::<Mail>().await.unwrap_err();
    assert_eq!(error.to_string(), "no job of `mail.send` is ready: none is enqueued");
    jobs.scheduler().enqueue(mail("a@example.org").run_in(Duration::from_secs(60))).await.unwrap();
    let error = jobs.run_one::<Mail>().await.unwrap_err().to_string();
    assert!(error.contains(" is scheduled, due at "), "{error}");
}

#[actix_web::test]
async fn jobs_without_an_end_are_an_error_and_a_bound_ends_them() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    jobs.scheduler().enqueue(report("endless")).await.unwrap();
    let report = jobs.drain_at_most(5).await.unwrap();
    assert_eq!((report.attempts.len(), report.summary.succeeded), (5, 5), "{report}");
    assert_eq!(jobs.enqueued::<PublishReport>().len(), 1);
    let error = jobs.drain().await.unwrap_err();
    assert!(matches!(error, TestError::Endless { attempts: 10_001, .. }), "{error}");
}

#[actix_web::test]
async fn a_failure_fails_the_test_that_expects_success() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    jobs.scheduler().enqueue(mail("a@example.org")).await.unwrap();
    let _ = jobs.drain().await.unwrap().expect_success();
    jobs.scheduler().enqueue(report("torn")).await.unwrap();
    let report = jobs.drain().await.unwrap();
    let panic = std::panic::catch_unwind(|| report.expect_success()).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("not every attempt has succeeded: 1 attempt: 1 dead"), "{text}");
}
