//! A crontab line taken apart: where the time fields end, and what is task, options and payload. It reads
//! none of them.

use super::CronError;
use super::field::{DAY_NAMES, MONTH_NAMES, is_mark};

/// A piece of a line, with the number of characters before it.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) column: usize,
    pub(super) text: &'a str,
}

impl Part<'_> {
    pub(super) fn error(self, expected: impl Into<String>) -> CronError {
        CronError::new(self.text, expected).after(self.column)
    }
}

/// A line taken apart; nothing is read yet.
pub(super) struct Parts<'a> {
    pub(super) time: Part<'a>,
    pub(super) task: Part<'a>,
    /// Without the question mark.
    pub(super) options: Option<Part<'a>>,
    pub(super) payload: Option<Part<'a>>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(line: &'a str) -> Result<Self, CronError> {
        let (time, rest) = time_part(line)?;
        let (task, rest) = first_word(rest);
        if let Some(position) = task.text.find(['?', '{']) {
            let expected = format!("a task, then a blank before `{}`", &task.text[position..=position]);
            return Err(task.error(expected));
        }
        let (options, rest) = options_part(rest)?;
        let payload = Some(rest).filter(|rest| !rest.text.is_empty());
        if payload.is_some_and(|payload| !payload.text.starts_with('{')) {
            return Err(rest.error("`?options` and then a `{payload}`, or the end of the line"));
        }
        Ok(Self { time, task, options, payload })
    }
}

/// The time fields and what comes after them, which begins with the task.
fn time_part(line: &str) -> Result<(Part<'_>, Part<'_>), CronError> {
    let line = trimmed(Part { column: 0, text: line });
    let mut rest = line;
    let mut count = 0;
    while !rest.text.is_empty() && is_time_field(first_word(rest).0.text) {
        rest = first_word(rest).1;
        count += 1;
    }
    let length = line.text.len() - rest.text.len();
    let time = Part { column: line.column, text: line.text[..length].trim_end() };
    let is_shortcut = count == 1 && time.text.starts_with('@');
    if !is_shortcut && count != 5 && count != 6 {
        return Err(line.error(format!("five or six time fields and then a task; there are {count} fields")));
    }
    if rest.text.is_empty() {
        return Err(line.error("a task after the time fields"));
    }
    Ok((time, rest))
}

/// The options, if there are any, and what comes after them. A payload or other options without a blank or an `&` before them
/// would become part of a value.
fn options_part(rest: Part<'_>) -> Result<(Option<Part<'_>>, Part<'_>), CronError> {
    let (word, after) = first_word(rest);
    let Some(query) = word.text.strip_prefix('?') else { return Ok((None, rest)) };
    let options = Part { column: word.column + 1, text: query };
    let Some(at) = query.find(['?', '{', '}']) else { return Ok((Some(options), after)) };
    let (before, text) = query.split_at(at);
    let expected = match text.as_bytes().first() {
        Some(b'?') => "`&` between options, or `%3F` for a question mark in a value",
        Some(b'{') => "a blank before the payload, or `%7B` for a brace in a value",
        _ => "`%7D` for a brace in a value",
    };
    Err(Part { column: options.column + before.chars().count(), text }.error(expected))
}

/// Whether a word cannot be a task. A mistaken field counts as a field, so that the error is about it.
fn is_time_field(word: &str) -> bool {
    let begins_task = word.starts_with(|first: char| first.is_alphabetic() || first == '_');
    !begins_task || word.split([',', '-', '/']).all(is_time_value)
}

fn is_time_value(text: &str) -> bool {
    let (value, _) = text.split_once('#').unwrap_or((text, ""));
    let is_name = MONTH_NAMES.iter().chain(&DAY_NAMES).any(|name| name.eq_ignore_ascii_case(value));
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    is_name || is_number || is_mark(value)
}

/// The first word and what comes after it, both without blanks around them, as `part` is.
fn first_word(part: Part<'_>) -> (Part<'_>, Part<'_>) {
    let end = part.text.find(char::is_whitespace).unwrap_or(part.text.len());
    let (word, rest) = part.text.split_at(end);
    let rest = trimmed(Part { column: part.column + word.chars().count(), text: rest });
    (Part { text: word, ..part }, rest)
}

fn trimmed(part: Part<'_>) -> Part<'_> {
    let text = part.text.trim_start();
    let blanks = part.text[..part.text.len() - text.len()].chars().count();
    Part { column: part.column + blanks, text: text.trim_end() }
}
