//! Every act, by the buttons that a person presses: with scripts, and by the forms alone.

use std::time::Duration;

use mainspring::jobs::{JobFilter, JobStatus};
use mainspring::{NewJob, Wait};
use serde_json::json;

use crate::browser::Browser;
use crate::site::Site;

const RETRIED: &str = "The job waits again, with all its attempts.";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scripts {
    Run,
    Off,
}

async fn browse(site: &Site, scripts: Scripts) -> Browser {
    let browser = site.browse().await;
    if scripts == Scripts::Off {
        browser.disable_scripts().await;
    }
    browser.go("").await;
    let shown = browser.run("return document.querySelector('#live input') !== null").await;
    assert_eq!(shown, scripts == Scripts::Run, "the script adds the switch");
    browser
}

async fn job(site: &Site, task: &'static str, whom: &str) -> i64 {
    site.scheduler.jobs().insert(NewJob::new(task, &json!({ "for": whom }))).await.unwrap()
}

async fn status(site: &Site, id: i64) -> JobStatus {
    site.scheduler.jobs().require(id).await.unwrap().state
}

/// Retries, reschedules, cancels, releases and deletes jobs.
async fn act_on_jobs(site: &Site, browser: &Browser) {
    let id = job(site, "mail.send", "retry").await;
    site.scheduler.jobs().fail([id], Some("lost")).await.unwrap();
    browser.go(&format!("job?id={id}")).await;
    browser.press("Retry").await;
    browser.until_shown(RETRIED).await;
    assert_eq!(status(site, id).await, JobStatus::Ready);
    browser.press("Reschedule …").await;
    browser.until_shown(&format!("Reschedule job {id}")).await;
    browser.fill("priority", "-7").await;
    browser.press("Change").await;
    browser.until_shown("The job is rescheduled.").await;
    assert_eq!(site.scheduler.jobs().require(id).await.unwrap().priority, -7);
    browser.press("Cancel …").await;
    browser.until_shown(&format!("Cancel job {id}?")).await;
    browser.fill("reason", "ordered twice").await;
    browser.press("Cancel the job").await;
    browser.until_shown("The job is cancelled.").await;
    assert!(browser.text().await.contains("ordered twice"));
    assert_eq!(status(site, id).await, JobStatus::Cancelled);
    let held = NewJob::new("mail.send", &json!({"for": "release"})).after(Wait::signal("approved"));
    let id = site.scheduler.jobs().insert(held).await.unwrap();
    browser.go(&format!("job?id={id}")).await;
    browser.until_shown("signal approved").await;
    browser.press("Release …").await;
    browser.until_shown(&format!("Release job {id}?")).await;
    browser.press("Release the job").await;
    browser.until_shown("The job waits for no other job any more.").await;
    assert_eq!(status(site, id).await, JobStatus::Ready);
    let id = job(site, "mail.send", "delete").await;
    browser.go(&format!("job?id={id}")).await;
    browser.press("Delete …").await;
    browser.until_shown("It is gone for good").await;
    browser.press("Delete the job").await;
    browser.until_shown("The job is deleted.").await;
    assert!(site.scheduler.jobs().get(id).await.unwrap().is_none());
}

/// Adds a job, which is refused first, and another one like it.
async fn add_jobs(site: &Site, browser: &Browser) {
    browser.go("jobs?task=mail.send").await;
    browser.press("New job").await;
    browser.until_shown("It has the fields for (needed).").await;
    assert_eq!(
        (browser.field("task").await, browser.field("payload").await),
        ("mail.send".into(), "{}".into())
    );
    browser.fill("queue", "added").await;
    browser.press("Add the job").await;
    browser.until_shown("Nothing was changed.").await;
    assert!(browser.text().await.contains("payload"), "{}", browser.text().await);
    assert_eq!(browser.field("queue").await, "added");
    browser.refill("payload", "{\"for\": \"anna\"}").await;
    browser.press("Add the job").await;
    browser.until_shown("The job is added.").await;
    browser.press("Run again …").await;
    browser.until_shown("A job like job ").await;
    assert!(browser.field("payload").await.contains("anna"));
    browser.refill("payload", "{\"for\": \"bo\"}").await;
    browser.press("Add the job").await;
    browser.until_shown("The job is added.").await;
    let mut added = JobFilter::new();
    added.queue = Some("added".into());
    assert_eq!(site.scheduler.jobs().list(added).await.unwrap().len(), 2);
}

