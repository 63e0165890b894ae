//! Cron against another language's library: croniter.txt holds what croniter, for Python, finds. The script that wrote it
//! stands beside it.

use chrono::{DateTime, Utc};
use mainspring::CronExpression;

const FIXTURE: &str = include_str!("croniter.txt");

#[test]
fn expressions_fire_as_a_library_of_another_language_says() {
    let mut compared = 0;
    for line in FIXTURE.lines() {
        let (text, times) = line.split_once('|').unwrap();
        let times: Vec<DateTime<Utc>> = times.split('|').map(|time| time.parse().unwrap()).collect();
        let expression = CronExpression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let fires: Vec<_> = expression.iter_after(times[0]).take(4).collect();
        assert_eq!(fires, times[1..], "`{text}` after {}", times[0]);
        compared += 1;
    }
    assert_eq!(compared, 1500);
}
