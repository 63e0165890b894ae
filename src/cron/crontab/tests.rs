use serde_json::json;

use super::*;
use crate::job::KeyMode;

fn entry(line: &str) -> CronEntry {
    let mut crontab = Crontab::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!(crontab.entries.len(), 1);
    crontab.entries.remove(0)
}

fn refusal(text: &str) -> String {
    Crontab::parse(text).unwrap_err().to_string()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn a_line_says_everything() {
    let entry = entry(
        "  30 2 * * mon\treport.publish \t ?id=paris&tz=Europe/Paris&fill=1d&catchup=3&max=2&queue=q&jobKey=k\
         &jobKeyMode=preserve_run_at&priority=5  {office: 'Paris', list: [1, 2]}  ",
    );
    assert_eq!(entry.identifier, "paris");
    assert_eq!(entry.task, "report.publish");
    assert_eq!(entry.expression, CronExpression::parse("30 2 * * mon").unwrap());
    assert_eq!(entry.zone, Tz::Europe__Paris);
    assert_eq!((entry.fill, entry.catch_up), (Some(TimeDelta::days(1)), 3));
    assert_eq!(Value::Object(entry.payload), json!({"office": "Paris", "list": [1, 2]}));
    assert_eq!((entry.options.max_attempts, entry.options.priority), (Some(2), Some(5)));
    assert_eq!(entry.options.queue.as_deref(), Some("q"));
    assert_eq!(entry.options.key.as_deref(), Some("k"));
    assert_eq!((entry.options.key_mode, entry.options.run_at), (KeyMode::PreserveRunAt, None));
}

#[test]
fn a_short_line_has_defaults() {
    let entry = entry("*/5 * * * * session.cleanup");
    assert_eq!((entry.identifier.as_str(), entry.zone), ("session.cleanup", Tz::UTC));
    assert_eq!((entry.fill, entry.catch_up), (None, 100));
    assert_eq!((entry.options, entry.payload), (JobOptions::default(), Map::new()));
}

#[test]
fn five_fields_six_fields_and_shortcuts_come_before_the_task() {
    for (line, expression) in [
        ("0 0 1 jan mon task", "0 0 1 jan mon"),
        ("30 0 0 1 JAN-MAR mon,fri task", "30 0 0 1 JAN-MAR mon,fri"),
        ("0  0 1\t1 * _task", "0  0 1\t1 *"),
        ("@daily task", "@daily"),
        ("0 0 1 1 * monday", "0 0 1 1 *"),
        ("0 0 1 1 * sun-dial", "0 0 1 1 *"),
        ("0 0 1 1 * lights", "0 0 1 1 *"),
        ("0 0 1 1 * a#2", "0 0 1 1 *"),
        ("0 0 1 1 * l\u{e4}ufer", "0 0 1 1 *"),
    ] {
        assert_eq!(entry(line).expression.to_string(), expression, "{line}");
    }
}

#[test]
fn comments_blank_lines_and_line_ends_say_nothing() {
    let crontab =
        Crontab::parse("\u{feff}# a\r\n\r\n * * * * * a\r\n\t# b\n   \n* * * * * b {c: 1}\r\n").unwrap();
    let tasks: Vec<_> = crontab.entries.iter().map(|entry| entry.task.as_str()).collect();
    assert_eq!(tasks, ["a", "b"]);
    assert_eq!(Crontab::parse("").unwrap().entries, []);
}

#[test]
fn a_task_may_have_several_lines_with_ids() {
    let crontab = Crontab::parse("* * * * * a\n* * * * * a ?id=b").unwrap();
    assert_eq!(crontab.entries.len(), 2);
    assert_eq!(
        refusal("* * * * * a\n\n* * * * * a"),
        "line 3: found `a`, expected an `id` of its own, because line 1 has this one"
    );
    assert!(refusal("* * * * * a ?id=b\n* * * * * b").contains("line 2: found `b`"));
}

#[test]
fn an_error_names_line_column_text_and_what_was_expected() {
    for (line, expected) in [
        ("* 24 * * * a", "column 3: found `24`, expected an hour from 0 to 23"),
        ("  * * * 1,x * a", "column 11: found `x`, expected a month from 1 to 12 or JAN to DEC"),
        ("* * * * * a ?id=b&x=1", "column 19: found `x=1`, expected one of id, fill"),
        ("* * * * * a  {b: }", "column 14: found `{..}`, expected a JSON5 object as payload"),
        ("* * * * * a b", "column 13: found `b`, expected `?options`"),
        ("* * * * * a {} # b", "column 13: found `{..}`, expected a JSON5 object"),
        ("* * * * * a [1]", "column 13: found `[1]`, expected `?options` and then a `{payload}`"),
        ("* * * * * a?id=b", "column 11: found `a?id=b`, expected a task, then a blank before `?`"),
        ("* * * * * a{}", "column 11: found `a{}`, expected a task, then a blank before `{`"),
        ("* * * * a", "column 1: found `* * * * a`, expected five or six time fields"),
        ("* * * * * * * a", "column 1: found `* * * * * * * a`, expected five or six time fields"),
        ("a", "column 1: found `a`, expected five or six time fields"),
        ("@daily 5 a", "column 1: found `@daily 5 a`, expected five or six time fields"),
        ("* * * * *", "column 1: found `* * * * *`, expected a task"),
        ("@fortnightly a", "column 1: found `@fortnightly`, expected @hourly"),
        ("* * L * * a", "column 5: found `L`, expected a day of the month from 1 to 31; crontab(5) knows no"),
        ("* * * * MON#2 a", "column 9: found `MON#2`, expected a day of the week"),
        ("0 0 * * mon-9 a", "column 9: found `mon-9`, expected a day of the week"),
        ("0 0 * * mon, a", "column 13: found ``, expected a day of the week"),
        ("* * ? * * a", "column 5: found `?`, expected a day of the month"),
        ("0 0 31 feb * a", "column 1: found `0 0 31 feb *`, expected a day that exists"),
    ] {
        let error = refusal(&format!("\n{line}"));
        assert!(error.starts_with(&format!("line 2, {expected}")), "{line}: {error}");
    }
}

#[test]
fn hostile_text_is_refused_early() {
    assert!(refusal(&"x".repeat(LONGEST_TEXT + 1)).contains("at most 1048576 bytes"));
    let long_task = format!("* * * * * {}", "x".repeat(129));
    assert!(refusal(&long_task).contains("a task of 1 to 128 characters"));
    assert!(refusal(&format!("{} a", "* ".repeat(100_000))).contains("there are 100000 fields"));
    assert!(refusal(&format!("* * * * * a {{b: {}", "[".repeat(100_000))).contains("nested deeper"));
    assert!(refusal(&format!("{} * * * * a", ",".repeat(10_000))).contains("at most 1024 bytes"));
}

#[test]
fn a_line_fires_by_the_clock_of_its_zone() {
    let entry = entry("0 9 * * * a ?tz=Asia/Tokyo");
    assert_eq!(entry.next_after(at("2024-01-01T00:00:00Z")), at("2024-01-02T00:00:00Z"));
}

#[test]
fn fires_between_are_open_at_the_start_and_closed_at_the_end() {
    let entry = entry("0 * * * * a");
    let (noon, two) = (at("2024-01-01T12:00:00Z"), at("2024-01-01T14:00:00Z"));
    assert_eq!(entry.fires_between(noon, two, 10), [at("2024-01-01T13:00:00Z"), two]);
    assert!(entry.fires_between(two, two, 10).is_empty());
    assert!(entry.fires_between(two, noon, 10).is_empty());
}

#[test]
fn of_too_many_fires_the_newest_stay_oldest_first() {
    let minutes = entry("* * * * * a");
    let (begin, end) = (at("2000-01-01T00:00:00.5Z"), at("2024-01-01T00:02:59.5Z"));
    let newest = [at("2024-01-01T00:00:00Z"), at("2024-01-01T00:01:00Z"), at("2024-01-01T00:02:00Z")];
    assert_eq!(minutes.fires_between(begin, end, 3), newest);
    assert!(minutes.fires_between(begin, end, 0).is_empty());
    let bursts = entry("* * * 1 1 * a");
    let fires = bursts.fires_between(begin, at("2023-12-31T00:00:00Z"), 2);
    assert_eq!(fires, [at("2023-01-01T23:59:58Z"), at("2023-01-01T23:59:59Z")]);
}

#[test]
fn a_missing_blank_or_ampersand_swallows_no_payload_and_no_option() {
    let refused = |line: &str| Crontab::parse(line).unwrap_err().to_string();
    for options in ["id=x{a:1}", "jobKey=k{a:1}", "fill=1d{}", "queue=q{a: 1}", "{a:1}", "id=x&{a:1}", "id={"]
    {
        let error = refused(&format!("* * * * * t ?{options}"));
        assert!(error.contains("expected a blank before the payload"), "{options}: {error}");
    }
    assert_eq!(
        refused("* * * * * t ?id=x{a:1}"),
        "line 1, column 18: found `{a:1}`, expected a blank before the payload, or `%7B` for a brace in a value"
    );
    assert!(refused("* * * * * t ?id=x?max=3").contains("expected `&` between options"));
    assert!(refused("* * * * * t ?id=x}").contains("`%7D`"));
    let escaped = Crontab::parse("* * * * * t ?id=x%7Ba:1%7D%3F {b: 2}").unwrap();
    assert_eq!((escaped.entries[0].identifier.as_str(), escaped.entries[0].payload.len()), ("x{a:1}?", 1));
}
