use serde::Serialize;

use super::*;
use crate::cron::Crontab;
use crate::job::KeyMode;

#[derive(Serialize, Clone)]
struct Digest {
    office: &'static str,
}
impl Task for Digest {
    const NAME: &'static str = "digest";
}

#[derive(Serialize)]
struct Plain;
impl Task for Plain {
    const NAME: &'static str = "plain";
}

#[derive(Serialize)]
struct Number(u8);
impl Task for Number {
    const NAME: &'static str = "number";
}

const PARIS: Digest = Digest { office: "paris" };

#[test]
fn a_line_built_by_code_is_the_line_that_the_text_says() {
    let built = Cron::every_week_on(Weekday::Mon, 8, 30, PARIS)
        .id("i")
        .zone(Tz::Europe__Paris)
        .fill(TimeDelta::days(2))
        .catch_up(3)
        .queue("q")
        .priority(-1)
        .max_attempts(4)
        .key("k")
        .key_mode(KeyMode::PreserveRunAt);
    let text = "30 8 * * 1 digest ?id=i&tz=Europe/Paris&fill=2d&catchup=3&queue=q&priority=-1&max=4&jobKey=k\
                &jobKeyMode=preserve_run_at {office: 'paris'}";
    // A text does not know the version of its task.
    let of_text = |text| {
        let mut entry = Crontab::parse(text).unwrap().entries.remove(0);
        entry.options.version = Some(0);
        entry
    };
    assert_eq!(built.build().unwrap(), of_text(text));
    assert_eq!(Cron::every_minute(Plain).build().unwrap(), of_text("* * * * * plain"));
}

#[derive(Serialize)]
struct Import {
    tenant: &'static str,
}
impl Task for Import {
    const NAME: &'static str = "import";
    const QUEUE: Option<&'static str> = Some("imports");
    const PRIORITY: Option<i16> = Some(-7);
    const MAX_ATTEMPTS: Option<i16> = Some(3);
    const VERSION: i32 = 2;
    fn options(&self) -> JobOptions {
        Self::defaults().key(format!("import:{}", self.tenant)).flags(["slow"]).run_at(chrono::Utc::now())
    }
}

#[test]
fn a_line_keeps_the_options_of_its_task_unless_it_says_otherwise() {
    let kept = Cron::every_minute(Import { tenant: "acme" }).build().unwrap().options;
    let expected = JobOptions { run_at: None, ..Import { tenant: "acme" }.options() };
    assert_eq!(kept, expected);
    let changed = Cron::every_minute(Import { tenant: "acme" }).queue("q").max_attempts(9).key("k");
    let expected =
        JobOptions { queue: Some("q".into()), max_attempts: Some(9), key: Some("k".into()), ..expected };
    assert_eq!(changed.build().unwrap().options, expected);
}

#[test]
fn a_fill_is_what_it_says_unless_a_number_bounds_it() {
    let catch_up = |cron: Cron| cron.build().unwrap().catch_up;
    assert_eq!(catch_up(Cron::every_minute(PARIS)), 100);
    assert_eq!(catch_up(Cron::every_minute(PARIS).fill(TimeDelta::days(2))), 10_000);
    assert_eq!(catch_up(Cron::every_minute(PARIS).fill(TimeDelta::days(2)).catch_up(7)), 7);
}

#[test]
fn each_rhythm_is_an_expression() {
    let expression = |cron: Cron| cron.build().unwrap().expression.to_string();
    assert_eq!(expression(Cron::every_minutes(5, PARIS)), "*/5 * * * *");
    assert_eq!(expression(Cron::every_hour_at(7, PARIS)), "7 * * * *");
    assert_eq!(expression(Cron::every_day_at(8, 0, PARIS)), "0 8 * * *");
    assert_eq!(expression(Cron::every_week_on(Weekday::Sun, 8, 0, PARIS)), "0 8 * * 0");
    assert_eq!(expression(Cron::every_month_on(1, 0, 5, PARIS)), "5 0 1 * *");
}

#[test]
fn what_is_wrong_is_named() {
    let refused = |cron: Cron| cron.build().unwrap_err().to_string();
    assert!(refused(Cron::every_day_at(24, 0, PARIS)).contains("an hour from 0 to 23"));
    assert!(refused(Cron::every_month_on(32, 0, 0, PARIS)).contains("a day of the month"));
    let refusal = refused(Cron::every_minute(Number(5)));
    assert!(refusal.contains("found `a single value`, expected a payload that is an object"), "{refusal}");
    assert!(refused(Cron::every_minute(PARIS).id("")).contains("an id of 1 to 128"));
    assert!(
        refused(Cron::every_minute(PARIS).max_attempts(0)).contains("found `0`, expected at least 1 attempt")
    );
    assert!(refused(Cron::every_minute(PARIS).catch_up(10_001)).contains("at most 10000"));
    assert!(refused(Cron::every_minute(PARIS).fill(TimeDelta::weeks(-1))).contains("5200 weeks"));
    assert!(refused(Cron::every_minute(PARIS).key("k".repeat(513))).contains("a key of 1 to 512"));
}
