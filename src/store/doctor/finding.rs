//! What an examination returns. Knows no SQL.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::code::{Code, Severity};

/// How a cure is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum By {
    /// By SQL, a statement a line.
    Sql,
    /// By a command of the program `mainspring`, quoted for a shell.
    Command,
    /// By a person, as the text says.
    Hand,
}

/// What cures a finding. `Display` writes the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cure {
    /// How the text is meant.
    pub by: By,
    /// SQL or a command to paste as it is, or a sentence.
    pub text: String,
}

impl fmt::Display for Cure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Something that hurts, or will. `Display` writes what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, with the values.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// Why it hurts.
    pub harm: String,
    /// What cures it.
    pub cure: Cure,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found)
    }
}

/// Something that could not be examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unchecked {
    /// The finding that may be there.
    pub code: Code,
    /// Why it was not looked for, such as `needs pg_monitor`.
    pub reason: String,
}

/// The result of an examination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "an examination does nothing but report"]
#[non_exhaustive]
pub struct Report {
    /// Everything that was found, the worst first.
    pub findings: Vec<Finding>,
    /// What could not be looked for.
    pub unchecked: Vec<Unchecked>,
}

impl Report {
    /// How many findings there are. Those of the severity [`Severity::Info`] are not counted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity > Severity::Info).count()
    }
}

/// How to examine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until an examination gets them"]
#[non_exhaustive]
pub struct Options {
    /// A transaction that is open for longer is a finding.
    pub longest_transaction: Duration,
}

impl Options {
    /// Transactions may be open for five minutes.
    pub fn new() -> Self {
        Self { longest_transaction: Duration::from_secs(300) }
    }

    /// Sets for how long a transaction may be open.
    pub fn longest_transaction(mut self, longest: Duration) -> Self {
        self.longest_transaction = longest;
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
