//! Why a command failed, and how that is reported: one line on the standard error, never a password. The exit code is 2
//! for a command that was not understood, 1 for one that could not be done, 3 for one that was done in part. `doctor` counts
//! instead.

use std::io;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use mainspring::StoreError;
use mainspring::jobs::ActResult;

use crate::output;

#[derive(Debug)]
pub(crate) enum Failure {
    /// The command was not understood.
    Usage(String),
    /// The command was understood, and could not be done.
    Refused(String),
    /// Some of the ids were not changed. The output lists which and why.
    Partial(String),
    /// `doctor` has found so much.
    Findings(usize),
    /// `doctor` could not look.
    NotExamined(String),
    /// Help was requested, or no command was given: clap has the text.
    Help(clap::Error),
    /// The reader of the output has closed it.
    ClosedPipe,
}

impl Failure {
    /// The failure of an act that was not done to every id.
    pub(crate) fn unless_all_done(results: impl ExactSizeIterator<Item = ActResult>) -> Result<(), Self> {
        let all = results.len();
        match results.filter(|result| !result.was_done()).count() {
            0 => Ok(()),
            left => Err(Self::Partial(format!("{left} of {all} were not changed"))),
        }
    }

    /// No job has the id.
    pub(crate) fn no_job(id: i64) -> Self {
        Self::Refused(format!("there is no job {id}: it never was, was removed, or left the history"))
    }

    /// The text in a line that no terminal takes for a command.
    pub(crate) fn in_one_line(&self) -> String {
        match self {
            Self::Usage(text) | Self::Refused(text) | Self::Partial(text) | Self::NotExamined(text) => {
                in_one_line(text)
            }
            Self::Findings(count) => output::counted(*count as i64, "finding"),
            Self::Help(help) => in_one_line(&help.to_string()),
            Self::ClosedPipe => "the reader of the output has closed it".to_owned(),
        }
    }

    /// The same failure of `doctor`, whose smaller exit codes are counts.
    pub(crate) fn not_examined(self) -> Self {
        match self {
            Self::Usage(text) | Self::Refused(text) => Self::NotExamined(text),
            other => other,
        }
    }

    /// Reports the failure and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::Usage(text) => (text, 2),
            Self::Refused(text) => (text, 1),
            Self::Partial(text) => (text, 3),
            Self::Findings(count) => (
                output::counted(count as i64, "finding"),
                u8::try_from(count).unwrap_or(u8::MAX).min(MOST_FINDINGS),
            ),
            Self::NotExamined(text) => (text, NOT_EXAMINED),
            Self::Help(help) => {
                // When the help itself cannot be printed, nothing else can be either.
                let _ = help.print();
                return u8::try_from(help.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
            }
            Self::ClosedPipe => return ExitCode::SUCCESS,
        };
        eprintln!("mainspring: {}", in_one_line(&text));
        ExitCode::from(code)
    }
}

/// Larger exit codes mean other things.
const MOST_FINDINGS: u8 = 100;
/// `doctor` could not look. Shells use the codes above this one.
const NOT_EXAMINED: u8 = 125;

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Self::Help(error),
            _ => Self::Usage(without_secrets(&without_advice(&with_synonyms(error).to_string()))),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Config(text) => Self::Usage(text),
            error => Self::Refused(with_causes(&error)),
        }
    }
}

#[cfg(feature = "dashboard")]
impl From<mainspring::SchedulerError> for Failure {
    fn from(error: mainspring::SchedulerError) -> Self {
        match error {
            mainspring::SchedulerError::Store(error) => error.into(),
            mainspring::SchedulerError::Config(text) => Self::Usage(text),
            error => Self::Refused(with_causes(&error)),
        }
    }
}

