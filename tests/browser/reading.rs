//! Every screen, in light and dark, on a telephone and on a large display.

use crate::axe::Axe;
use crate::browser::{Browser, Colours};
use crate::site::Site;

/// The title of each screen, and the page with a link to it. Each is reached by links alone.
const SCREENS: [(&str, &str, &str); 16] = [
    ("Overview", "", ""),
    ("Jobs", "", "nav a[href=jobs]"),
    ("Job", "jobs?state=dead", "main td a[href^='job?']"),
    ("Workflows", "", "nav a[href=workflows]"),
    ("Workflow", "workflows", "main td a[href^='workflow?']"),
    ("Queues", "", "nav a[href=queues]"),
    ("Queue", "queues", "main a[href^='queue?name=imports']"),
    ("Tasks", "", "nav a[href=tasks]"),
    ("Schedules", "", "nav a[href=schedules]"),
    ("Schedule", "schedules", "main a[href^='schedule?']"),
    ("Calendar", "schedules", "main a[href=calendar]"),
    ("Errors", "", "nav a[href=errors]"),
    ("Error", "errors", "main a[href^='error?']"),
    ("Workers", "", "nav a[href=workers]"),
    ("Operations", "", "nav a[href=operations]"),
    ("Audit", "", "nav a[href=audit]"),
];

/// Pages that ask or refuse.
const OTHERS: [&str; 13] = [
    "add-job?id=4",
    "cancel-job?id=4",
    "reschedule-job?id=4",
    "release-job?id=4",
    "clear-steps?id=4",
    "delete-job?id=4",
    "cancel-workflow?id=1",
    "send-signal?name=order%3A17%3Aapproved&workflow=1",
    "create-schedule",
    "act-on-many?act=cancel&state=dead",
    "no-such",
    "job?id=0",
    "jobs?state=gone",
];

/// The address of each page.
async fn pages(browser: &Browser) -> Vec<String> {
    let mut found = Vec::new();
    for (title, from, link) in SCREENS {
        browser.go(from).await;
        if !link.is_empty() {
            browser.click(link).await;
        }
        let shown = browser.client.title().await.unwrap();
        assert!(shown.starts_with(title), "{shown} at {from} {link}");
        found.push(browser.path().await);
    }
    found.extend(OTHERS.map(str::to_owned));
    found
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn every_page_fits_each_width_and_breaks_no_rule_of_accessibility() {
    let site = Site::start().await;
    let browser = site.browse().await;
    let axe = Axe::read();
    let pages = pages(&browser).await;
    let mut faults = Vec::new();
    for colours in [Colours::Light, Colours::Dark] {
        browser.set_colours(colours).await;
        for (width, height) in [(1_280, 900), (360, 740), (3_840, 2_160)] {
            browser.set_size(width, height).await;
            for page in &pages {
                browser.go(page).await;
                browser
                    .run("for (const closed of document.querySelectorAll('details')) closed.open = true")
                    .await;
                let wide = browser.run("return document.documentElement.scrollWidth").await.as_u64().unwrap();
                if wide > u64::from(width) {
                    faults.push(format!("{page} is {wide} wide on {width}"));
                }
                // Only the room differs.
                if width > 2_000 {
                    continue;
                }
                let found = axe.violations(&browser).await;
                faults.extend(
                    found.into_iter().map(|fault| format!("{page} {width} {}: {fault}", colours.name())),
                );
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_planted_fault_of_accessibility_is_found() {
    let site = Site::start().await;
    let browser = site.browse().await;
    browser.go("").await;
    browser.run("document.querySelector('main').append(document.createElement('button'))").await;
    let found = Axe::read().violations(&browser).await;
    assert!(found.len() == 1 && found[0].starts_with("button-name: "), "{found:?}");
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn no_page_breaks_its_own_policy_or_asks_for_what_is_not_there() {
    let site = Site::start().await;
    let browser = site.browse().await;
    for page in pages(&browser).await {
        browser.go(&page).await;
        let loaded = "return performance.getEntriesByType('resource').map(entry => entry.responseStatus)";
        let statuses = browser.run(loaded).await;
        assert!(statuses.as_array().unwrap().iter().all(|status| status == 200), "{page}: {statuses}");
    }
    // A page of a failure has its status in the log of the browser, and nothing else has.
    let unexpected: Vec<String> =
        browser.log().await.into_iter().filter(|line| !line.contains("status of 4")).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_filter_outlives_back_and_reload() {
    let site = Site::start().await;
    let browser = site.browse().await;
    browser.go("jobs").await;
    browser.fill("task", "invoice.render").await;
    browser.press("Filter").await;
    browser.until("location.search.includes('task=invoice.render')").await;
    browser.click("nav.tabs a[href*='state=ready']").await;
    let shown = "[...document.querySelectorAll('tbody tr')].map(row => row.innerText).join()";
    let before = browser.run(&format!("return {shown}")).await;
    assert_eq!(before.as_str().unwrap().matches("invoice.render").count(), 4, "{before}");
    assert!(!before.as_str().unwrap().contains("mail.send"), "{before}");
    let address = browser.path().await;
    browser.client.refresh().await.unwrap();
    assert_eq!(browser.path().await, address);
    browser.click("main td a[href^='job?']").await;
    browser.until("document.querySelector('h1').innerText.startsWith('Job ')").await;
    browser.client.back().await.unwrap();
    browser.until("document.querySelector('h1').innerText === 'Jobs'").await;
    assert_eq!(browser.path().await, address);
    let field = browser.run("return document.querySelector('[name=task]').value").await;
    assert_eq!(field, "invoice.render");
    assert_eq!(browser.run(&format!("return {shown}.split('invoice.render').length")).await, 5);
    site.stop().await;
}
