//! The crontab text: lines that say when a task is due and with which payload and options. It does not
//! know who fires them, nor what was fired before.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::line::Parts;
use super::options::{self, Options};
use super::rhythm::newest_fires;
use super::{CronError, CronExpression, payload};
use crate::job::JobOptions;

/// The longest crontab that is read, in bytes: some ten thousand lines.
const LONGEST_TEXT: usize = 1 << 20;

/// The lines of a crontab.
///
/// ```text
/// # minute hour day-of-month month day-of-week task ?options {payload}
/// */5 * * * *   session.cleanup ?jobKey=session.cleanup
/// 30 2 * * MON  report.publish  ?id=paris&tz=Europe/Paris&fill=4w {office: 'Paris'}
/// @daily        report.publish  ?id=daily
/// ```
///
/// The time fields are those of [`CronExpression`]: five, six with the seconds in front, or a shortcut
/// such as `@daily`. The task is the first word after them: it begins with a letter or `_` and is not itself
/// made of names of months or days as a time field may be, so that a task cannot be called `mon` or
/// `jan-mar`. Blank lines, and lines that begin with `#`, say nothing.
///
/// The options are a query string, percent-encoded (a blank is `%20`), each at most once:
///
/// | option | meaning | default |
/// |---|---|---|
/// | `id` | the identifier, 1 to 128 characters; needed where a task has several lines | the task |
/// | `fill` | how far back missed fires are made up for, as in `4w2d3h5m10s` | not at all |
/// | `max` | after how many failed attempts the job is dead, at least 1 | 25 |
/// | `queue` | the queue of the job, 1 to 128 characters | none |
/// | `jobKey` | the key of the job, 1 to 512 characters | none |
/// | `jobKeyMode` | `replace`, `preserve_run_at` or `unsafe_dedupe` | `replace` |
/// | `priority` | the priority of the job, from -32768; smaller runs first | 0 |
/// | `tz` | the zone whose wall clock counts, as in `Europe/Paris` | UTC |
/// | `catchup` | how many missed fires are added at once, at most 10000 | 100 |
///
/// The payload, JSON5 on the same line, is an object; the default is `{}`.
///
/// ```
/// use mainspring::Crontab;
///
/// let crontab = Crontab::parse(
///     "# nightly\n\
///      0 4 * * * cleanup ?max=3&jobKey=cleanup {dry_run: false}\n",
/// )?;
/// let entry = &crontab.entries[0];
/// assert_eq!((entry.identifier.as_str(), entry.task.as_str()), ("cleanup", "cleanup"));
/// assert_eq!(entry.options.max_attempts, Some(3));
/// assert_eq!(entry.payload["dry_run"], false);
/// # Ok::<(), mainspring::CronError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Crontab {
    /// The lines that say something, in their order; no two have the same identifier.
    pub entries: Vec<CronEntry>,
}

/// One line of a crontab.
#[derive(Debug, Clone, PartialEq)]
pub struct CronEntry {
    /// What the line is known by from one start of the program to the next, 1 to 128 characters.
    pub identifier: String,
    /// When the line fires.
    pub expression: CronExpression,
    /// The zone whose wall clock the expression is about.
    pub zone: Tz,
    /// The task of the job, 1 to 128 characters.
    pub task: String,
    /// The payload of the job.
    pub payload: Map<String, Value>,
    /// The options of the job; its `run_at` is `None`, for the fire's time takes that place.
    pub options: JobOptions,
    /// How far back missed fires are made up for; `None` is not at all.
    pub fill: Option<TimeDelta>,
    /// How many missed fires are added at once, from 0 to 10000.
    pub catch_up: u32,
}

