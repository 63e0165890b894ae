//! Numbers and spans of time, as people read them.

use std::time::Duration;

use crate::histogram::Histogram;

/// A count in groups of three digits.
pub(in crate::dashboard) fn count(number: impl TryInto<i128>) -> String {
    let number = number.try_into().unwrap_or_default();
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if number < 0 { format!("-{grouped}") } else { grouped }
}

/// A count that stops at a cap, which stands for more.
pub(in crate::dashboard) fn capped(number: i64, cap: i64) -> String {
    let more = if number >= cap { "+" } else { "" };
    format!("{}{more}", count(number))
}

/// A span, with two or three digits.
pub(in crate::dashboard) fn span(seconds: f64) -> String {
    match seconds {
        ..0.000_01 => "0 ms".to_owned(),
        ..0.01 => format!("{:.2} ms", seconds * 1e3),
        ..1.0 => format!("{:.0} ms", seconds * 1e3),
        ..10.0 => format!("{seconds:.1} s"),
        ..60.0 => format!("{seconds:.0} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.0} h", seconds / 3_600.0),
        _ => format!("{:.0} d", seconds / 86_400.0),
    }
}

/// The same for a duration of a program.
pub(in crate::dashboard) fn duration(duration: Duration) -> String {
    span(duration.as_secs_f64())
}

/// A quantile, or nothing where nothing was measured.
pub(in crate::dashboard) fn quantile(histogram: &Histogram, quantile: f64) -> Option<String> {
    histogram.quantile(quantile).map(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_groups_and_spans_have_the_unit_that_people_read() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(count(-1_000), "-1,000");
        assert_eq!([capped(999, 1_000), capped(1_000, 1_000)], ["999", "1,000+"]);
        let spans = [0.0, 0.001_234, 0.25, 3.2, 90.0, 7_000.0, 10_800.0, 864_000.0].map(span);
        assert_eq!(spans, ["0 ms", "1.23 ms", "250 ms", "3.2 s", "2 min", "117 min", "3 h", "10 d"]);
    }
}
