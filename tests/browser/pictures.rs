//! The pictures of the README and the guide. `just pictures` takes them again.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use diesel::{Connection, PgConnection};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use serde_json::json;

use crate::browser::Colours;
use crate::site::Site;

const MOST_BYTES: usize = 150_000;
/// Name, address and height.
const PICTURES: [(&str, &str, u32); 3] =
    [("overview", "", 800), ("jobs", "jobs", 890), ("schedule", "schedule?name=prices%2Fhourly", 720)];
/// Whether the page shows the four dead jobs of the demonstration.
const COUNTED: &str = "document.querySelector(\"a[href='jobs?state=dead']\").closest('div').querySelector('dd').innerText === '4'";

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn each_picture_of_the_guide_is_taken_in_light_and_dark() {
    // The server of the other tests is unsafe on purpose, and the overview says so.
    let server = EmbeddedPostgres::start(EmbeddedOptions::temporary()).unwrap();
    mainspring::database::migrate(&mut PgConnection::establish(server.url()).unwrap()).unwrap();
    let site = Site::on(server).await;
    let browser = site.browse().await;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&folder).unwrap();
    browser.devtools("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await;
    browser.go("").await;
    browser.until(COUNTED).await;
    for (name, page, height) in PICTURES {
        for colours in [Colours::Light, Colours::Dark] {
            browser.set_colours(colours).await;
            browser.set_size(1_280, height).await;
            browser.go(page).await;
            browser
                .until("document.readyState === 'complete' && document.querySelector('#live label')")
                .await;
            let taken =
                browser.devtools("Page.captureScreenshot", json!({ "format": "webp", "quality": 82 })).await;
            let picture = BASE64_STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
            assert!(
                picture.starts_with(b"RIFF") && picture.len() < MOST_BYTES,
                "{name}: {} bytes",
                picture.len()
            );
            std::fs::write(folder.join(format!("{name}-{}.webp", colours.name())), picture).unwrap();
        }
    }
    site.stop().await;
}
