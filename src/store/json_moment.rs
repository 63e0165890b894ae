//! Reads times from the rows that the database returns as JSON. Any time of the database is read, as [`super::moment`] reads it.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::de::{Deserialize, Deserializer, Error};

use super::moment::readable;

/// Reads a time.
pub(super) fn required<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    let text = Cow::<'de, str>::deserialize(from)?;
    read(&text).ok_or_else(|| D::Error::custom(format_args!("expected a time, got {text}")))
}

/// Reads a time or nothing.
pub(super) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<Cow<'de, str>>::deserialize(from)? else { return Ok(None) };
    let moment = read(&text).ok_or_else(|| D::Error::custom(format_args!("expected a time, got {text}")))?;
    Ok(Some(moment))
}

// As PostgreSQL writes times in JSON, in any zone: `10000-01-01T00:00:00.5+00:53:28`, with ` BC` behind it, or `infinity`.
fn read(text: &str) -> Option<DateTime<Utc>> {
    match text {
        "infinity" => return Some(readable(i64::MAX)),
        "-infinity" => return Some(readable(i64::MIN)),
        _ => {}
    }
    let (text, era) = match text.strip_suffix(" BC") {
        Some(text) => (text, Era::BeforeChrist),
        None => (text, Era::Ours),
    };
    let (date, clock) = text.split_once('T')?;
    let mut parts = date.rsplitn(3, '-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let year: i32 = year.parse().ok()?;
    let year = if era == Era::BeforeChrist { 1 - year } else { year };
    let at = clock.find(['+', '-', 'Z'])?;
    let time = NaiveTime::parse_from_str(clock.get(..at)?, "%H:%M:%S%.f").ok()?;
    let offset = offset(clock.get(at..)?)?;
    let Some(date) = NaiveDate::from_ymd_opt(year, month.parse().ok()?, day.parse().ok()?) else {
        return Some(if year > 0 { readable(i64::MAX) } else { readable(i64::MIN) });
    };
    let moment = date.and_time(time).checked_sub_signed(offset);
    Some(readable(moment.map_or(i64::MAX, |moment| moment.and_utc().timestamp_micros())))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Era {
    Ours,
    BeforeChrist,
}

// `+02`, `+02:00` or `+00:53:28`.
fn offset(text: &str) -> Option<TimeDelta> {
    let (sign, text) = match text.as_bytes().first()? {
        b'Z' => return Some(TimeDelta::zero()),
        b'-' => (-1, text.get(1..)?),
        _ => (1, text.get(1..)?),
    };
    let mut seconds = 0;
    for (part, unit) in text.split(':').zip([3_600, 60, 1]) {
        seconds += part.parse::<i64>().ok()? * unit;
    }
    Some(TimeDelta::seconds(sign * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_of_the_database_is_read_or_clamped() {
        for (text, expected) in [
            ("2026-11-29T02:00:00.123456+00:00", "2026-11-29T02:00:00.123456Z"),
            ("2026-11-29T02:00:00+02", "2026-11-29T00:00:00Z"),
            ("1800-01-01T00:53:28+00:53:28", "1800-01-01T00:00:00Z"),
            ("1800-01-01T00:00:00-04:56:02", "1800-01-01T04:56:02Z"),
            ("9999-12-31T23:59:59.999999+00:00", "9999-12-31T23:59:59.999999Z"),
            ("10000-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999Z"),
            ("0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00Z"),
            ("0044-03-15T00:00:00+00:00 BC", "0001-01-01T00:00:00Z"),
            ("4714-11-24T00:00:00+00:00 BC", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(
                read(text)
                    .map(|moment| moment.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
                    .as_deref(),
                Some(expected)
            );
        }
        for text in ["infinity", "262143-06-01T00:00:00+00:00", "294276-12-31T23:59:59.999999+00:00"] {
            assert_eq!(read(text), Some(readable(i64::MAX)), "{text}");
        }
        assert_eq!(read("-infinity"), Some(readable(i64::MIN)));
        for text in ["", "T", "soon", "2026-11-29", "2026-13-T", "2026-11-29T02:00:00"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_was_clamped_is_written_and_read_again() {
        for moment in [readable(i64::MAX), readable(i64::MIN)] {
            let text = serde_json::to_string(&moment).unwrap();
            assert_eq!(required(&mut serde_json::Deserializer::from_str(&text)).unwrap(), moment);
        }
    }
}
