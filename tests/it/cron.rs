//! Cron against an independent implementation, and in every zone of the world. No database.

use std::collections::HashSet;

use croner::parser::{CronParser, Seconds};
use mainspring::CronExpression;

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

mod croniter;
mod hostile;
mod properties;
mod zones;

const MONTHS: [&str; 12] =
    ["jan", "FEB", "Mar", "APR", "may", "JUN", "JUL", "aug", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["sun", "MON", "Tue", "WED", "thu", "FRI", "SAT"];

#[test]
fn random_expressions_fire_as_an_independent_implementation_says() {
    let mut random = fastrand::Rng::with_seed(0x6d61_696e);
    let parser = CronParser::builder().seconds(Seconds::Optional).build();
    let mut compared = 0;
    while compared < 5_000 {
        let text = random_expression(&mut random);
        let Ok(ours) = CronExpression::parse(&text) else {
            // Random fields are valid; only their dates may not exist, and then croner finds no fire.
            let theirs = parser.parse(&text).unwrap();
            assert!(theirs.find_next_occurrence(&random_time(&mut random), false).is_err(), "{text}");
            continue;
        };
        let theirs = parser.parse(&text).unwrap();
        let after = random_time(&mut random);
        let expected: Vec<DateTime<Utc>> = theirs.iter_after(after).take(5).collect();
        let fires: Vec<_> = ours.iter_after(after).take(5).collect();
        assert_eq!(fires, expected, "`{text}` after {after}");
        compared += 1;
    }
}

/// Starting points on ordinary days and around the ends of months and leap days, 1970 to 2090.
fn random_time(random: &mut fastrand::Rng) -> DateTime<Utc> {
    let year = random.i32(1971..2090);
    let ordinary = (random.u32(1..13), 15);
    let (month, day) = *random.choice(&[(2, 28), (3, 1), (12, 31), (4, 30), ordinary]).unwrap();
    let midnight = Utc.with_ymd_and_hms(year, month, day, 0, 0, 0).unwrap();
    midnight + TimeDelta::seconds(random.i64(-2 * 86_400..2 * 86_400))
}

fn random_expression(random: &mut fastrand::Rng) -> String {
    let mut fields = Vec::new();
    if random.u8(..4) == 0 {
        fields.push(random_field(random, 0, 59, &[]));
    }
    fields.push(random_field(random, 0, 59, &[]));
    fields.push(random_field(random, 0, 23, &[]));
    fields.push(random_field(random, 1, 31, &[]));
    fields.push(random_field(random, 1, 12, &MONTHS));
    fields.push(random_field(random, 0, 6, &DAYS));
    fields.join(" ")
}

/// A list of one to three items. To croner a field is restricted if it is not written `*`, to us if it
/// leaves out a value: a field that holds every value is therefore written `*`.
fn random_field(random: &mut fastrand::Rng, first: u32, last: u32, names: &[&str]) -> String {
    if random.u8(..3) == 0 {
        return "*".to_owned();
    }
    let mut values = HashSet::new();
    let items: Vec<_> =
        (0..random.usize(1..4)).map(|_| random_item(random, (first, last), names, &mut values)).collect();
    let holds_every_value = values.len() as u32 == last - first + 1;
    if holds_every_value { "*".to_owned() } else { items.join(",") }
}

fn random_item(
    random: &mut fastrand::Rng,
    (first, last): (u32, u32),
    names: &[&str],
    values: &mut HashSet<u32>,
) -> String {
    // Croner reads SUN at the end of a range as 7, which makes `sun-sun` a whole week; to us it is a day.
    let low = random.u32(first..=last);
    let high = random.u32(low..=last).max(1);
    let step = random.u32(2..=(last - first + 1));
    let mut written = |value: u32| match names.get((value - first) as usize) {
        Some(name) if random.bool() => (*name).to_owned(),
        None | Some(_) => value.to_string(),
    };
    let (text, low, high, step) = match step % 4 {
        0 => (format!("*/{step}"), first, last, step),
        1 => (format!("{}-{}", written(low), written(high)), low, high, 1),
        2 => (format!("{}-{}/{step}", written(low), written(high)), low, high, step),
        _ => (written(low), low, low, 1),
    };
    values.extend((low..=high).step_by(step as usize));
    text
}

/// A moment at which a zone's clock jumps, with the offsets before and after it in seconds.
type Change = (i64, i32, i32);

#[test]
fn around_every_clock_change_nothing_is_skipped_and_nothing_fires_twice() {
    let mut seen = HashSet::new();
    for zone in TZ_VARIANTS {
        for change in clock_changes(zone) {
            // Zones share their changes; once is enough.
            if seen.insert(change) {
                fires_follow_the_clock(zone, change);
            }
        }
    }
    assert!(seen.len() > 500, "{} clock changes", seen.len());
}

fn clock_changes(zone: Tz) -> Vec<Change> {
    let day = 86_400;
    let (begin, end) = (second("2020-01-01T00:00:00Z"), second("2041-01-01T00:00:00Z"));
    let days = (begin..end).step_by(day as usize);
    days.filter(|at| offset(zone, *at) != offset(zone, at + day))
        .map(|at| change_within(zone, at, day))
        .collect()
}

fn change_within(zone: Tz, begin: i64, length: i64) -> Change {
    let before = offset(zone, begin);
    let (mut low, mut high) = (begin, begin + length);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if offset(zone, middle) == before { low = middle } else { high = middle }
    }
    (high, before, offset(zone, high))
}

fn fires_follow_the_clock(zone: Tz, (change, before, after): Change) {
    let hours = 3 * 3_600;
    let window = (change - hours..change + hours).step_by(60);
    let minute_shown = |at: &i64| (at + i64::from(offset(zone, *at))).rem_euclid(3_600) / 60;
    let hourly: Vec<_> = window.clone().filter(|at| minute_shown(at) == 30).collect();
    let steps: Vec<_> = window.filter(|at| minute_shown(at) % 5 == 0).collect();
    assert_eq!(fires("30 * * * *", zone, change - hours, change + hours), hourly, "{zone}");
    assert_eq!(fires("*/5 * * * *", zone, change - hours, change + hours), steps, "{zone}");

    // An appointment halfway into what the clock jumps over, or shows twice.
    let middle = change + i64::from(before.min(after)) + i64::from((after - before).abs() / 2);
    let appointment = DateTime::from_timestamp(middle, 0).unwrap().naive_utc();
    let text = format!("{} {} * * *", appointment.minute(), appointment.hour());
    let kept = if after > before { change } else { middle - i64::from(before) };
    assert_eq!(fires(&text, zone, change - hours, change + hours), [kept], "{zone}: {text}");
}

/// The fires at or after `begin` and before `end`; strictly ascending by their own account.
fn fires(text: &str, zone: Tz, begin: i64, end: i64) -> Vec<i64> {
    let expression = CronExpression::parse(text).unwrap();
    let after = DateTime::from_timestamp(begin - 1, 0).unwrap();
    expression
        .iter_after_in(after, zone)
        .map(|fire| fire.timestamp())
        .take_while(|fire| *fire < end)
        .collect()
}

fn offset(zone: Tz, second: i64) -> i32 {
    let utc: NaiveDateTime = DateTime::from_timestamp(second, 0).unwrap().naive_utc();
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()
}

fn second(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp()
}
