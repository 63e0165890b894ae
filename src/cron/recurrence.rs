//! Computes which fires are due, from times that the caller passes in. Crontab lines and stored schedules share it. It
//! knows neither a clock nor what a fire does.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::CronExpression;
use crate::error::Problem;

/// A fire that was due this long before a scheduler was there is missed. Shorter delays are the machine's.
pub(crate) const ON_TIME: TimeDelta = TimeDelta::seconds(10);

/// The most open fires that are made at all, however long something held them up: all of them are in memory at once.
const MOST_FIRES: usize = 10_000;

/// Parses the name of a zone. An error names the value and what was expected.
pub(crate) fn read_zone(name: &str) -> Result<Tz, Problem> {
    let problem =
        || Problem::new("zone", "must be a time zone such as Europe/Paris", format_args!("`{name}`"));
    name.parse().map_err(|_| problem())
}

/// When a schedule fires: an expression by the clock of a zone, between two dates.
#[derive(Debug, Clone)]
pub(crate) struct Recurrence {
    expression: CronExpression,
    zone: Tz,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
}

/// What to do now about a schedule that was due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Oldest first.
    pub(crate) fires: Vec<Fire>,
    /// The first of the fires that are not made up for, which are the oldest.
    pub(crate) missed: Option<DateTime<Utc>>,
    /// When it fires next, after now.
    pub(crate) next: Option<DateTime<Utc>>,
}

/// The time now, and since when a scheduler has been there for the fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attendance {
    pub(crate) now: DateTime<Utc>,
    pub(crate) since: DateTime<Utc>,
}

impl Attendance {
    /// Whether a fire was due while no scheduler was there for it. One that was held up is not missed.
    fn is_missed(self, fire: DateTime<Utc>) -> bool {
        fire < self.oldest_on_time()
    }

    fn oldest_on_time(self) -> DateTime<Utc> {
        self.now.min(self.since) - ON_TIME
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fire {
    pub(crate) at: DateTime<Utc>,
    /// Whether it was missed, and is made up for.
    pub(crate) is_late: bool,
}

impl Recurrence {
    /// Parses the expression and the zone. An error names the field and what was expected.
    pub(crate) fn read(
        expression: &str,
        zone: &str,
        starts_at: Option<DateTime<Utc>>,
        ends_at: Option<DateTime<Utc>>,
    ) -> Result<Self, String> {
        let expression = CronExpression::parse(expression).map_err(|error| format!("expression: {error}"))?;
        let zone = read_zone(zone).map_err(|problem| problem.to_string())?;
        Ok(Self { expression, zone, starts_at, ends_at })
    }

    /// Returns the expression in words.
    #[cfg(feature = "dashboard")]
    pub(crate) fn describe(&self) -> String {
        self.expression.describe()
    }

    /// Returns the first fire strictly after `time`, or `None` after the last one.
    pub(crate) fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.fires_after(time).next()
    }

    /// Returns all fires strictly after `time`, oldest first.
    pub(crate) fn fires_after(&self, time: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        // A fire at the very start counts.
        let before_start =
            self.starts_at.and_then(|start| start.checked_sub_signed(TimeDelta::milliseconds(1)));
        let after = before_start.map_or(time, |start| start.max(time));
        let end = self.ends_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.expression.iter_after_in(after, self.zone).take_while(move |fire| *fire <= end)
    }

    /// Returns what is due now. `first` is the first fire that is still open. At most `catch_up` missed fires are made up
    /// for, the newest ones.
    pub(crate) fn due(&self, first: DateTime<Utc>, attendance: Attendance, catch_up: u32) -> Due {
        let now = attendance.now;
        let most = (catch_up as usize).min(MOST_FIRES);
        let mut fires = self.open_after(first, attendance, most);
        // The first is a fire even if newer zone data would give another time.
        let first_fire = Fire { at: first, is_late: attendance.is_missed(first) };
        let room = if first_fire.is_late { most } else { MOST_FIRES };
        let missed = (fires.len() >= room).then_some(first);
        if missed.is_none() {
            fires.insert(0, first_fire);
        }
        // A clock that was turned back must not fire anything twice.
        Due { fires, missed, next: self.next_after(now.max(first)) }
    }

    /// Returns the fires after `first` that are made now, oldest first: all that are on time, and before them as many of
    /// the newest missed ones as make `most` together.
    fn open_after(&self, first: DateTime<Utc>, attendance: Attendance, most: usize) -> Vec<Fire> {
        let until = self.ends_at.map_or(attendance.now, |end| end.min(attendance.now));
        let on_time = self.expression.iter_after_in(first.max(attendance.oldest_on_time()), self.zone);
        let on_time = on_time.take_while(|fire| *fire <= until).take(MOST_FIRES).count();
        let fires = newest_fires(&self.expression, self.zone, first, until, on_time.max(most));
        fires.into_iter().map(|at| Fire { at, is_late: attendance.is_missed(at) }).collect()
    }

    /// Returns the next `most` fires of those that are made up for, from `first` up to `until`, oldest first, and the fire
    /// that follows them.
    pub(crate) fn portion(
        &self,
        first: DateTime<Utc>,
        until: DateTime<Utc>,
        attendance: Attendance,
        most: usize,
    ) -> (Vec<Fire>, Option<DateTime<Utc>>) {
        let later = self.fires_after(first).take_while(|fire| *fire <= until);
        let fires: Vec<DateTime<Utc>> = std::iter::once(first).chain(later).take(most).collect();
        let next = self.next_after(fires.last().copied().unwrap_or(first));
        (fires.into_iter().map(|at| Fire { at, is_late: attendance.is_missed(at) }).collect(), next)
    }

    /// Returns how many fires there are from `first` up to but not including `until`, at most `most`.
    pub(crate) fn count_between(&self, first: DateTime<Utc>, until: DateTime<Utc>, most: usize) -> usize {
        let later = self.fires_after(first).take_while(|fire| *fire < until);
        std::iter::once(first).chain(later).take(most).count()
    }
}

/// The fires after `after`, up to and with `until`, oldest first. When there are more than `limit`, the oldest are left
/// out.
pub(super) fn newest_fires(
    expression: &CronExpression,
    zone: Tz,
    after: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: usize,
) -> Vec<DateTime<Utc>> {
    let oldest = |after: DateTime<Utc>, count: usize| -> Vec<DateTime<Utc>> {
        let fires = expression.iter_after_in(after, zone);
        fires.take_while(|fire| *fire <= until).take(count).collect()
    };
    // A stretch before `until` that doubles until it holds too many fires, or is the whole. It then holds about twice as many.
    let (begin, end) = (after.timestamp(), until.timestamp());
    let mut late_enough = end;
    let mut length: i64 = 64;
    let mut too_early = loop {
        let from = end.saturating_sub(length).max(begin);
        if oldest(moment(from).max(after), limit.saturating_add(1)).len() > limit {
            break from;
        }
        if from == begin {
            return oldest(after, limit);
        }
        (late_enough, length) = (from, length.saturating_mul(2));
    };
    // Where fires come in bursts, it is halved until it does.
    let most = limit.saturating_mul(2).max(64);
    let mut fires = oldest(moment(too_early).max(after), most + 1);
    while fires.len() > most && late_enough - too_early > 1 {
        let middle = too_early + (late_enough - too_early) / 2;
        let found = oldest(moment(middle), most + 1);
        if found.len() > limit { (too_early, fires) = (middle, found) } else { late_enough = middle }
    }
    fires.split_off(fires.len().saturating_sub(limit))
}

fn moment(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).expect("a second between two moments is a moment")
}

#[cfg(test)]
mod tests;
