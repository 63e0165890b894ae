//! Finds numbers that would not come back as they were written: a schedule's payload is read into values on its way.

/// The first number of a JSON text that is neither a 64-bit integer nor held by a floating point number to its last digit.
pub(super) fn inexact_number(json: &str) -> Option<String> {
    let without_escapes = json.replace("\\\\", "").replace("\\\"", "");
    let is_part = |character: char| character.is_ascii_digit() || "+-.eE".contains(character);
    let outside_of_strings = without_escapes.split('"').step_by(2);
    let mut words = outside_of_strings.flat_map(|part| part.split(|character| !is_part(character)));
    words.find(|word| loses_digits(word)).map(str::to_owned)
}

fn loses_digits(word: &str) -> bool {
    let is_integer = word.parse::<i64>().is_ok() || word.parse::<u64>().is_ok();
    word.parse::<f64>().is_ok_and(|value| !is_integer && digits(word) != digits(&format!("{value:e}")))
}

// Those before the exponent, without zeros at either end.
fn digits(number: &str) -> String {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_would_lose_digits_is_found() {
        for (json, found) in [
            (r#"{"n": 12345678901234567890123}"#, Some("12345678901234567890123")),
            (r#"{"a": [1, 0.12345678901234567]}"#, Some("0.12345678901234567")),
            (
                r#"{"n": [0, -0.0, 1.50, 1e22, 1.0E-7, 0.1, 18446744073709551615, -9223372036854775808]}"#,
                None,
            ),
            (r#"{"a\\": "12345678901234567890123", "b\"": "\"12345678901234567890123"}"#, None),
        ] {
            assert_eq!(inexact_number(json).as_deref(), found, "{json}");
        }
    }
}
