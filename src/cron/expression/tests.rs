use std::time::Instant;

use chrono_tz::{America, Pacific};

use super::*;

fn expression(text: &str) -> CronExpression {
    CronExpression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn next(text: &str, after: &str) -> DateTime<Utc> {
    expression(text).next_after(at(after))
}

#[test]
fn the_next_fire_is_strictly_after() {
    assert_eq!(next("* * * * *", "2024-01-01T00:00:00Z"), at("2024-01-01T00:01:00Z"));
    assert_eq!(next("* * * * *", "2023-12-31T23:59:59.999Z"), at("2024-01-01T00:00:00Z"));
    assert_eq!(next("* * * * * *", "2023-12-31T23:59:59.001Z"), at("2024-01-01T00:00:00Z"));
    assert_eq!(next("15,45 * * * * *", "2024-01-01T00:00:15Z"), at("2024-01-01T00:00:45Z"));
}

#[test]
fn either_restricted_day_field_matches() {
    let both = expression("0 0 13 * FRI");
    let days: Vec<_> = both.iter_after(at("2024-09-07T00:00:00Z")).map(|fire| fire.day()).take(4).collect();
    assert_eq!(days, [13, 20, 27, 4]);
    assert_eq!(next("0 0 */2 * 1", "2024-01-01T00:00:00Z"), at("2024-01-03T00:00:00Z"));
}

#[test]
fn a_day_field_that_holds_every_value_restricts_nothing() {
    for day_of_month in ["*", "*/1", "1-31"] {
        let text = format!("0 0 {day_of_month} * 1");
        assert_eq!(next(&text, "2024-01-01T00:00:00Z"), at("2024-01-08T00:00:00Z"), "{text}");
    }
    for day_of_week in ["*", "*/1", "0-6", "1-7", "MON-SUN"] {
        let text = format!("0 0 5 * {day_of_week}");
        assert_eq!(next(&text, "2024-01-01T00:00:00Z"), at("2024-01-05T00:00:00Z"), "{text}");
    }
}

#[test]
fn text_goes_in_and_comes_out() {
    let expression: CronExpression = " 0 0 * * SUN\n".parse().unwrap();
    assert_eq!(expression.to_string(), "0 0 * * SUN");
    assert_eq!(format!("{expression:?}"), "CronExpression(\"0 0 * * SUN\")");
}

#[test]
fn dates_that_never_come_are_refused() {
    let error = CronExpression::parse(" 0 0 31 4,6,9,11 * ").unwrap_err().to_string();
    assert_eq!(error, "found `0 0 31 4,6,9,11 *`, expected a day that exists in one of the months");
    assert_eq!(next("0 0 31 2,3 *", "2024-01-01T00:00:00Z"), at("2024-03-31T00:00:00Z"));
    assert_eq!(next("0 0 31 2 1", "2024-01-01T00:00:00Z"), at("2024-02-05T00:00:00Z"));
}

#[test]
fn hostile_text_costs_nothing() {
    let begin = Instant::now();
    let commas = ",".repeat(10_000);
    let texts = ["0 0 1--100000000 * *", "0 0 1-100000000 * *", "*/4294967296 * * * *", &commas];
    for text in texts.into_iter().chain([&*"*".repeat(1 << 20), &*" ".repeat(1 << 20), &*"é".repeat(512)]) {
        assert!(CronExpression::parse(text).is_err());
    }
    assert!(begin.elapsed().as_secs() < 1);
    let every: Vec<_> = (0..60).map(|value| value.to_string()).collect();
    assert!(CronExpression::parse(&format!("{0} {0} * * * *", every.join(","))).is_ok());
}

#[test]
fn fires_go_on_where_the_crate_ends() {
    assert_eq!(next("0 0 1 1 *", "2100-06-01T00:00:00Z"), at("2101-01-01T00:00:00Z"));
    assert_eq!(next("0 0 29 2 *", "2096-03-01T00:00:00Z"), at("2104-02-29T00:00:00Z"));
    assert_eq!(next("0 0 29 2 *", "2496-03-01T00:00:00Z"), at("2504-02-29T00:00:00Z"));
    assert_eq!(next("0 0 * * 1", "9999-12-31T00:00:00Z"), at("+10000-01-03T00:00:00Z"));
    assert_eq!(next("0 0 1 1 *", "-0044-03-15T12:00:00Z"), at("-0043-01-01T00:00:00Z"));
    assert_eq!(next("0 12 31 12 *", "1969-12-31T12:00:00Z"), at("1970-12-31T12:00:00Z"));
}

#[test]
fn calendar_time_ends_without_a_panic() {
    let (begin, end) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    for text in ["*/10 * * * *", "0 0 29 2 *", "30 2 * * *"] {
        let expression = expression(text);
        for zone in [Tz::UTC, America::New_York, Pacific::Kiritimati] {
            for minutes in (0..2880).step_by(97) {
                let (early, late) = (begin + TimeDelta::minutes(minutes), end - TimeDelta::minutes(minutes));
                assert!(expression.next_after_in(early, zone) > early);
                assert!(late == end || expression.next_after_in(late, zone) > late);
                assert!(expression.iter_after_in(late, zone).count() <= 288);
            }
        }
    }
}

#[test]
fn the_next_fire_is_found_in_well_under_a_millisecond() {
    let texts = ["0 0 29 2 1", "0 0 29 2 *", "0 0 30 2 1", "59 59 23 31 12 *", "0 * 29 2 *"];
    for (text, after) in
        texts.into_iter().zip(["2096-03-01T00:00:00Z", "1896-03-01T00:00:00Z"].into_iter().cycle())
    {
        let (expression, after) = (expression(text), at(after));
        let begin = Instant::now();
        for _ in 0..1000 {
            std::hint::black_box(expression.next_after_in(after, America::New_York));
        }
        // A millisecond each, in an unoptimised build on a busy machine.
        assert!(begin.elapsed().as_secs() < 1, "{text}: {:?}", begin.elapsed());
    }
}
