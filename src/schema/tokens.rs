//! The tokens of SQL text, as far as quotes and comments decide where they end. Knows no keyword.

/// A comment, a quoted text, a word, or one character. Where a quote is not closed the token ends with the text.
pub(crate) fn first_token(rest: &str) -> &str {
    let end = match rest.as_bytes() {
        [b'-', b'-', ..] => rest.find('\n'),
        [b'/', b'*', ..] => end_of_comment(rest),
        [b'\'', ..] => end_behind(rest, 1, "'"),
        [b'"', ..] => end_behind(rest, 1, "\""),
        [b'E' | b'e', b'\'', ..] => end_of_escapes(rest),
        [b'$', ..] => end_of_dollars(rest),
        _ => Some(
            rest.find(|letter| !is_name(letter)).filter(|end| *end > 0).unwrap_or_else(|| first_length(rest)),
        ),
    };
    &rest[..end.unwrap_or(rest.len())]
}

pub(super) fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

// All of a word that the script ends with, or one character.
fn first_length(rest: &str) -> usize {
    match rest.chars().next() {
        Some(letter) if is_name(letter) => rest.len(),
        letter => letter.map_or(0, char::len_utf8),
    }
}

fn end_behind(rest: &str, from: usize, closing: &str) -> Option<usize> {
    rest[from..].find(closing).map(|at| from + at + closing.len())
}

// A backslash takes the next character's meaning away.
fn end_of_escapes(rest: &str) -> Option<usize> {
    let mut letters = rest.char_indices().skip(2);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '\'' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

// `$$ .. $$`, or with a tag between the signs. Another dollar sign stands for itself.
fn end_of_dollars(rest: &str) -> Option<usize> {
    let tag = rest[1..].find(|letter: char| letter == '$' || !is_name(letter)).map(|at| at + 1);
    match tag {
        Some(at) if rest[at..].starts_with('$') => end_behind(rest, at + 1, &rest[..=at]),
        _ => Some(1),
    }
}

fn end_of_comment(rest: &str) -> Option<usize> {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        let next = rest[at..].find("*/")? + at;
        match rest[at..next].find("/*") {
            Some(opened) => (at, depth) = (at + opened + 2, depth + 1),
            None => (at, depth) = (next + 2, depth - 1),
        }
    }
    Some(at)
}