/// A running job ends as cancelled.
async fn cancel_a_running_job(site: &Site, browser: &Browser) {
    browser.go("jobs?state=running").await;
    browser.click("main td a[href^='job?']").await;
    let id = browser.path().await.trim_start_matches("job?id=").parse().unwrap();
    browser.press("Cancel …").await;
    browser.press("Cancel the job").await;
    browser.until_shown("The job runs, and was told to end.").await;
    while status(site, id).await == JobStatus::Running {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(status(site, id).await, JobStatus::Cancelled);
}

async fn pause_and_resume(site: &Site, browser: &Browser) {
    browser.go("queues").await;
    browser.press("imports").await;
    browser.press("Pause").await;
    browser.until_shown("The queue is paused.").await;
    assert!(site.scheduler.queues().show("imports").await.unwrap().paused);
    browser.press("Resume").await;
    browser.until_shown("The queue goes on.").await;
    assert!(!site.scheduler.queues().show("imports").await.unwrap().paused);
    browser.go("schedules").await;
    browser.press("prices/hourly").await;
    browser.press("Pause").await;
    browser.until_shown("The schedule is paused.").await;
    assert!(site.scheduler.schedules().require("prices/hourly").await.unwrap().paused);
    browser.press("Resume").await;
    browser.until_shown("The schedule goes on.").await;
    browser.press("Fire now").await;
    browser.until_shown("The schedule has fired, and its job is enqueued.").await;
    browser.until_shown("by hand").await;
}

/// Retries a workflow, sends the signal for which a job of it waits, and cancels it.
async fn act_on_a_workflow(site: &Site, browser: &Browser) {
    browser.go("workflows?name=order+17").await;
    browser.click("main td a[href^='workflow?']").await;
    browser.press("Retry the dead jobs").await;
    browser.until_shown("The dead jobs wait again, with all their attempts.").await;
    browser.press("Send …").await;
    browser.until_shown("Its name is order:17:approved.").await;
    browser.fill("value", "{\"by\": \"anna\"}").await;
    browser.press("Send the signal").await;
    browser.until_shown("The signal is sent.").await;
    browser.press("Cancel …").await;
    browser.until_shown("Cancel workflow 1?").await;
    browser.fill("reason", "ordered twice").await;
    browser.press("Cancel the workflow").await;
    browser.until_shown("4 cancelled").await;
    let cancelled = site.scheduler.workflows().get(1).await.unwrap().unwrap();
    assert_eq!((cancelled.total, cancelled.done), (4, 4));
}

async fn go_through(scripts: Scripts) {
    let site = Site::start().await;
    let browser = browse(&site, scripts).await;
    act_on_jobs(&site, &browser).await;
    add_jobs(&site, &browser).await;
    cancel_a_running_job(&site, &browser).await;
    act_on_a_workflow(&site, &browser).await;
    pause_and_resume(&site, &browser).await;
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn every_act_is_done_by_the_buttons_of_the_pages() {
    go_through(Scripts::Run).await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn every_act_is_done_without_any_script() {
    go_through(Scripts::Off).await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn an_act_of_a_second_tab_that_comes_too_late_is_refused() {
    let site = Site::start().await;
    let browser = site.browse().await;
    let id = job(&site, "mail.send", "two tabs").await;
    site.scheduler.jobs().fail([id], Some("lost")).await.unwrap();
    let page = format!("job?id={id}");
    browser.go(&page).await;
    let first = browser.client.window().await.unwrap();
    let second = browser.client.new_window(true).await.unwrap().handle;
    browser.client.switch_to_window(second).await.unwrap();
    browser.go(&page).await;
    browser.press("Retry").await;
    browser.until_shown(RETRIED).await;
    browser.client.switch_to_window(first).await.unwrap();
    // A page that has seen the change has no such button.
    let late = browser
        .run("return document.querySelector('form[action^=retry-job]')?.requestSubmit() ?? null")
        .await;
    assert!(late.is_null());
    browser
        .until("document.querySelector('.failure') || !document.querySelector('form[action^=retry-job]')")
        .await;
    assert_eq!(status(&site, id).await, JobStatus::Ready);
    site.stop().await;
}
