//! The keyboard alone: keys that go to screens and act, the way to the content, and the focus that is seen.

use serde_json::json;

use crate::browser::Browser;
use crate::site::Site;

/// The key Tab, as WebDriver has it.
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";

async fn focused(browser: &Browser) -> String {
    let focus =
        "const it = document.activeElement; return it.id || it.name || it.getAttribute('href') || it.tagName";
    browser.run(focus).await.as_str().unwrap().to_owned()
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn each_screen_has_a_key_and_the_help_lists_it() {
    let site = Site::start().await;
    let browser = site.browse().await;
    browser.go("").await;
    browser.type_keys("?").await;
    let listed = browser.run("return document.querySelector('dialog[open]').innerText").await;
    let listed = listed.as_str().unwrap().to_owned();
    browser.type_keys(ESCAPE).await;
    browser.until("!document.querySelector('dialog[open]')").await;
    let screens = browser.run("return [...document.querySelectorAll('nav [data-key]')].map(link => [link.dataset.key, link.innerText])").await;
    assert_eq!(screens.as_array().unwrap().len(), 10);
    for screen in screens.as_array().unwrap() {
        let (key, name) = (screen[0].as_str().unwrap(), screen[1].as_str().unwrap());
        assert!(listed.contains(&format!("go to {name}")), "{name}: {listed}");
        browser.type_keys(&format!("g{key}")).await;
        browser
            .until(&format!("document.querySelector('nav [aria-current]')?.innerText === {}", json!(name)))
            .await;
    }
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn keys_move_through_a_table_and_leave_fields_alone() {
    let site = Site::start().await;
    let browser = site.browse().await;
    browser.go("jobs?state=dead").await;
    browser.type_keys("/").await;
    assert_eq!(focused(&browser).await, "task");
    browser.type_keys("gj?").await;
    assert_eq!(browser.run("return document.activeElement.value").await, "gj?");
    assert_eq!(browser.run("return document.querySelector('dialog[open]')").await, json!(null));
    browser.run("document.activeElement.value = ''; document.activeElement.blur()").await;
    let jobs = browser
        .run("return [...document.querySelectorAll('tbody td a')].map(link => link.getAttribute('href'))")
        .await;
    let jobs: Vec<String> = serde_json::from_value(jobs).unwrap();
    for (key, line) in [("j", 0), ("j", 1), ("k", 0), ("k", 0)] {
        browser.type_keys(key).await;
        assert_eq!(focused(&browser).await, jobs[line]);
    }
    browser.type_keys(ENTER).await;
    browser.until_shown("Failed attempts").await;
    assert_eq!(browser.path().await, jobs[0]);
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_viewer_may_switch_the_keys_off() {
    let site = Site::start().await;
    let browser = site.browse().await;
    browser.go("").await;
    browser.click("#keys-show").await;
    browser.click("#keys-on").await;
    browser.click("#keys-close").await;
    browser.type_keys("?").await;
    assert_eq!(browser.run("return document.querySelector('dialog[open]')").await, json!(null));
    browser.go("jobs").await;
    browser.type_keys("/").await;
    assert_ne!(focused(&browser).await, "task");
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn the_first_stop_skips_to_the_content_and_every_stop_is_seen() {
    let site = Site::start().await;
    let browser = site.browse().await;
    browser.go("jobs").await;
    browser.type_keys(TAB).await;
    assert_eq!(focused(&browser).await, "#main");
    let seen = "const it = document.activeElement, box = it.getBoundingClientRect(), style = getComputedStyle(it); \
        return [box.top >= 0 && box.left >= 0 && box.width > 0, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]";
    assert_eq!(browser.run(seen).await, json!([true, true]), "the link that skips");
    browser.type_keys(ENTER).await;
    assert_eq!(focused(&browser).await, "main");
    for _ in 0..12 {
        browser.type_keys(TAB).await;
        assert_eq!(browser.run(seen).await[1], true, "{}", focused(&browser).await);
    }
    site.stop().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn nothing_moves_for_a_viewer_who_wants_no_motion() {
    let site = Site::start().await;
    let browser = site.browse().await;
    let feature = json!([{ "name": "prefers-reduced-motion", "value": "reduce" }]);
    browser.devtools("Emulation.setEmulatedMedia", json!({ "features": feature })).await;
    browser.go("").await;
    let moving = "return [...document.querySelectorAll('*')].filter(it => { const style = getComputedStyle(it); \
        return style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0 }).length";
    assert_eq!(browser.run(moving).await, 0);
    assert_eq!(browser.run("return document.getAnimations().length").await, 0);
    site.stop().await;
}
