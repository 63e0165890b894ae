//! What holds for any text at all that claims to be an expression or a crontab. The fuzz targets include this file.

use chrono::{DateTime, TimeDelta, Utc};
use mainspring::{CronExpression, Crontab};

/// An expression that can be read fires for ever, strictly later each time. It describes itself in words, and is read
/// again from its own text. The error of any other names the place and what was expected.
pub fn hold_for_an_expression(text: &str, after: DateTime<Utc>) {
    let expression = match CronExpression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(!error.expected().is_empty() && error.to_string().len() < 1_000);
            assert!(error.column().is_none_or(|column| column >= 1 && column <= text.chars().count() + 1));
            return;
        }
    };
    assert_eq!(CronExpression::parse(&expression.to_string()), Ok(expression.clone()));
    assert!(!expression.describe().is_empty());
    let mut last = after;
    for fire in expression.iter_after(after).take(5) {
        assert!(fire > last && fire - last < TimeDelta::days(8 * 366 + 1), "{text}: {last} to {fire}");
        last = fire;
    }
}

/// A crontab that can be read has lines whose expressions hold; one that cannot names one of its lines.
pub fn hold_for_a_crontab(text: &str, after: DateTime<Utc>) {
    match Crontab::parse(text) {
        Ok(crontab) => {
            for entry in crontab.entries.iter().take(20) {
                hold_for_an_expression(&entry.expression.to_string(), after);
                let fires = entry.fires_between(after, after + TimeDelta::days(800), 3);
                assert!(fires.len() <= 3 && fires.is_sorted() && entry.next_after(after) > after);
            }
        }
        Err(error) => {
            let lines = text.lines().count().max(1);
            assert!(error.line().is_none_or(|line| line >= 1 && line <= lines), "{error}");
            assert!(error.to_string().len() < 2_000);
        }
    }
}
