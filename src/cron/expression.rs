//! One cron expression: its text, and when it fires. It does not know what is done then.
//!
//! The search for the next date is the `cron` crate's. Its language is not crontab(5), so it is only
//! given canonical text, made from fields that were read here. Its treatment of zones differs from
//! ours, so it only sees the time on the wall clock.

use std::{fmt, iter, str::FromStr};

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use cron::Schedule;

use super::CronError;
use super::fields::{ClockRule, Fields};
use super::{describe, wall_clock};

/// The longest text that is read, in bytes. Writing out every value of every field takes 530.
const LONGEST_TEXT: usize = 1024;

/// The years in which the `cron` crate finds fires, but for its last, 2100.
const YEARS_OF_THE_CRATE: std::ops::Range<i32> = 1970..2100;

/// The longest wait is for 29 February: eight years around most turns of a century.
const LONGEST_WAIT_IN_YEARS: i32 = 8;

/// A cron expression: the time fields of a crontab line.
///
/// Five fields, `minute hour day-of-month month day-of-week`, with the meaning of crontab(5) but for what is listed below; a
/// sixth in front counts seconds. A field is a list, separated by commas, of `*`, values and ranges `a-b`;
/// `*/n` and `a-b/n` hold every n-th value from the first on. `a/n` is refused, because crons disagree
/// about it. Months and days of the week may be named (`JAN`, `mon`), and Sunday is 0 and 7.
/// Where day-of-month and day-of-week both leave out some value, **either** of them is enough. The shortcuts
/// `@hourly`, `@daily` (or `@midnight`), `@weekly`, `@monthly` and `@yearly` (or
/// `@annually`) stand for their fields.
///
/// In a zone with summer time, the rule of cron(8) holds. If the minute or the hour begins with `*`, or every hour is listed, the
/// expression fires whenever the clock shows one of its times. Otherwise its times are fixed. One that the clock jumps over is
/// kept once, at the first moment after the gap. One that the clock shows twice is kept the first time.
///
/// What differs from crontab(5):
///
/// - A day field restricts if it leaves out a value: `*/2` does, and `1-31` does not. In crontab(5) `*` decides.
/// - `a/n`, wrap-around ranges, `@reboot`, and dates that never come are refused.
/// - Names may stand in lists and ranges, a sixth field counts seconds, and `0-23` means the same as `*`.
/// - The zone is the caller's, not the system's. Its rules are those of the IANA data that is built in, up to the year 2099.
///
/// Two expressions are equal if they are written alike.
///
/// ```
/// use chrono::{DateTime, Utc};
/// use mainspring::CronExpression;
///
/// let expression = CronExpression::parse("*/15 9-17 * * MON-FRI")?;
/// let friday: DateTime<Utc> = "2024-03-01T17:45:00Z".parse()?;
/// assert_eq!(expression.next_after(friday).to_string(), "2024-03-04 09:00:00 UTC");
/// assert_eq!(expression.to_string(), "*/15 9-17 * * MON-FRI");
///
/// assert!(CronExpression::parse("0 0 31 2 *").is_err(), "there is no 31 February");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CronExpression {
    source: String,
    fields: Fields,
    /// One schedule or two, whichever fires first: to the crate two restricted day fields mean both.
    schedules: Vec<Schedule>,
}