impl Crontab {
    /// Reads a crontab of at most 1 MiB.
    ///
    /// # Errors
    /// Names the first line that is wrong, the column, what was found there and what was expected.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        if text.len() > LONGEST_TEXT {
            return Err(CronError::new(text, format!("a crontab of at most {LONGEST_TEXT} bytes")));
        }
        let mut entries = Vec::new();
        let mut lines_by_identifier = HashMap::new();
        for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
            if says_nothing(line) {
                continue;
            }
            let entry = CronEntry::parse(line).map_err(|error| error.on_line(number))?;
            if let Some(earlier) = lines_by_identifier.insert(entry.identifier.clone(), number) {
                return Err(duplicate(&entry.identifier, earlier).on_line(number));
            }
            entries.push(entry);
        }
        Ok(Self { entries })
    }
}

impl CronEntry {
    fn parse(line: &str) -> Result<Self, CronError> {
        let parts = Parts::of(line)?;
        let expression =
            CronExpression::parse(parts.time.text).map_err(|error| error.after(parts.time.column))?;
        let task = options::text(parts.task.text, 128)
            .map_err(|expected| parts.task.error(format!("a task of {expected}")))?;
        let Options { id, zone, fill, catch_up, job } = match parts.options {
            Some(part) => Options::parse(part.text).map_err(|error| error.after(part.column))?,
            None => Options::default(),
        };
        let payload = match parts.payload {
            Some(part) => payload::parse(part.text).map_err(|error| error.after(part.column))?,
            None => Map::new(),
        };
        let identifier = id.unwrap_or_else(|| task.clone());
        Ok(Self { identifier, expression, zone, task, payload, options: job, fill, catch_up })
    }

    /// The first fire strictly after `time`, as [`CronExpression::next_after_in`].
    pub fn next_after(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        self.expression.next_after_in(time, self.zone)
    }

    /// The fires after `after` and up to `until`, oldest first. If there are more than `limit`, these are
    /// the newest `limit` of them; neither memory nor time grows with those left out.
    ///
    /// ```
    /// # use mainspring::Crontab;
    /// let crontab = Crontab::parse("* * * * * * tick")?;
    /// let fires = crontab.entries[0].fires_between(
    ///     "1999-01-01T00:00:00Z".parse()?,
    ///     "2024-01-01T00:00:00Z".parse()?,
    ///     2,
    /// );
    /// assert_eq!(fires[0].to_string(), "2023-12-31 23:59:59 UTC");
    /// assert_eq!(fires[1].to_string(), "2024-01-01 00:00:00 UTC");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fires_between(
        &self,
        after: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Vec<DateTime<Utc>> {
        newest_fires(&self.expression, self.zone, after, until, limit)
    }
}

fn says_nothing(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

fn duplicate(identifier: &str, line: usize) -> CronError {
    CronError::new(identifier, format!("an `id` of its own, because line {line} has this one"))
}

#[cfg(test)]
mod tests {
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
            ("* * * * * a  {b: }", "column 14: found `{b: }`, expected a JSON5 object as payload"),
            ("* * * * * a b", "column 13: found `b`, expected `?options`"),
            ("* * * * * a {} # b", "column 13: found `{} # b`, expected a JSON5 object"),
            ("* * * * * a [1]", "column 13: found `[1]`, expected `?options` and then a `{payload}`"),
            ("* * * * * a?id=b", "column 11: found `a?id=b`, expected a task, then a blank before `?`"),
            ("* * * * * a{}", "column 11: found `a{}`, expected a task, then a blank before `{`"),
            ("* * * * a", "column 1: found `* * * * a`, expected five or six time fields"),
            ("* * * * * * * a", "column 1: found `* * * * * * * a`, expected five or six time fields"),
            ("a", "column 1: found `a`, expected five or six time fields"),
            ("@daily 5 a", "column 1: found `@daily 5 a`, expected five or six time fields"),
            ("* * * * *", "column 1: found `* * * * *`, expected a task"),
            ("@fortnightly a", "column 1: found `@fortnightly`, expected @hourly"),
            (
                "* * L * * a",
                "column 5: found `L`, expected a day of the month from 1 to 31; crontab(5) knows no",
            ),
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
}
