//! A page that stays up to date while it is looked at: what changes, and what stays.

use std::time::Duration;

use serde_json::json;

use crate::browser::Browser;
use crate::site::Site;

/// Adds a dead job in a session of its own, as any other program would.
pub const ADD_DEAD: &str = "INSERT INTO mainspring.jobs (task, run_at, state, last_error, attempts, max_attempts) \
    VALUES ('prices.import', mainspring.now(), 'dead', 'no such shop', 1, 1)";
pub const ROWS: &str = "document.querySelectorAll('tbody tr').length";

/// Marks the document, which a reload would replace.
async fn mark(browser: &Browser) {
    browser.run("window.marked = true").await;
}

async fn assert_not_reloaded(browser: &Browser) {
    assert_eq!(browser.run("return window.marked === true").await, true, "the page was loaded again");
}

pub async fn rows(browser: &Browser) -> u64 {
    browser.run(&format!("return {ROWS}")).await.as_u64().unwrap()
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_change_by_another_program_shows_without_a_reload() {
    let site = Site::start().await;
    let browser = site.browse().await;
    browser.go("jobs?state=dead").await;
    mark(&browser).await;
    let before = rows(&browser).await;
    site.execute(ADD_DEAD);
    browser.until(&format!("{ROWS} === {}", before + 1)).await;
    browser.go("").await;
    mark(&browser).await;
    let dead =
        "document.querySelector(\"a[href='jobs?state=dead']\").closest('div').querySelector('dd').innerText";
    browser.until(&format!("{dead} === '{}'", before + 1)).await;
    site.execute(ADD_DEAD);
    browser.until(&format!("{dead} === '{}'", before + 2)).await;
    assert_not_reloaded(&browser).await;
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn an_update_leaves_focus_scroll_and_what_was_opened() {
    let site = Site::start().await;
    for _ in 0..30 {
        site.execute(ADD_DEAD);
    }
    let browser = site.browse().await;
    // Each reading examines a part of what the doctor looks at, and the list of findings grows.
    browser.go("").await;
    while browser.text().await.contains("Not examined yet") {
        browser.go("").await;
    }
    browser.click("section[aria-labelledby=hour] summary").await;
    browser.run("window.scrollTo(0, 300); document.querySelector(\"main a[href='errors']\").focus({ preventScroll: true })").await;
    mark(&browser).await;
    let counted =
        "document.querySelector(\"a[href='jobs?state=dead']\").closest('div').querySelector('dd').innerText";
    let before = browser.run(&format!("return {counted}")).await;
    site.execute(ADD_DEAD);
    browser.until(&format!("{counted} !== {before}")).await;
    assert_not_reloaded(&browser).await;
    assert_eq!(
        browser.run("return document.querySelector('section[aria-labelledby=hour] details').open").await,
        true
    );
    assert_eq!(browser.run("return document.activeElement.getAttribute('href')").await, "errors");
    assert_eq!(browser.run("return scrollY").await, 300);
    site.stop().await;
}

/// Whether the page was read again meanwhile, while the last word of the stream was that it should be.
async fn stays(browser: &Browser, site: &Site, before: u64) {
    browser
        .run(
            "window.told = 0; const watch = new EventSource('changes?since='); \
        watch.addEventListener('changed', () => window.told++)",
        )
        .await;
    browser.until("window.told > 0").await;
    site.execute(ADD_DEAD);
    browser.until("window.told > 1").await;
    // The page has heard the same, and would have read itself again within two seconds of the last time.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(rows(browser).await, before, "the page was read again");
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_page_waits_while_a_viewer_marks_text_or_types() {
    let site = Site::start().await;
    let browser = site.browse().await;
    browser.go("jobs?state=dead").await;
    mark(&browser).await;
    let before = rows(&browser).await;
    browser.run("getSelection().selectAllChildren(document.querySelector('tbody td'))").await;
    stays(&browser, &site, before).await;
    assert_ne!(browser.run("return String(getSelection())").await, "");
    browser.run("getSelection().removeAllRanges()").await;
    browser.until(&format!("{ROWS} === {}", before + 1)).await;
    browser.fill("task", "prices.im").await;
    stays(&browser, &site, before + 1).await;
    browser.type_keys("port").await;
    assert_eq!(browser.run("return document.activeElement.value").await, "prices.import");
    browser.run("document.activeElement.blur()").await;
    browser.until(&format!("{ROWS} === {}", before + 2)).await;
    assert_not_reloaded(&browser).await;
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_hidden_tab_asks_for_nothing_and_catches_up() {
    let site = Site::start().await;
    let browser = site.browse().await;
    browser.go("jobs?state=dead").await;
    mark(&browser).await;
    let before = rows(&browser).await;
    let (first, second) =
        (browser.client.window().await.unwrap(), browser.client.new_window(true).await.unwrap());
    browser.client.switch_to_window(second.handle).await.unwrap();
    browser.go("jobs?state=dead").await;
    browser.client.switch_to_window(first.clone()).await.unwrap();
    // A tab of a browser without a screen is never hidden by itself.
    browser
        .run(
            "window.hides = true; Object.defineProperty(document, 'hidden', { get: () => window.hides }); \
        document.dispatchEvent(new Event('visibilitychange')); window.hidAt = performance.now()",
        )
        .await;
    site.execute(ADD_DEAD);
    let windows = browser.client.windows().await.unwrap();
    let other = windows.into_iter().find(|window| *window != first).unwrap();
    browser.client.switch_to_window(other).await.unwrap();
    browser.until(&format!("{ROWS} === {}", before + 1)).await;
    browser.client.switch_to_window(first).await.unwrap();
    let asked = browser
        .run(
            "return performance.getEntriesByType('resource').filter(entry => entry.startTime > window.hidAt) \
        .map(entry => entry.name)",
        )
        .await;
    assert_eq!(asked, json!([]));
    assert_eq!(rows(&browser).await, before);
    browser.run("window.hides = false; document.dispatchEvent(new Event('visibilitychange'))").await;
    browser.until(&format!("{ROWS} === {}", before + 1)).await;
    assert_not_reloaded(&browser).await;
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_viewer_may_switch_updates_off() {
    let site = Site::start().await;
    let browser = site.browse().await;
    browser.go("jobs?state=dead").await;
    let before = rows(&browser).await;
    browser.click("#live input").await;
    stays(&browser, &site, before).await;
    browser.go("jobs?state=dead").await;
    assert_eq!(
        browser.run("return document.querySelector('#live input').checked").await,
        false,
        "it is kept"
    );
    site.stop().await;
}
