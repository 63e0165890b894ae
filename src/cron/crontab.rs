//! The crontab text: each line names a task, its times, its payload and its options. This module does not know who
//! fires them, nor what was fired before.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::line::Parts;
use super::options::{self, Options};
use super::recurrence::newest_fires;
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
/// such as `@daily`. The task is the first word after them. It begins with a letter or `_`, and is not made of
/// names of months or days, as a time field may be: no task can be called `mon` or `jan-mar`. Blank lines, and
/// lines that begin with `#`, are ignored.
///
/// The options are a query string, percent-encoded (a blank is `%20`), each at most once:
///
/// | option | meaning | default |
/// |---|---|---|
/// | `id` | the identifier, 1 to 128 characters; needed where a task has several lines | the task |
/// | `fill` | how far back missed fires are made up for, as in `4w2d3h5m10s` | not at all |
/// | `max` | after how many failed attempts the job is dead, at least 1 | that of the task, else 25 |
/// | `queue` | the queue of the job, 1 to 128 characters | that of the task, else none |
/// | `jobKey` | the key of the job, 1 to 512 characters | none |
/// | `jobKeyMode` | `replace`, `preserve_run_at` or `unsafe_dedupe` | `replace` |
/// | `priority` | the priority of the job, from -32768; smaller runs first | that of the task, else 0 |
/// | `tz` | the zone whose wall clock counts, as in `Europe/Paris` | UTC |
/// | `catchup` | how many missed fires are made up for, at most 10000 | 100; with `fill` 10000 |
///
/// Each line is a schedule that the program owns, under its identifier. It is stored when a process starts, and it stops
/// when no process has it any more. A fire was missed if no process was there for it within ten seconds. Missed fires that are
/// not made up for are logged, and recorded as one fire `missed`.
///
/// A line of text knows its task by name only. Without `queue`, `priority` and `max`, its jobs have what the task's workers have
/// published when it fires. A line built with [`Cron`](crate::Cron) also has the options of [`Task::options`](crate::Task::options).
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
    /// The lines in their order, without comments and blank lines. No two have the same identifier.
    pub entries: Vec<CronEntry>,
}

/// One line of a crontab.
#[derive(Clone, PartialEq)]
pub struct CronEntry {
    /// The identifier, which is the same from one start of the program to the next, 1 to 128 characters.
    pub identifier: String,
    /// When the line fires.
    pub expression: CronExpression,
    /// The zone whose wall clock counts.
    pub zone: Tz,
    /// The task of the job, 1 to 128 characters.
    pub task: String,
    /// The payload of the job.
    pub payload: Map<String, Value>,
    /// The options of the job. Their `run_at` is `None`: the time of the fire is used.
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
    ///
    /// [`CronError`] names the first line that is wrong, the column, what was found there and what was expected.
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
        let options = match parts.options {
            Some(part) => Options::parse(part.text).map_err(|error| error.after(part.column))?,
            None => Options::default(),
        };
        let catch_up = options.catch_up();
        let Options { id, zone, fill, job, .. } = options;
        let payload = match parts.payload {
            Some(part) => payload::parse(part.text).map_err(|error| error.after(part.column))?,
            None => Map::new(),
        };
        let identifier = id.unwrap_or_else(|| task.clone());
        Ok(Self { identifier, expression, zone, task, payload, options: job, fill, catch_up })
    }

    /// Returns the first fire strictly after `time`, as [`CronExpression::next_after_in`].
    #[must_use]
    pub fn next_after(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        self.expression.next_after_in(time, self.zone)
    }

    /// Returns the fires after `after` and up to `until`, oldest first. If there are more than `limit`, it returns the
    /// newest `limit` of them. Neither memory nor time grows with the others.
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
    #[must_use]
    pub fn fires_between(
        &self,
        after: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Vec<DateTime<Utc>> {
        newest_fires(&self.expression, self.zone, after, until, limit)
    }
}

/// With the number of the payload's fields, whose values belong into no log.
impl fmt::Debug for CronEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CronEntry")
            .field("identifier", &self.identifier)
            .field("expression", &self.expression)
            .field("zone", &self.zone)
            .field("task", &self.task)
            .field("payload", &format_args!("{} fields", self.payload.len()))
            .field("options", &self.options)
            .field("fill", &self.fill)
            .field("catch_up", &self.catch_up)
            .finish()
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
mod tests;
