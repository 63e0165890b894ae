//! What each act does, how it is confirmed, and how it is refused where it cannot apply.

use actix_web::test::TestRequest;
use chrono::{TimeDelta, Utc};
use mainspring::dashboard::{Access, Rights};
use mainspring::jobs::JobStatus;

use super::{Reply, Site, ask};

async fn seen(site: &Site, done: &Reply) -> Reply {
    assert_eq!(done.status, 303, "{}", done.text);
    site.read(done.header("location")).await
}

async fn status(site: &Site, id: i64) -> JobStatus {
    site.scheduler.jobs().require(id).await.unwrap().state
}

#[actix_web::test]
async fn a_dead_job_is_retried_and_a_living_one_is_not() {
    let site = Site::start().await;
    let id = site.add_dead("disk on fire").await;
    let done = site.act(&format!("retry-job?id={id}"), "").await;
    let page = seen(&site, &done).await;
    assert!(page.text.contains("The job waits again"), "{}", page.text);
    assert_eq!(status(&site, id).await, JobStatus::Ready);
    let again = site.act(&format!("retry-job?id={id}"), "").await;
    assert_eq!(again.status, 409);
    assert!(again.text.contains(&format!("Job {id} is unchanged: it is not dead.")), "{}", again.text);
    assert!(again.links().contains(&format!("job?id={id}")), "a way back");
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_job_is_cancelled_with_a_reason_after_a_question() {
    let site = Site::start().await;
    let id = site.add(|job| job).await;
    let path = format!("cancel-job?id={id}");
    let all = Access::Act(Rights::all());
    let question = ask(site.dashboard(all), TestRequest::with_uri(&format!("/jobs/{path}"))).await;
    assert_eq!(question.attributes("action"), [path.as_str()]);
    assert_eq!(question.attributes("method"), ["post"]);
    assert!(question.text.contains("name=\"reason\""));
    assert_eq!(status(&site, id).await, JobStatus::Ready, "the question changes nothing");
    let done = site.act(&path, "reason=ordered+twice").await;
    let page = seen(&site, &done).await;
    assert!(
        page.text.contains("The job is cancelled.") && page.text.contains("ordered twice"),
        "{}",
        page.text
    );
    assert_eq!(status(&site, id).await, JobStatus::Cancelled);
    let again = site.act(&path, "").await;
    assert!(again.status == 409 && again.text.contains("it has finished"), "{}", again.text);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_job_is_rescheduled_by_the_fields_that_are_filled_in() {
    let site = Site::start().await;
    let id = site.add(|job| job).await;
    let path = format!("reschedule-job?id={id}");
    let form = "when=&run_at=2126-11-30T08%3A15&priority=-7&attempts=&max_attempts=3";
    seen(&site, &site.act(&path, form).await).await;
    let job = site.scheduler.jobs().require(id).await.unwrap();
    assert_eq!(job.run_at.to_rfc3339(), "2126-11-30T08:15:00+00:00");
    assert_eq!((job.priority, job.max_attempts, job.attempts), (-7, Some(3), 0));
    seen(&site, &site.act(&path, "when=now&run_at=").await).await;
    let now = site.scheduler.jobs().require(id).await.unwrap();
    assert!((Utc::now() - now.run_at).abs() < TimeDelta::minutes(5), "{}", now.run_at);
    assert_eq!(now.priority, -7);
    for wrong in ["", "when=", "when=soon", "run_at=soon", "priority=40000", "attempts=x", "max_attempts=0"] {
        let before = site.rows();
        let reply = site.act(&path, wrong).await;
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text);
        assert_eq!(site.rows(), before, "{wrong}");
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_job_is_deleted_after_a_question() {
    let site = Site::start().await;
    let id = site.add_dead("disk on fire").await;
    let path = format!("delete-job?id={id}");
    let all = Access::Act(Rights::all());
    let question = ask(site.dashboard(all), TestRequest::with_uri(&format!("/jobs/{path}"))).await;
    assert!(question.text.contains("It is gone for good"), "{}", question.text);
    let page = seen(&site, &site.act(&path, "").await).await;
    assert!(page.text.contains("The job is deleted."), "{}", page.text);
    assert!(site.scheduler.jobs().get(id).await.unwrap().is_none());
    assert_eq!(site.act(&path, "").await.status, 404);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_queue_is_paused_and_resumed_once() {
    let site = Site::start().await;
    for (path, paused, refusal) in [
        ("pause-queue?name=a%2F%3C%26%3E..", true, "The queue was paused already."),
        ("resume-queue?name=a%2F%3C%26%3E..", false, "The queue was not paused."),
    ] {
        seen(&site, &site.act(path, "").await).await;
        assert_eq!(site.scheduler.queues().show("a/<&>..").await.unwrap().paused, paused);
        let again = site.act(path, "").await;
        assert_eq!(again.status, 409);
        assert!(again.text.contains(refusal), "{}", again.text);
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_schedule_is_paused_resumed_and_fired() {
    let site = Site::start().await;
    site.add_schedule("acme/a b").await;
    let name = "name=acme%2Fa+b";
    for (act, paused, refusal) in [("pause", true, "was paused already"), ("resume", false, "was not paused")]
    {
        seen(&site, &site.act(&format!("{act}-schedule?{name}"), "").await).await;
        assert_eq!(site.scheduler.schedules().require("acme/a b").await.unwrap().paused, paused);
        let again = site.act(&format!("{act}-schedule?{name}"), "").await;
        assert!(again.status == 409 && again.text.contains(refusal), "{}", again.text);
    }
    let page = seen(&site, &site.act(&format!("trigger-schedule?{name}"), "").await).await;
    assert!(page.text.contains("The schedule has fired, and its job is enqueued."), "{}", page.text);
    assert!(page.text.contains("by hand"), "{}", page.text);
    let row = site.scheduler.schedules().require("acme/a b").await.unwrap();
    assert!(page.links().contains(&format!("job?id={}", row.last_job_id.unwrap())));
    assert_eq!(site.act("trigger-schedule?name=none", "").await.status, 404);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_form_that_does_not_fit_changes_nothing() {
    let site = Site::start().await;
    let id = site.add(|job| job).await;
    let before = site.rows();
    let long = format!("reason={}", "x".repeat(70_000));
    for (path, form, status) in [
        ("cancel-job".to_owned(), "", 400),
        ("cancel-job?id=x".to_owned(), "", 400),
        ("cancel-job?id=99999999999999999999".to_owned(), "", 400),
        (format!("cancel-job?id={id}"), "reason=a%00b", 400),
        (format!("cancel-job?id={id}"), long.as_str(), 413),
        ("cancel-job?id=7777".to_owned(), "", 404),
        ("pause-queue".to_owned(), "", 400),
        ("pause-queue?name=".to_owned(), "", 400),
        ("pause-queue?name=a%00b".to_owned(), "", 400),
        ("pause-schedule?name=none".to_owned(), "", 404),
    ] {
        let reply = site.act(&path, form).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text);
    }
    assert_eq!(site.rows(), before);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn no_link_can_put_words_into_a_page() {
    let site = Site::start().await;
    let id = site.add(|job| job).await;
    let page = site.read(&format!("job?id={id}&did=Your+password+is+needed")).await;
    assert!(page.status == 200 && !page.text.contains("password"), "{}", page.text);
    assert_eq!(page.attributes("role"), [] as [&str; 0]);
    site.scheduler.stop().await;
}
