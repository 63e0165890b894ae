//! What a person does from beginning to end: a schedule from its first form to its pause, and acts on many jobs.

use mainspring::jobs::{JobFilter, JobStatus};
use mainspring::{JobContext, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};

use crate::site::Site;

const NAME: &str = "acme/often";

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_person_makes_a_schedule_sees_it_fire_changes_and_pauses_it() {
    let site = Site::start().await;
    let browser = site.browse().await;
    browser.go("schedules").await;
    browser.press("New schedule").await;
    for (field, text) in [
        ("name", NAME),
        ("task", "mail.send"),
        ("expression", "* * * * * *"),
        ("payload", "{\"for\": \"acme\"}"),
    ] {
        browser.fill(field, text).await;
    }
    browser.press("Preview").await;
    browser.until_shown("It fires every second").await;
    assert!(site.scheduler.schedules().get(NAME).await.unwrap().is_none(), "a preview stores nothing");
    browser.press("Save").await;
    browser.until_shown("The schedule is created.").await;
    // The page reads itself again.
    browser.until_shown("enqueued").await;
    browser.press("Fire now").await;
    browser.until_shown("The schedule has fired, and its job is enqueued.").await;
    browser.until_shown("by hand").await;
    browser.press("Change").await;
    browser.until_shown(&format!("Change schedule {NAME}")).await;
    assert!(browser.field("payload").await.contains("acme"));
    browser.refill("expression", "30 6 * * *").await;
    browser.press("Save").await;
    browser.until_shown("The schedule is changed.").await;
    browser.until_shown("30 6 * * *").await;
    browser.press("Pause").await;
    browser.until_shown("The schedule is paused.").await;
    let row = site.scheduler.schedules().require(NAME).await.unwrap();
    assert_eq!((&*row.expression, row.paused), ("30 6 * * *", true));
    assert_eq!(row.payload, serde_json::json!({"for": "acme"}));
    browser.go("schedules").await;
    browser.press(NAME).await;
    browser.press("Delete").await;
    browser.press("Delete the schedule").await;
    browser.until_shown("The schedule is deleted.").await;
    assert!(site.scheduler.schedules().get(NAME).await.unwrap().is_none());
    site.stop().await;
}

#[derive(Serialize, Deserialize)]
struct Nothing {}
impl Task for Nothing {
    const NAME: &'static str = "nothing";
}

async fn nothing(_: Nothing, _: JobContext) -> JobResult {
    Ok(())
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn an_operation_is_begun_paused_resumed_stopped_and_seen_to_its_end() {
    let site = Site::start().await;
    let browser = site.browse().await;
    let list = "jobs?state=ready&task=invoice.render";
    browser.go(list).await;
    browser.press("Cancel all …").await;
    browser.until_shown("state ready, task `invoice.render`").await;
    browser.fill("reason", "ordered twice").await;
    browser.press("Cancel all").await;
    browser.until_shown("The operation is added.").await;
    for (button, told) in [
        ("Pause", "The operation pauses."),
        ("Resume", "The operation goes on where it stopped."),
        ("Stop", "The operation is stopped."),
    ] {
        browser.press(button).await;
        browser.until_shown(told).await;
    }
    let mut ready = JobFilter::new();
    (ready.state, ready.task) = (JobStatus::Ready.into(), Some("invoice.render".into()));
    let before = site.scheduler.jobs().list(ready.clone()).await.unwrap().len();
    assert!(before > 2, "a stopped operation has cancelled none of them");

    browser.go(list).await;
    browser.press("Reschedule all …").await;
    browser.until_shown(&format!("These are {before} jobs")).await;
    browser.fill("priority", "-9").await;
    browser.press("Reschedule all").await;
    browser.until_shown("The operation is added.").await;
    // The workers of the shop are busy, and another process carries it out.
    let carrier = Scheduler::builder(site.database.url()).worker_threads(1).without_cron().handler(nothing);
    let carrier = carrier.start().await.unwrap();
    browser.until("document.querySelector('h1').innerText.includes('done')").await;
    browser.until_shown("rescheduled").await;
    let after = site.scheduler.jobs().list(ready).await.unwrap();
    assert!(after.len() == before && after.iter().all(|job| job.priority == -9), "{after:?}");
    carrier.stop().await;
    site.stop().await;
}
