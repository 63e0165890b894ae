//! A browser, as tests use it: addresses, clicks, keys, and what a page shows.

use std::time::{Duration, Instant};

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use crate::driver::Driver;
use crate::support::waiting::PATIENCE;

const INTERVAL: Duration = Duration::from_millis(20);

/// The colours that a page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    Light,
    Dark,
}

impl Colours {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

pub struct Browser {
    pub client: Client,
    base: String,
    // Dropped last.
    _driver: Driver,
}

/// A command that only this driver knows: its path and its parameters.
#[derive(Debug)]
struct Own(&'static str, Value);

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.1.to_string()))
    }
}

impl Browser {
    /// A browser that is on no page yet. Addresses are relative to the base.
    pub async fn start(base: &str) -> Self {
        let driver = Driver::start();
        Self { client: driver.browse().await, base: base.to_owned(), _driver: driver }
    }

    /// Sends a command of the DevTools protocol, which the driver passes on.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let command = Own("goog/cdp/execute", json!({ "cmd": command, "params": parameters }));
        self.client.issue_cmd(command).await.unwrap()
    }

    /// What the browser has complained of since the last call.
    pub async fn log(&self) -> Vec<String> {
        let lines = self.client.issue_cmd(Own("se/log", json!({ "type": "browser" }))).await.unwrap();
        lines.as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base)).await.unwrap();
    }

    /// The address below the base.
    pub async fn path(&self) -> String {
        let address = self.client.current_url().await.unwrap().to_string();
        address.strip_prefix(&self.base).unwrap_or_else(|| panic!("{address} is elsewhere")).to_owned()
    }

    /// Runs a body of a function in the page.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// What the page shows.
    pub async fn text(&self) -> String {
        self.run("return document.body.innerText").await.as_str().unwrap().to_owned()
    }

    /// Waits until the expression is true in the page.
    pub async fn until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        // A page that is just left has nothing to be asked.
        while self.client.execute(&format!("return Boolean({expression})"), Vec::new()).await.ok()
            != Some(Value::Bool(true))
        {
            assert!(Instant::now() < deadline, "`{expression}` is not true in {}", self.text().await);
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Waits until the page shows the text.
    pub async fn until_shown(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", json!(text))).await;
    }

    pub async fn click(&self, css: &str) {
        let element =
            self.client.find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"));
        element.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Clicks the link or the button with that text.
    pub async fn press(&self, label: &str) {
        let path = format!("//*[self::a or self::button][normalize-space(.)='{label}']");
        let found = self.client.find(Locator::XPath(&path)).await;
        let element = found.unwrap_or_else(|error| panic!("{label}: {error}"));
        element.click().await.unwrap_or_else(|error| panic!("{label}: {error}"));
    }

    /// Types into the field of that name.
    pub async fn fill(&self, field: &str, text: &str) {
        let css = format!("[name={field}]");
        self.client.find(Locator::Css(&css)).await.unwrap().send_keys(text).await.unwrap();
    }

    /// Types into the field of that name, in place of what it has.
    pub async fn refill(&self, field: &str, text: &str) {
        let css = format!("[name={field}]");
        self.client.find(Locator::Css(&css)).await.unwrap().clear().await.unwrap();
        self.fill(field, text).await;
    }

    /// The text of the field of that name.
    pub async fn field(&self, field: &str) -> String {
        let value = self.run(&format!("return document.querySelector('[name={field}]').value")).await;
        value.as_str().unwrap().to_owned()
    }

    /// Types where the focus is.
    pub async fn type_keys(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    pub async fn set_colours(&self, colours: Colours) {
        let feature = json!([{ "name": "prefers-color-scheme", "value": colours.name() }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": feature })).await;
    }

    pub async fn set_size(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// From the next page on, no script of a page runs.
    pub async fn disable_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }
}
