//! Numbers in JSON text that no 64-bit floating point holds. The SQL function `numbers_problem` has the same bounds.

use std::cmp::Ordering;

use crate::error::Problem;

/// Of the largest number: its significant digits, and the power of ten of the first one.
const LARGEST: (&str, i64) = ("17976931348623157", 308);
/// Of the smallest one that is not zero.
const SMALLEST: (&str, i64) = ("49", -324);
// A number without an exponent has more digits than that before it is out of bounds.
const HARMLESS_DIGITS: usize = 300;

/// Returns what is wrong with a number of the JSON text, or `None`.
pub(crate) fn number_problem(json: &str) -> Option<Problem> {
    let expected = "must hold numbers of 64-bit floating point, from 4.9e-324 to 1.7976931348623157e308";
    (is_doubtful(json) && has_number_out_of_bounds(json))
        .then(|| Problem::new("payload", expected, "one beyond"))
}

/// Returns whether the JSON text has an exponent, even inside a string.
pub(crate) fn has_exponent(json: &str) -> bool {
    json.as_bytes().windows(2).any(|two| matches!(two, [b'0'..=b'9' | b'.', b'e' | b'E']))
}

// Whether there is an exponent, or a very long number, even inside a string.
fn is_doubtful(json: &str) -> bool {
    let (mut digits, mut before) = (0_usize, 0);
    for byte in json.bytes() {
        if byte.is_ascii_digit() {
            digits += 1;
        } else {
            let is_exponent = matches!(byte, b'e' | b'E') && (before == b'.' || digits > 0);
            if is_exponent || digits > HARMLESS_DIGITS {
                return true;
            }
            digits = 0;
        }
        before = byte;
    }
    digits > HARMLESS_DIGITS
}

fn has_number_out_of_bounds(mut json: &str) -> bool {
    while let Some(at) = json.find(|letter: char| letter == '"' || letter.is_ascii_digit()) {
        json = &json[at..];
        let length = if json.starts_with('"') { string_length(json) } else { number_length(json) };
        let (token, rest) = json.split_at(length);
        if is_out_of_bounds(token) {
            return true;
        }
        json = rest;
    }
    false
}

fn string_length(json: &str) -> usize {
    let bytes = json.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn number_length(json: &str) -> usize {
    json.find(|letter: char| !(letter.is_ascii_digit() || "+-.eE".contains(letter))).unwrap_or(json.len())
}

/// Whether a number without its sign is out of bounds. A string is not.
fn is_out_of_bounds(token: &str) -> bool {
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    if token.starts_with('"') || digits.is_empty() {
        return false;
    }
    let places = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    // An exponent of more digits than fit is out of bounds in its direction.
    let exponent = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX });
    let first = places(whole.len()) - 1 - places(all.len() - digits.len());
    let size = (digits.trim_end_matches('0'), exponent.saturating_add(first));
    compare(size, LARGEST) == Ordering::Greater || compare(size, SMALLEST) == Ordering::Less
}

// Digits without zeros at either end compare as texts do.
fn compare(one: (&str, i64), other: (&str, i64)) -> Ordering {
    one.1.cmp(&other.1).then_with(|| one.0.cmp(other.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_bounded_by_their_exact_size() {
        for good in [
            "1.7976931348623157e308",
            "[-1.7976931348623157E+308, 5e-324, 4.9e-324, 0, 0e999, 0.0e-999]",
            "{\"1e999\": \"1e999\", \"a\\\"1e999\": 10.5e1}",
            "17976931348623157e292",
            "0.00000049e-317",
        ] {
            assert_eq!(number_problem(good), None, "{good}");
        }
        let long = "9".repeat(309);
        assert_eq!(number_problem(&long[1..]), None, "308 digits are less than 1e308");
        for bad in [
            "1e309",
            "[-1E+400]",
            "1.79769313486231570001e308",
            "{\"n\": 4.8e-324}",
            "1e-400",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            &long,
        ] {
            assert!(number_problem(bad).is_some(), "{bad}");
        }
    }
}
