//! What errors of one kind have in common: their first line without what varies. Knows neither jobs nor counts.

/// How many characters of a line are read, and how many a summary has at most.
const MAX_READ: usize = 1_000;
const MAX_CHARS: usize = 200;
/// A run of hexadecimal digits of that length is a number, as in a hash. A shorter one may be a word.
const HEX_NUMBER: usize = 6;
/// A longer run of letters and digits is a token that varies as a whole.
const LONGEST_WORD: usize = 20;
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// Returns the first line of an error without what varies: numbers, hexadecimal numbers and UUIDs become `#`, and quoted
/// texts are emptied. The place of a panic stays as it is.
pub(super) fn summary(error: &str) -> String {
    let line = error.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let line = line.char_indices().nth(MAX_READ).map_or(line, |(end, _)| &line[..end]);
    let (place, mut rest) = line.split_at(panic_place(line));
    let mut summary = String::from(place);
    while let Some(first) = rest.chars().next() {
        let (length, part) = match quoted(rest, first, &summary) {
            Some(length) => (length, format!("{first}{first}")),
            None => word(rest, first),
        };
        push(&mut summary, &part);
        rest = &rest[length..];
    }
    summary.chars().take(MAX_CHARS).collect()
}

// Numbers that stand together are one: a time, a version, an address.
fn push(summary: &mut String, part: &str) {
    let joins = |end: &str| {
        [".", ",", ":", "-", "/", "_"]
            .iter()
            .any(|by| end.strip_suffix(by).is_some_and(|end| end.ends_with('#')))
    };
    if part.starts_with('#') && joins(summary) {
        summary.pop();
    }
    let part = if summary.ends_with('#') { part.strip_prefix('#').unwrap_or(part) } else { part };
    summary.push_str(part);
}

// The length of `panicked at file.rs:1:2: ` at the start of a line, or 0.
fn panic_place(line: &str) -> usize {
    const START: &str = "panicked at ";
    let place = line.strip_prefix(START).and_then(|rest| rest.split_once(": ")).map(|(place, _)| place);
    let is_number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
    let is_place = |place: &&str| {
        let mut parts = place.rsplit(':');
        is_number(parts.next()) && is_number(parts.next()) && place.len() < MAX_CHARS
    };
    place.filter(is_place).map_or(0, |place| START.len() + place.len())
}

// The length of a quoted text. An apostrophe within a word quotes nothing.
fn quoted(text: &str, quote: char, before: &str) -> Option<usize> {
    if !matches!(quote, '"' | '`' | '\'') || before.ends_with(char::is_alphanumeric) {
        return None;
    }
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            let follows = characters.peek().is_some_and(|(_, next)| next.is_alphanumeric());
            if !follows {
                return Some(at + quote.len_utf8());
            }
        }
    }
    None
}

// The length of what the text begins with, and what stands for it: a UUID, a word, or one other character.
fn word(text: &str, first: char) -> (usize, String) {
    if let Some(length) = uuid(text) {
        return (length, "#".into());
    }
    let length = text.find(|character: char| !character.is_alphanumeric()).unwrap_or(text.len());
    if length == 0 {
        return (first.len_utf8(), first.into());
    }
    let word = &text[..length];
    (length, if is_number(word) { "#".into() } else { without_digits(word) })
}

fn is_number(word: &str) -> bool {
    let has_digit = word.contains(char::is_numeric);
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let is_hex = digits.chars().all(|digit| digit.is_ascii_hexdigit());
    has_digit
        && ((is_hex && (digits.len() >= HEX_NUMBER || digits.len() < word.len()))
            || word.len() > LONGEST_WORD)
}

fn without_digits(word: &str) -> String {
    let mut left = String::with_capacity(word.len());
    for character in word.chars() {
        match character.is_numeric() {
            true if left.ends_with('#') => {}
            true => left.push('#'),
            false => left.push(character),
        }
    }
    left
}

fn uuid(text: &str) -> Option<usize> {
    let mut rest = text;
    for (group, length) in UUID_GROUPS.into_iter().enumerate() {
        rest = if group == 0 { rest } else { rest.strip_prefix('-')? };
        let digits = rest.get(..length)?;
        if !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        rest = &rest[length..];
    }
    (!rest.starts_with(char::is_alphanumeric)).then(|| text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_left_out_and_the_words_stay() {
        for (error, expected) in [
            ("order 4711 not found\nmore", "order # not found"),
            ("timed out after 1.5s", "timed out after #s"),
            ("key 550e8400-e29b-41d4-a716-446655440000 taken", "key # taken"),
            ("key faceface-cafe-beef-dead-facefacebabe taken", "key # taken"),
            ("commit 3f2a9bc1 of 0xff and a decade", "commit # of # and a decade"),
            ("no route to 10.0.0.1:5432 at 2026-11-29T10:00:00.5Z", "no route to # at #T#Z"),
            (r#"no file "a \" b" and 'c d' for `e`"#, r#"no file "" and '' for ``"#),
            ("can't open Bob's door, it's 'locked'", "can't open Bob's door, it's ''"),
            ("an \"open quote", "an \"open quote"),
            ("token eyJhbGciOiJIUzI1NiIsInR5", "token #"),
            ("  \n\nsecond line", "second line"),
            ("größe ٤٢ überschritten", "größe # überschritten"),
            ("", ""),
        ] {
            assert_eq!(summary(error), expected, "{error}");
        }
    }

    #[test]
    fn the_place_of_a_panic_tells_panics_apart() {
        let panic = |line, text| summary(&format!("panicked at src/a.rs:{line}:9: {text}"));
        assert_eq!(panic(12, "index 7 of 3"), "panicked at src/a.rs:12:9: index # of #");
        assert_eq!(panic(12, "index 7 of 3"), panic(12, "index 8 of 5"));
        assert_ne!(panic(12, "index 7 of 3"), panic(13, "index 7 of 3"));
        assert_eq!(summary("panicked at 7: no place"), "panicked at #: no place");
    }

    #[test]
    fn hostile_texts_give_short_summaries() {
        let parts =
            ["\u{1b}[2J", "'", "\"", "\\", "9", "é", "\u{202e}", "0x", "a-", "panicked at ", ":1:2: ", "#"];
        for seed in 0..2_000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let text: String =
                (0..random.usize(0..300)).map(|_| parts[random.usize(0..parts.len())]).collect();
            assert!(summary(&text).chars().count() <= MAX_CHARS, "seed {seed}");
        }
        assert_eq!(summary(&"9".repeat(5_000_000)), "#");
    }
}