#[cfg(feature = "embedded")]
impl From<mainspring::embedded::EmbeddedError> for Failure {
    fn from(error: mainspring::embedded::EmbeddedError) -> Self {
        Self::Refused(with_causes(&error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Refused(format!("cannot write the output: {error}")),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}

// The text of the error, then those of its causes. A text that the one before it ends with is not repeated.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.ends_with(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = error.source();
    }
    text
}

// clap guesses by letters alone.
const SYNONYMS: [(&str, &str); 4] =
    [("--at", "--run-at"), ("--due", "--run-at"), ("--delay", "--in"), ("--after", "--in")];

fn with_synonyms(mut error: clap::Error) -> clap::Error {
    let (Some(ContextValue::String(given)), Some(ContextValue::StyledStr(usage))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::Usage))
    else {
        return error;
    };
    let usage = usage.to_string();
    let takes_times =
        ["enqueue", "jobs retry", "jobs reschedule"].iter().any(|command| usage.contains(command));
    let given = given.split('=').next().unwrap_or_default();
    let known = SYNONYMS.iter().find(|(synonym, _)| *synonym == given);
    if let (ErrorKind::UnknownArgument, true, Some((_, option))) = (error.kind(), takes_times, known) {
        error.insert(ContextKind::SuggestedArg, ContextValue::String((*option).to_owned()));
    }
    error
}

// clap ends its errors with the usage and a pointer to the help, each a paragraph.
fn without_advice(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| {
        !paragraph.starts_with("Usage:") && !paragraph.starts_with("For more information")
    });
    let text = paragraphs.collect::<Vec<_>>().join("; ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

fn in_one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    output::printable(&output::middle_cut(&words.join(" ")))
}

// An argument in the wrong place is quoted back; it may be a payload, or the database's URL.
fn without_secrets(text: &str) -> String {
    without_passwords(&without_payload(text))
}

// clap writes the names of values as `[JSON]`, so a bracket begins a payload only before something else.
fn without_payload(text: &str) -> String {
    let is_payload = |(at, _): &(usize, &str)| {
        let mut begin = text[at + 1..].chars();
        match begin.next() {
            Some('{') => true,
            Some('[') => !begin.next().is_some_and(|next| next.is_ascii_uppercase()),
            _ => false,
        }
    };
    let Some((start, _)) = text.match_indices('\'').find(is_payload) else { return text.to_owned() };
    let rest = &text[start + 1..];
    let end = rest.find("' for '").or_else(|| rest.rfind('\'')).unwrap_or(rest.len());
    format!("{}'{{..}}{}", &text[..start], &rest[end..])
}

fn without_passwords(text: &str) -> String {
    // A libpq string may have blanks around the sign.
    let lower = text.to_ascii_lowercase();
    for (at, word) in lower.match_indices("password") {
        let end = at + word.len();
        if lower[end..].trim_start().starts_with('=') {
            return format!("{}=***", &text[..end]);
        }
    }
    let Some((before, rest)) = text.split_once("://") else { return text.to_owned() };
    match rest.rsplit_once('@') {
        Some((credentials, host)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{before}://{user}:***@{host}")
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_struck_out() {
        let told = "unexpected argument 'postgres://me:a/b c@d@host/db' found";
        assert_eq!(without_passwords(told), "unexpected argument 'postgres://me:***@host/db' found");
        for form in ["password = a b", "sslpassword=a", "PASSWORD =a"] {
            assert!(without_passwords(&format!("unexpected argument '{form}' found")).ends_with("=***"));
        }
        let told = "unexpected argument 'user=me password=a b' found";
        assert_eq!(without_passwords(told), "unexpected argument 'user=me password=***");
    }

    #[test]
    fn payloads_are_struck_out() {
        for (told, shown) in [
            ("unexpected argument '{\"a\": 'b'}' found", "unexpected argument '{..}' found"),
            ("unexpected argument '[{\"a\": 1}]' found", "unexpected argument '{..}' found"),
            (
                "invalid value '{\"a\": 1}' for '--in <DURATION>'",
                "invalid value '{..}' for '--in <DURATION>'",
            ),
            ("invalid value 'x' for '[JSON]'", "invalid value 'x' for '[JSON]'"),
        ] {
            assert_eq!(without_secrets(told), shown);
        }
    }

    #[test]
    fn what_holds_no_password_stays_as_it_is() {
        for told in ["unexpected argument 'postgres://host/db' found", "unexpected argument 'a@b' found"] {
            assert_eq!(without_passwords(told), told);
        }
    }
}