impl CronExpression {
    /// Parses an expression. Its length is bounded, and dates that never come are refused, so that no text
    /// makes the search for the next fire long.
    ///
    /// # Errors
    ///
    /// [`CronError`] names the field that is wrong, its column, and what was expected.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        if text.len() > LONGEST_TEXT {
            return Err(CronError::new(text, format!("at most {LONGEST_TEXT} bytes")));
        }
        let fields = Fields::parse(text)?;
        let schedules = fields.schedules();
        if schedules.is_empty() {
            return Err(CronError::new(text.trim(), "a day that exists in one of the months"));
        }
        Ok(Self { source: text.trim().to_owned(), fields, schedules })
    }

    /// Returns the first fire strictly after `time`, in UTC.
    ///
    /// Every expression fires at least once in eight years, until calendar time ends in the year 262142.
    /// After the last fire this returns [`DateTime::<Utc>::MAX_UTC`].
    #[must_use]
    pub fn next_after(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        self.next_after_in(time, Tz::UTC)
    }

    /// Returns the first fire strictly after `time`, by the wall clock of `zone`.
    ///
    /// ```
    /// use chrono_tz::America::New_York;
    /// use mainspring::CronExpression;
    ///
    /// // On 10 March 2024 the clock jumps from 2:00 to 3:00.
    /// let saturday = "2024-03-09T12:00:00Z".parse()?;
    /// let fire = CronExpression::parse("30 2 * * *")?.next_after_in(saturday, New_York);
    /// assert_eq!(fire.with_timezone(&New_York).to_string(), "2024-03-10 03:00:00 EDT");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn next_after_in(&self, time: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        self.fire_after(time, zone).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Returns all fires strictly after `time`, in UTC, in order.
    ///
    /// ```
    /// # use mainspring::CronExpression;
    /// let leap_days = CronExpression::parse("0 0 29 2 *")?;
    /// let days: Vec<_> = leap_days.iter_after("2095-01-01T00:00:00Z".parse()?).take(2).collect();
    /// assert_eq!(days[0].to_string(), "2096-02-29 00:00:00 UTC");
    /// assert_eq!(days[1].to_string(), "2104-02-29 00:00:00 UTC");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter_after(&self, time: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        self.iter_after_in(time, Tz::UTC)
    }

    /// Returns all fires strictly after `time`, by the wall clock of `zone`, in order.
    pub fn iter_after_in(&self, time: DateTime<Utc>, zone: Tz) -> impl Iterator<Item = DateTime<Utc>> {
        iter::successors(self.fire_after(time, zone), move |fire| self.fire_after(*fire, zone))
    }

    /// Returns the expression in words.
    ///
    /// ```
    /// # use mainspring::CronExpression;
    /// let words = |text| CronExpression::parse(text).map(|expression| expression.describe());
    /// assert_eq!(words("30 2 * * *")?, "at 02:30 every day");
    /// assert_eq!(words("*/15 9-17 * * MON-FRI")?, "every 15 minutes in hours 9 to 17 on Monday to Friday");
    /// assert_eq!(words("0 0 13 * 5")?, "at 00:00 on day 13 of the month or on Friday");
    /// # Ok::<(), mainspring::CronError>(())
    /// ```
    #[must_use]
    pub fn describe(&self) -> String {
        describe::in_words(&self.fields)
    }

    /// The first fire after `time`; `None` if calendar time ends before it.
    fn fire_after(&self, time: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let time = DateTime::from_timestamp(time.timestamp(), 0)?;
        let next = |on_clock| self.next_on_clock(on_clock);
        match self.fields.clock_rule {
            ClockRule::FixedTimes => wall_clock::next_reached(zone, time, next),
            ClockRule::WallTime => wall_clock::next_shown(zone, time, next),
        }
    }

    fn next_on_clock(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let years = after.year()..=after.year() + LONGEST_WAIT_IN_YEARS;
        years.into_iter().find_map(|year| self.next_in_year(year, after))
    }

    /// Searches in a year that the crate knows and that has the same days.
    fn next_in_year(&self, year: i32, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let twin = twin_of(year)?;
        let after = if after.year() == year {
            after.with_year(twin)?
        } else {
            NaiveDate::from_yo_opt(twin, 1)?.and_hms_opt(0, 0, 0)? - TimeDelta::seconds(1)
        };
        let fires = self.schedules.iter().filter_map(|schedule| schedule.after(&after.and_utc()).next());
        fires.min().filter(|fire| fire.year() == twin)?.naive_utc().with_year(year)
    }
}

/// A year in which the crate finds fires, as long as `year` and with the same days of the week. Any 28
/// years of a century hold all fourteen kinds of year.
fn twin_of(year: i32) -> Option<i32> {
    if YEARS_OF_THE_CRATE.contains(&year) {
        return Some(year);
    }
    let kind = |year| NaiveDate::from_yo_opt(year, 1).map(|first| (first.weekday(), first.leap_year()));
    let wanted = kind(year)?;
    (1972..2000).find(|twin| kind(*twin) == Some(wanted))
}

impl FromStr for CronExpression {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        Self::parse(text)
    }
}

/// The text as it was written, without blanks around it.
impl fmt::Display for CronExpression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

impl fmt::Debug for CronExpression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CronExpression").field(&self.source).finish()
    }
}

#[cfg(test)]
mod tests;
