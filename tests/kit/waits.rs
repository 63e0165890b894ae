//! A wait for a state cannot miss it.

use std::time::Duration;

use mainspring::jobs::JobStatus;
use mainspring::testing::{TestError, TestScheduler};

use crate::app::{Mail, mail, report, scheduler};

#[actix_web::test]
async fn a_state_that_a_job_has_left_counts() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    let id = jobs.scheduler().enqueue(mail("a@example.org")).await.unwrap();
    jobs.wait_for(id, JobStatus::Ready).await.unwrap();
    let _ = jobs.drain().await.unwrap();
    jobs.wait_for(id, JobStatus::Running).await.unwrap();
    jobs.wait_for(id, JobStatus::Succeeded).await.unwrap();
}

#[tokio::test]
async fn a_wait_ends_when_another_future_runs_the_job() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    let id = jobs.scheduler().enqueue(mail("a@example.org")).await.unwrap();
    let (waited, ran) = tokio::join!(jobs.wait_for(id, JobStatus::Succeeded), jobs.run_one::<Mail>());
    waited.unwrap();
    assert!(ran.unwrap().has_succeeded());
}

#[actix_web::test]
async fn a_state_that_does_not_come_is_an_error_with_the_one_that_has() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    let id = jobs.scheduler().enqueue(report("torn")).await.unwrap();
    let _ = jobs.drain().await.unwrap();
    let error = jobs.wait_for(id, JobStatus::Succeeded).await.unwrap_err();
    assert!(matches!(&error, TestError::NotReached { waited, .. } if *waited >= Duration::from_secs(5)));
    let text = error.to_string();
    assert!(text.contains("it is `dead`, the paper is torn"), "{text}");
}
