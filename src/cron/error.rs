//! What is wrong with an expression or a crontab: where, what was found and what was expected.
//! One error, because every caller does the same with it: shows it to the author of the text.

use std::fmt;

use crate::error::{Problem, StoreError};
use crate::text::one_line;

/// How much of an offending text an error repeats, in characters: enough to recognise it in a log line.
const LONGEST_FOUND: usize = 60;

/// Why a cron expression or a crontab could not be read.
///
/// ```
/// use mainspring::{CronExpression, Crontab};
///
/// let error = CronExpression::parse("61 * * * *").unwrap_err();
/// assert_eq!(error.to_string(), "column 1: found `61`, expected a minute from 0 to 59");
///
/// let error = Crontab::parse("# nightly\n0 4 * * * cleanup ?max=0").unwrap_err();
/// assert_eq!(error.to_string(), "line 2, column 20: found `max=0`, expected a whole number from 1 to 32767");
/// assert_eq!((error.line(), error.column()), (Some(2), Some(20)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}found `{found}`, expected {expected}", Place(*line, *column))]
pub struct CronError {
    line: Option<usize>,
    column: Option<usize>,
    found: String,
    expected: String,
}

impl CronError {
    pub(super) fn new(found: &str, expected: impl Into<String>) -> Self {
        Self { line: None, column: None, found: excerpt(found), expected: expected.into() }
    }

    /// Moves the error right by the `characters` that stand before the text it was found in.
    pub(super) fn after(mut self, characters: usize) -> Self {
        self.column = Some(self.column.unwrap_or(1) + characters);
        self
    }

    pub(super) fn on_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// Returns the line of the crontab, counted from 1; `None` for a single expression.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// Returns the character in the line or expression where the offending text begins, counted from 1;
    /// `None` where the whole text is at fault.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.column
    }

    /// Returns the offending text: at most its first 60 characters, control characters escaped.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// Returns what was expected in its place.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

/// As the error of the field `expression`.
impl From<CronError> for StoreError {
    fn from(error: CronError) -> Self {
        let column = error.column.map(|column| format!(" in column {column}")).unwrap_or_default();
        let expected = format!("must have {}{column}", error.expected);
        Problem::new("expression", expected, format_args!("`{}`", error.found)).into()
    }
}

/// Errors go into logs and on to terminals: a hostile text must not fill or steer them.
fn excerpt(text: &str) -> String {
    let end = text.char_indices().nth(LONGEST_FOUND).map_or(text.len(), |(end, _)| end);
    let mut excerpt = one_line(&text[..end]).to_string();
    if text.chars().nth(LONGEST_FOUND).is_some() {
        excerpt.push('…');
    }
    excerpt
}

/// `line 2, column 20: `, as far as it is known.
struct Place(Option<usize>, Option<usize>);

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Some(line), Some(column)) => write!(formatter, "line {line}, column {column}: "),
            (Some(line), None) => write!(formatter, "line {line}: "),
            (None, Some(column)) => write!(formatter, "column {column}: "),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_control_characters_are_escaped() {
        assert_eq!(CronError::new("a\x1b[2J\n\u{202e}", "x").found(), "a\\u{1b}[2J\\n\\u{202e}");
        let cut = CronError::new(&"y".repeat(1 << 20), "x");
        assert_eq!(cut.found(), format!("{}…", "y".repeat(60)));
    }
}
