//! A page while the database is away, and after the scheduler or the server has stopped.

use crate::browser::Browser;
use crate::site::Site;

async fn at_jobs(site: &Site) -> Browser {
    let browser = site.browse().await;
    browser.go("jobs").await;
    browser.run("window.marked = true").await;
    browser
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_page_says_that_the_database_is_away_and_recovers() {
    let site = Site::start().await;
    let browser = at_jobs(&site).await;
    site.database.go_away();
    browser.until_shown("The database cannot be reached").await;
    assert!(browser.text().await.contains("Try again in some seconds."));
    site.database.come_back();
    browser
        .until("document.querySelector('h1').innerText === 'Jobs' && document.querySelector('tbody tr')")
        .await;
    assert_eq!(browser.run("return window.marked === true").await, true, "the page was loaded again");
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_page_says_that_the_scheduler_or_the_server_has_stopped() {
    let site = Site::start().await;
    let browser = at_jobs(&site).await;
    site.scheduler.stop().await;
    browser.until_shown("The scheduler has stopped").await;
    assert!(browser.text().await.contains("ask another instance of the application"));
    site.stop().await;
    browser.until_shown("No reply since ").await;
}
