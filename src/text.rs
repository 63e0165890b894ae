//! Texts of users on their way out. The database does not hold every character and no endless text, and a log line is one
//! line. Knows neither rows nor loggers.

use std::fmt::{self, Display, Write};

/// How many characters of a longer error or reason are stored and logged. sql/jobs/cut_text.sql cuts at the same length.
const LONGEST: usize = 8_000;
/// A text up to this length stays whole: so a text that was cut is not cut again, with what stands before it.
const WHOLE: usize = LONGEST + 100;

/// Returns an error or a reason as the database takes it: without NUL, and cut at [`LONGEST`]. The end of a text that was
/// cut says how much is missing.
pub(crate) fn storable(text: String) -> String {
    let text = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    // No character is shorter than a byte.
    if text.len() <= WHOLE || text.char_indices().nth(WHOLE).is_none() {
        return text;
    }
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(end, _)| end);
    let (kept, cut) = text.split_at(end);
    format!("{kept}{}", Cut(cut.chars().count()))
}

/// Returns the text with an escape for each character that is not ASCII, which every encoding holds.
pub(crate) fn in_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_ascii() {
            true => ascii.push(character),
            false => ascii.extend(character.escape_unicode()),
        }
    }
    ascii
}

/// Shows a text of a user in a log line: control and format characters are escaped, and an endless text is cut.
pub(crate) fn one_line<T: Display>(text: T) -> OneLine<T> {
    OneLine(text)
}

/// See [`one_line`].
pub(crate) struct OneLine<T>(T);

impl<T: Display> Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Line { out: f, seen: 0 };
        write!(line, "{}", self.0)?;
        match line.seen.checked_sub(WHOLE) {
            None | Some(0) => Ok(()),
            Some(cut) => write!(f, "{}", Cut(cut)),
        }
    }
}

struct Line<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    seen: usize,
}

impl Write for Line<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.seen += 1;
            match character {
                _ if self.seen > WHOLE => {}
                _ if is_unsafe_in_a_line(character) => write!(self.out, "{}", character.escape_default())?,
                _ => self.out.write_char(character)?,
            }
        }
        Ok(())
    }
}

// Line breaks and terminal sequences forge lines; marks of direction and invisible characters change how a line reads.
fn is_unsafe_in_a_line(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The end of a text from which so many characters were cut.
struct Cut(usize);

impl Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        f.write_str(" .. (")?;
        for (place, digit) in digits.char_indices() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        f.write_str(" more characters cut)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_stored_without_nul_and_cut_at_a_length_that_it_tells() {
        assert_eq!(storable("a\0b".into()), "a\u{fffd}b");
        let whole = "\u{1f600}".repeat(WHOLE);
        assert_eq!(storable(whole.clone()), whole);
        let kept = "\u{1f600}".repeat(LONGEST);
        assert_eq!(storable(format!("{whole}x")), format!("{kept} .. (101 more characters cut)"));
        let long = storable("x".repeat(LONGEST + 1_234_567));
        assert_eq!(long.strip_prefix(&"x".repeat(LONGEST)), Some(" .. (1,234,567 more characters cut)"));
        assert_eq!(storable(long.clone()), long);
    }

    #[test]
    fn a_log_line_stays_one_line_whatever_text_is_in_it() {
        let line = one_line("a\nERROR forged\r\u{1b}[31m\u{202e}\u{2028}é").to_string();
        assert_eq!(line, r"a\nERROR forged\r\u{1b}[31m\u{202e}\u{2028}é");
        let long = one_line("\n".repeat(WHOLE + 12)).to_string();
        assert_eq!(long, format!(r"{} .. (12 more characters cut)", r"\n".repeat(WHOLE)));
    }

    #[test]
    fn every_encoding_holds_a_text_in_ascii() {
        assert_eq!(in_ascii("5 €"), r"5 \u{20ac}");
    }
}
