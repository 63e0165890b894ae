//! The depth of a payload's text, and the length of a text about a payload.

use std::borrow::Cow;

use crate::error::StoreError;

/// How deep arrays and objects may nest: as deep as serde_json reads. The SQL function `payload_problem` has the same bound.
pub(super) const MAX_DEPTH: usize = 127;

/// Returns an error if the JSON text is nested too deep.
pub(crate) fn check_depth(json: &str) -> Result<(), StoreError> {
    if is_too_deep(json) { Err(StoreError::Invalid(depth_problem())) } else { Ok(()) }
}

// In the words of the SQL function.
pub(super) fn depth_problem() -> String {
    format!("payload must be nested at most {MAX_DEPTH} deep, got more")
}

/// Returns the text, cut after that many characters.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}..", &text[..end])),
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
