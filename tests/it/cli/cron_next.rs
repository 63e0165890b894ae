//! `cron next`: moments, and what is no expression, zone, date or count. No database is needed.

use super::{answer, assert_refused, json, program};

fn next(arguments: &[&str]) -> std::process::Output {
    program(&[&["cron", "next"], arguments].concat()).output().unwrap()
}

#[test]
fn moments_are_printed_one_a_line_in_utc() {
    let fires = answer(next(&["*/5 * * * *", "--from", "2024-02-29T23:51:00Z", "--count", "3"]));
    assert_eq!(fires, "2024-02-29T23:55:00Z\n2024-03-01T00:00:00Z\n2024-03-01T00:05:00Z\n");
}

#[test]
fn five_moments_from_now_on_are_the_default() {
    let fires = answer(next(&["@hourly"]));
    let first = fires.lines().next().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert!(first > chrono::Utc::now() - chrono::TimeDelta::minutes(1));
    assert_eq!(fires.lines().count(), 5);
}

#[test]
fn a_zone_gives_the_clock_and_the_offset() {
    let arguments =
        ["30 2 * * *", "--zone", "Europe/Berlin", "--from", "2024-03-30T00:00:00+01:00", "--count", "3"];
    let expected = "2024-03-30T02:30:00+01:00\n2024-03-31T03:00:00+02:00\n2024-04-01T02:30:00+02:00\n";
    assert_eq!(answer(next(&arguments)), expected);
}

#[test]
fn json_is_an_array_of_the_same_moments() {
    let fires = json(next(&["@yearly", "--from", "2027-01-01T00:00:00Z", "--count", "2", "--json"]));
    assert_eq!(fires.to_string(), r#"["2028-01-01T00:00:00Z","2029-01-01T00:00:00Z"]"#);
}

#[test]
fn the_last_moments_are_those_that_rfc_3339_can_write() {
    assert_eq!(answer(next(&["@yearly", "--from", "9998-06-01T00:00:00Z"])), "9999-01-01T00:00:00Z\n");
}

#[test]
fn a_database_url_is_allowed_and_not_used() {
    let output =
        program(&["cron", "next", "@daily", "--database-url", "postgres://127.0.0.1:1/a"]).output().unwrap();
    assert_eq!(answer(output).lines().count(), 5);
}

#[test]
fn what_is_wrong_is_told_in_one_line_with_code_2() {
    let cases: [(&[&str], &str); 8] = [
        (&["61 * * * *"], "column 1: found `61`, expected a minute from 0 to 59"),
        (&["* *"], "found `* *`"),
        (&[""], "found ``"),
        (&["0 0 31 2 *"], "expected a day that exists"),
        (&["@daily", "--zone", "Mars/Olympus"], "expected the name of a time zone"),
        (&["@daily", "--from", "yesterday"], "2027-01-01T09:00:00Z"),
        (&["@daily", "--count", "0"], "0 is not in 1..=10000"),
        (&["@daily", "--count", "10001"], "10001 is not in 1..=10000"),
    ];
    for (arguments, words) in cases {
        assert_refused(next(arguments), 2, words);
    }
}
