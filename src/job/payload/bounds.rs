//! The depth of a payload's text, and the length of a text about a payload.

use std::borrow::Cow;

use serde_json::Value;

use crate::error::{Problem, StoreError};

/// How deep arrays and objects may nest: as deep as serde_json reads. The SQL function `payload_problem` has the same bound.
pub(super) const MAX_DEPTH: usize = 127;

/// Returns an error if the JSON text is nested too deep.
pub(crate) fn check_depth(json: &str) -> Result<(), StoreError> {
    nesting_problem(json).map_or(Ok(()), |problem| Err(problem.into()))
}

/// Returns what is wrong with the depth of the JSON text, or `None`.
pub(crate) fn nesting_problem(json: &str) -> Option<Problem> {
    is_too_deep(json).then(|| depth_problem(""))
}

// In the words of the SQL function.
pub(super) fn depth_problem(place: &str) -> Problem {
    Problem::new("payload", format!("must be nested at most {MAX_DEPTH} deep"), format_args!("more{place}"))
}

/// Returns what is wrong with a character of the JSON text. PostgreSQL stores neither NUL nor half of a surrogate pair, and JSON
/// can write both.
pub(crate) fn character_problem(field: &str, json: &str) -> Option<Problem> {
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (length, problem) = match code_unit(&rest[at..]) {
            None => (2, None),
            Some(0) => (6, Some("the character NUL")),
            Some(0xd800..0xdc00) if matches!(code_unit(&rest[at + 6..]), Some(0xdc00..0xe000)) => (12, None),
            Some(0xd800..0xe000) => (6, Some("half of a surrogate pair")),
            Some(_) => (6, None),
        };
        if let Some(problem) = problem {
            return Some(Problem::new(field.to_owned(), format!("must not contain {problem}"), "one"));
        }
        // The text is JSON, so an escape is whole, and it is followed by a quotation mark at least.
        rest = rest.get(at + length..).unwrap_or_default();
    }
    None
}

/// The code unit of an escape with which the text begins.
fn code_unit(json: &str) -> Option<u16> {
    u16::from_str_radix(json.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

/// Returns the text, cut after that many characters.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}..", &text[..end])),
    }
}

/// Returns what kind of value it is, in words for a person.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a floating point number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

// Most payloads have fewer brackets than that, which is counted at the speed of memory.
pub(super) fn is_too_deep(json: &str) -> bool {
    let may_be = json.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > MAX_DEPTH;
    may_be && depth(json) > MAX_DEPTH
}

fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn skip_string(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}
