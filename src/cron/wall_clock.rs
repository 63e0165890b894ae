//! From the wall clock of a zone to moments in time, where the clock jumps forward or is turned back.
//! It knows nothing of cron: what may fire is a function from one wall-clock time to the next.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// The first moment after `after` at which the clock reaches a time of `next`: shows it, or jumps over
/// it. A time that does not exist counts when the gap ends, a time that exists twice when it is first
/// shown. `after` is a whole second.
pub(super) fn next_reached(
    zone: Tz,
    after: DateTime<Utc>,
    next: impl Fn(NaiveDateTime) -> Option<NaiveDateTime>,
) -> Option<DateTime<Utc>> {
    let time = next(highest_shown(zone, after))?;
    match zone.from_local_datetime(&time) {
        MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => Some(moment.to_utc()),
        MappedLocalTime::None => gap_end(zone, time),
    }
}

/// The first moment after `after` at which the clock shows a time of `next`, for the first or the second time.
/// `after` is a whole second.
pub(super) fn next_shown(
    zone: Tz,
    after: DateTime<Utc>,
    next: impl Fn(NaiveDateTime) -> Option<NaiveDateTime>,
) -> Option<DateTime<Utc>> {
    let onward = next_shown_from(zone, shown_at(zone, after), after, &next);
    // Before the clock is turned back the times it will show again lie behind it, not ahead.
    let again =
        repetition_around(zone, after).filter(|repetition| after < repetition.begin).and_then(|repetition| {
            next_shown_from(zone, repetition.low - SECOND, repetition.begin - SECOND, &next)
        });
    onward.into_iter().chain(again).min()
}

/// As `next_shown`, for the times above `time` only.
fn next_shown_from(
    zone: Tz,
    mut time: NaiveDateTime,
    after: DateTime<Utc>,
    next: impl Fn(NaiveDateTime) -> Option<NaiveDateTime>,
) -> Option<DateTime<Utc>> {
    loop {
        time = next(time)?;
        match zone.from_local_datetime(&time) {
            MappedLocalTime::Single(moment) => return Some(moment.to_utc()),
            MappedLocalTime::Ambiguous(first, second) => {
                return [first.to_utc(), second.to_utc()].into_iter().find(|moment| *moment > after);
            }
            MappedLocalTime::None => time = shown_at(zone, gap_end(zone, time)?) - SECOND,
        }
    }
}

/// A stretch of the wall clock, `low..high`, that is shown twice.
struct Repetition {
    /// The moment at which the clock is turned back from `high` to `low`.
    begin: DateTime<Utc>,
    low: NaiveDateTime,
    high: NaiveDateTime,
}

/// The repetition that includes the time shown at `moment`, for the first or the second time.
fn repetition_around(zone: Tz, moment: DateTime<Utc>) -> Option<Repetition> {
    let MappedLocalTime::Ambiguous(first, second) = zone.from_local_datetime(&shown_at(zone, moment)) else {
        return None;
    };
    let begin = offset_change(zone, first.to_utc(), second.to_utc())?;
    let high = shown_at(zone, begin - SECOND) + SECOND;
    Some(Repetition { begin, low: shown_at(zone, begin), high })
}

/// Returns the moment after `before`, at most `after`, at which the offset that holds at `before` ends. It is
/// found by halving, 17 steps for a day, because chrono-tz does not publish its table of changes.
fn offset_change(zone: Tz, before: DateTime<Utc>, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let offset_at = |second| {
        DateTime::from_timestamp(second, 0).map(|at| zone.offset_from_utc_datetime(&at.naive_utc()).fix())
    };
    let (mut low, mut high) = (before.timestamp(), after.timestamp());
    let offset = offset_at(low)?;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if offset_at(middle)? == offset { low = middle } else { high = middle }
    }
    DateTime::from_timestamp(high, 0)
}

/// The highest time the clock has shown up to `moment`: lower times have been reached.
fn highest_shown(zone: Tz, moment: DateTime<Utc>) -> NaiveDateTime {
    match repetition_around(zone, moment) {
        Some(repetition) if moment >= repetition.begin => repetition.high - SECOND,
        Some(_) | None => shown_at(zone, moment),
    }
}

/// Within a day of either end of calendar time the clock may show a time beyond it; it stops there.
fn shown_at(zone: Tz, moment: DateTime<Utc>) -> NaiveDateTime {
    let utc = moment.naive_utc();
    let end = if moment < DateTime::UNIX_EPOCH { NaiveDateTime::MIN } else { NaiveDateTime::MAX };
    utc.checked_add_offset(zone.offset_from_utc_datetime(&utc).fix()).unwrap_or(end)
}

