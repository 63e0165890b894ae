//! The rules of accessibility, as axe-core knows them.

use std::path::Path;

use crate::browser::Browser;

/// Rules of WCAG 2.0 to 2.2, levels A and AA.
const RUN: &str = "const done = arguments[0]; const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']; \
    const told = fault => fault.nodes.map(node => `${fault.id}: ${node.html.slice(0, 200)} ${node.failureSummary}`); \
    axe.run({ runOnly: rules, resultTypes: ['violations'] }) \
        .then(found => done(found.violations.flatMap(told)), error => done([String(error)]))";

pub struct Axe {
    source: String,
}

impl Axe {
    /// Reads the file that `.ci/browser` has fetched.
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/axe/package/axe.min.js");
        let source = std::fs::read_to_string(&path);
        let source =
            source.unwrap_or_else(|error| panic!("{}: {error}. `.ci/browser` fetches it", path.display()));
        Self { source }
    }

    /// What breaks a rule on the page.
    pub async fn violations(&self, browser: &Browser) -> Vec<String> {
        // As the body of a function, so that the policy of the page has no say.
        browser.client.execute(&self.source, Vec::new()).await.unwrap();
        let found = browser.client.execute_async(RUN, Vec::new()).await.unwrap();
        found.as_array().unwrap().iter().map(|fault| fault.as_str().unwrap_or_default().to_owned()).collect()
    }
}
