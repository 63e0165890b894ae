//! What the listing commands print: a table for people, JSON for programs.

use std::io::Write;

use serde::Serialize;

use crate::failure::Failure;

/// Prints the value as JSON. What no terminal may get is escaped in the way of JSON, and so means the same to programs.
pub(crate) fn json(out: &mut impl Write, value: &impl Serialize) -> Result<(), Failure> {
    Ok(writeln!(out, "{}", escaped_json(&serde_json::to_string_pretty(value)?))?)
}

// Outside of its strings, JSON has plain characters and line breaks alone.
fn escaped_json(json: &str) -> String {
    let mut printed = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\n' || is_plain(character) {
            printed.push(character);
        } else {
            let mut units = [0; 2];
            printed.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    printed
}

/// Prints the rows under their headings, each column as wide as its widest cell.
pub(crate) fn table<const COLUMNS: usize>(
    out: &mut impl Write,
    headings: [&str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
) -> Result<(), Failure> {
    let rows: Vec<_> = std::iter::once(headings.map(str::to_owned)).chain(rows).collect();
    let rows: Vec<_> = rows.into_iter().map(|row| row.map(|text| cell(&text))).collect();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// Such as `1 job` or `2 jobs`.
pub(crate) fn counted(count: i64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// The first line of the text, and no more of it than a table bears.
pub(crate) fn shortened(text: &str) -> String {
    const WIDTH: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= WIDTH && line.len() == text.len() {
        return line.to_owned();
    }
    line.chars().take(WIDTH - 3).chain("...".chars()).collect()
}

/// The text without its middle, if it is long: what was typed may be a whole file. Both ends of an error matter.
pub(crate) fn middle_cut(text: &str) -> String {
    const END: usize = 250;
    let length = text.chars().count();
    if length <= 2 * END {
        return text.to_owned();
    }
    let head: String = text.chars().take(END).collect();
    let tail: String = text.chars().skip(length - END).collect();
    format!("{head} [{} characters left out] {tail}", length - 2 * END)
}

/// The text with escapes in place of what is not printed: control characters, and those that turn, hide or join text. Names
/// come from any role that may enqueue, and none may command the terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut printed = String::with_capacity(text.len());
    for character in text.chars() {
        if is_plain(character) { printed.push(character) } else { printed.extend(character.escape_default()) }
    }
    printed
}

fn is_plain(character: char) -> bool {
    match character {
        '"' | '\'' | '\\' => true,
        '\u{2028}' | '\u{2029}' => false,
        // Behind a letter, so that an accent that belongs to it is not escaped.
        _ => {
            (character.is_whitespace() && !character.is_control())
                || ['a', character].iter().collect::<String>().escape_debug().count() == 2
        }
    }
}

fn cell(text: &str) -> String {
    if text.is_empty() { "-".into() } else { printable(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_command_the_terminal() {
        assert_eq!(cell("a\u{1b}[2Jb\nc\td"), "a\\u{1b}[2Jb\\nc\\td");
    }

    #[test]
    fn characters_that_turn_or_hide_text_are_escaped_and_letters_are_not() {
        let hidden = [
            '\u{202e}',
            '\u{200b}',
            '\u{feff}',
            '\u{2066}',
            '\u{ad}',
            '\u{e0041}',
            '\u{2028}',
            '\u{9b}',
            '\u{7f}',
        ];
        for character in hidden {
            assert_eq!(printable(&character.to_string()), character.escape_default().to_string());
        }
        for plain in
            ["it's \"C:\\a\"", "Zo\u{e8}", "e\u{301}", "\u{65e5}\u{672c}\u{3000}", "\u{1f600}", "\u{5d0}"]
        {
            assert_eq!(printable(plain), plain);
        }
    }

    #[test]
    fn json_is_escaped_and_means_the_same() {
        let hostile = serde_json::json!({"a\u{9b}\u{202e}": ["\u{1b}[2J\n", "\u{7f}\u{e0041}\u{2028}", "\u{1f600} \\"]});
        let json = escaped_json(&serde_json::to_string_pretty(&hostile).unwrap());
        assert!(json.chars().all(|character| character == '\n' || is_plain(character)), "{json}");
        assert!(json.contains("\\udb40\\udc41"), "{json}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), hostile);
    }

    #[test]
    fn a_long_error_keeps_both_ends() {
        let cut = middle_cut(&format!("invalid value '{}' for '--priority'", "9".repeat(100_000)));
        assert!(cut.starts_with("invalid value '999") && cut.ends_with("for '--priority'"), "{cut}");
        assert!(cut.len() < 600 && cut.contains(" characters left out]"), "{cut}");
        assert_eq!(middle_cut("short"), "short");
    }

    #[test]
    fn a_long_text_is_cut_with_a_mark() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened("first\nsecond"), "first...");
        assert_eq!(shortened(&"x".repeat(100)).len(), 60);
    }
}