/// The first moment after the gap that `time` lies in; `None` only beyond calendar time.
fn gap_end(zone: Tz, time: NaiveDateTime) -> Option<DateTime<Utc>> {
    GapInfo::new(&time, &zone)?.end.map(|end| end.to_utc())
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, Australia, Pacific};

    use super::*;
    use crate::cron::CronExpression;

    fn expression(text: &str) -> CronExpression {
        CronExpression::parse(text).unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// The fires after a time in UTC, as the clock of the zone shows them.
    fn fires(text: &str, zone: Tz, after: &str, count: usize) -> Vec<String> {
        let expression = expression(text);
        let fires = expression.iter_after_in(at(after), zone).take(count);
        fires.map(|fire| fire.with_timezone(&zone).format("%m-%d %H:%M %Z").to_string()).collect()
    }

    #[test]
    fn an_appointment_in_a_gap_is_kept_once_when_the_gap_ends() {
        let after = "2024-03-09T12:00:00Z";
        assert_eq!(fires("30 2 * * *", America::New_York, after, 2), ["03-10 03:00 EDT", "03-11 02:30 EDT"]);
        assert_eq!(
            fires("0,20,40 2 * * *", America::New_York, after, 2),
            ["03-10 03:00 EDT", "03-11 02:00 EDT"]
        );
        assert_eq!(
            fires("0,30 2,3 * * *", America::New_York, after, 2),
            ["03-10 03:00 EDT", "03-10 03:30 EDT"]
        );
    }

    #[test]
    fn an_appointment_that_exists_twice_is_kept_the_first_time() {
        let (first, second) = ("2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z");
        let daily = expression("30 1 * * *");
        assert_eq!(daily.next_after_in(at("2024-11-03T04:00:00Z"), America::New_York), at(first));
        for between in [first, "2024-11-03T05:59:59Z", "2024-11-03T06:00:00Z", "2024-11-03T06:10:00Z", second]
        {
            let next = daily.next_after_in(at(between), America::New_York);
            assert_eq!(next, at("2024-11-04T06:30:00Z"), "{between}");
        }
    }

    #[test]
    fn every_hour_is_every_real_hour() {
        let spring = fires("30 * * * *", America::New_York, "2024-03-10T05:45:00Z", 3);
        assert_eq!(spring, ["03-10 01:30 EST", "03-10 03:30 EDT", "03-10 04:30 EDT"]);
        let autumn = fires("30 * * * *", America::New_York, "2024-11-03T04:45:00Z", 3);
        assert_eq!(autumn, ["11-03 01:30 EDT", "11-03 01:30 EST", "11-03 02:30 EST"]);
        let steps = fires("*/30 * * * *", America::New_York, "2024-11-03T05:15:00Z", 4);
        assert_eq!(steps, ["11-03 01:30 EDT", "11-03 01:00 EST", "11-03 01:30 EST", "11-03 02:00 EST"]);
    }

    #[test]
    fn an_asterisk_in_the_minute_goes_on_by_the_wall_clock_in_fixed_hours_too() {
        let repeated = fires("*/15 0-5 * * *", chrono_tz::Europe::Berlin, "2027-10-31T00:29:00Z", 7);
        let expected =
            ["02:30 CEST", "02:45 CEST", "02:00 CET", "02:15 CET", "02:30 CET", "02:45 CET", "03:00 CET"];
        assert_eq!(repeated, expected.map(|time| format!("10-31 {time}")));
        let hour = expression("* * 1-4 * * *");
        let hour = hour.iter_after_in(at("2027-10-31T00:59:59Z"), chrono_tz::Europe::Berlin);
        assert_eq!(hour.take_while(|fire| *fire < at("2027-10-31T02:00:00Z")).count(), 3600);
        // The clock shows no time of the hour that it jumps over.
        let skipped = fires("*/20 2 * * *", America::New_York, "2024-03-09T12:00:00Z", 1);
        assert_eq!(skipped, ["03-11 02:00 EDT"]);
        let fixed = fires("0,15,30,45 2 * * *", chrono_tz::Europe::Berlin, "2027-10-31T00:29:00Z", 3);
        assert_eq!(fixed, ["10-31 02:30 CEST", "10-31 02:45 CEST", "11-01 02:00 CET"]);
    }

    #[test]
    fn half_an_hour_is_a_shift_too() {
        let spring = fires("15 2 * * *", Australia::Lord_Howe, "2024-10-05T12:00:00Z", 2);
        assert_eq!(spring, ["10-06 02:30 +11", "10-07 02:15 +11"]);
        let autumn = fires("45 1 * * *", Australia::Lord_Howe, "2024-04-06T12:00:00Z", 2);
        assert_eq!(autumn, ["04-07 01:45 +11", "04-08 01:45 +1030"]);
        let steps = fires("*/15 * * * *", Australia::Lord_Howe, "2024-04-06T14:30:00Z", 4);
        assert_eq!(steps, ["04-07 01:45 +11", "04-07 01:30 +1030", "04-07 01:45 +1030", "04-07 02:00 +1030"]);
    }

    #[test]
    fn a_day_that_a_zone_skipped_is_a_gap() {
        // Samoa went from 29 December 2011 to the 31st.
        let noon = fires("0 12 * * *", Pacific::Apia, "2011-12-29T23:00:00Z", 3);
        assert_eq!(noon, ["12-31 00:00 +14", "12-31 12:00 +14", "01-01 12:00 +14"]);
        let hourly = fires("0 * * * *", Pacific::Apia, "2011-12-30T08:30:00Z", 2);
        assert_eq!(hourly, ["12-29 23:00 -10", "12-31 00:00 +14"]);
    }

    #[test]
    fn a_day_that_a_zone_had_twice_is_a_repetition() {
        // With its sale in 1867 Alaska moved over the date line, and the clock was turned back by a day.
        let noon = fires("0 12 * * *", America::Juneau, "1867-10-16T00:00:00Z", 4);
        assert_eq!(noon, ["10-17 12:00 LMT", "10-18 12:00 LMT", "10-19 12:00 LMT", "10-20 12:00 LMT"]);
        let hours = expression("0 * * * *");
        let hours = hours.iter_after_in(at("1867-10-18T00:00:00Z"), America::Juneau);
        assert_eq!(hours.take_while(|fire| *fire < at("1867-10-20T00:00:00Z")).count(), 48);
    }
}
