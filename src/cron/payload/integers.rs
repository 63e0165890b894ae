//! Integers in a JSON5 text that no reader holds exactly. The `json5` crate rounds them to floating point without an error.

/// Returns the first integer in the text that has more than 64 bits.
pub(super) fn first_wide(text: &str) -> Option<&str> {
    let (mut rest, mut sign) = (text, Sign::Plus);
    while let Some(first) = rest.chars().next() {
        let token = &rest[..token_length(rest, first)];
        if is_wide_integer(token, sign) {
            return Some(token);
        }
        if !first.is_whitespace() {
            sign = if first == '-' { Sign::Minus } else { Sign::Plus };
        }
        rest = &rest[token.len().max(first.len_utf8())..];
    }
    None
}

#[derive(Clone, Copy)]
enum Sign {
    Plus,
    Minus,
}

// A string, a comment, a word or a number is one token, and any other character.
fn token_length(text: &str, first: char) -> usize {
    match first {
        '"' | '\'' => string_length(text, first),
        '/' if text.starts_with("//") => text.find(['\n', '\r']).unwrap_or(text.len()),
        '/' if text.starts_with("/*") => text.find("*/").map_or(text.len(), |end| end + 2),
        _ if is_in_word(first) => word_length(text),
        _ => first.len_utf8(),
    }
}

fn string_length(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is_in_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$' | '.')
}

// The sign of an exponent belongs to its number. That of the number stands before the token.
fn word_length(text: &str) -> usize {
    let mut before = ' ';
    let is_number = text.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    let end = text.find(|character: char| {
        let is_sign = is_number && matches!(character, '+' | '-') && matches!(before, 'e' | 'E');
        before = character;
        !is_in_word(character) && !is_sign
    });
    end.unwrap_or(text.len())
}

fn is_wide_integer(token: &str, sign: Sign) -> bool {
    let hexadecimal = token.strip_prefix("0x").or_else(|| token.strip_prefix("0X"));
    let (digits, radix) = hexadecimal.map_or((token, 10), |digits| (digits, 16));
    let is_integer = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let greatest = match sign {
        Sign::Plus => u64::MAX,
        Sign::Minus => i64::MIN.unsigned_abs(),
    };
    is_integer && u64::from_str_radix(digits, radix).map_or(true, |integer| integer > greatest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_integers_are_found_among_other_tokens() {
        let wide = "12345678901234567890123";
        for text in [
            format!("{{n: {wide}}}"),
            format!("{{n: [1, -{wide}]}}"),
            format!("{{n: +{wide}, s: 'a'}}"),
            format!("{{s: 'it\\'s', /* \" */ n: {wide}}}"),
        ] {
            assert_eq!(first_wide(&text), Some(wide), "{text}");
        }
        assert_eq!(first_wide("{n: - 9223372036854775809}"), Some("9223372036854775809"));
        assert_eq!(first_wide("{n: 0xFFFFFFFFFFFFFFFFF}"), Some("0xFFFFFFFFFFFFFFFFF"));
    }

    #[test]
    fn what_is_no_wide_integer_is_left_alone() {
        let wide = "12345678901234567890123";
        for text in [
            format!("{{s: '{wide}', t: \"{wide}\"}}"),
            format!("{{/* {wide} */ a: 1}} // {wide}"),
            format!("{{a{wide}: 1, $_{wide}: 2}}"),
            format!("{{n: {wide}.5, m: {wide}e1, o: 1e+22, p: .{wide}}}"),
            "{n: 18446744073709551615, m: -9223372036854775808, x: 0xFFFFFFFFFFFFFFFF}".to_owned(),
        ] {
            assert_eq!(first_wide(&text), None, "{text}");
        }
    }
}
