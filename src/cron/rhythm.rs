//! What fires when, as plain code over times that the caller passes in: a stored schedule between two dates, and a line
//! of the crontab since the program's start. It knows neither a clock nor what a fire does.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{CronEntry, CronExpression};

/// A fire that is later than this was missed: nobody was there to see to it. Shorter delays are the machine's.
const ON_TIME: TimeDelta = TimeDelta::seconds(10);

/// Reads the name of a zone, and says what was expected.
pub(crate) fn read_zone(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| format!("zone must be a time zone such as Europe/Paris, got `{name}`"))
}

/// When something fires: an expression by the clock of a zone, between two dates.
#[derive(Debug, Clone)]
pub(crate) struct Rhythm {
    expression: CronExpression,
    zone: Tz,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
}

/// What is to be done now about something that was due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Oldest first.
    pub(crate) fires: Vec<Fire>,
    /// The first fire that is not made up for, if there are any: they are the oldest.
    pub(crate) missed: Option<DateTime<Utc>>,
    /// When it fires next, after now.
    pub(crate) next: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fire {
    pub(crate) at: DateTime<Utc>,
    /// It was missed, and is made up for.
    pub(crate) is_late: bool,
}

impl Rhythm {
    /// Reads the rhythm, or says what is wrong with it.
    pub(crate) fn read(
        expression: &str,
        zone: &str,
        starts_at: Option<DateTime<Utc>>,
        ends_at: Option<DateTime<Utc>>,
    ) -> Result<Self, String> {
        let expression = CronExpression::parse(expression).map_err(|error| format!("expression: {error}"))?;
        Ok(Self { expression, zone: read_zone(zone)?, starts_at, ends_at })
    }

    /// The first fire strictly after `time`; none when the last is over.
    pub(crate) fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.fires_after(time).next()
    }

    /// All fires strictly after `time`, in order.
    pub(crate) fn fires_after(&self, time: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        // A fire at the very start counts.
        let before_start =
            self.starts_at.and_then(|start| start.checked_sub_signed(TimeDelta::milliseconds(1)));
        let after = before_start.map_or(time, |start| start.max(time));
        let end = self.ends_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.expression.iter_after_in(after, self.zone).take_while(move |fire| *fire <= end)
    }

    /// What is due at `now` when `first` is the first fire that nobody has seen to, and at most `catch_up` missed ones
    /// are made up for: the newest.
    pub(crate) fn due(&self, first: DateTime<Utc>, now: DateTime<Utc>, catch_up: u32) -> Due {
        let until = self.ends_at.map_or(now, |end| end.min(now));
        let mut fires = due_between(&self.expression, self.zone, first, until, now, catch_up);
        // The first is a fire even where this program's zones know better than those it was found with.
        let first_fire = Fire { at: first, is_late: now - first > ON_TIME };
        let missed = first_fire.is_late && fires.len() >= catch_up as usize;
        if !missed {
            fires.insert(0, first_fire);
        }
        let missed = missed.then_some(first);
        // A clock that was turned back must not fire anything twice.
        Due { fires, missed, next: self.next_after(now.max(first)) }
    }
}

/// The fires after `after`, up to `until`, that are seen to at `now`: all that are on time, and before those as many
/// of the missed ones as make `most` together, the newest, oldest first.
fn due_between(
    expression: &CronExpression,
    zone: Tz,
    after: DateTime<Utc>,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
    most: u32,
) -> Vec<Fire> {
    let on_time = expression.iter_after_in(after.max(now - ON_TIME), zone);
    let on_time = on_time.take_while(|fire| *fire <= until).count();
    let fires = newest_fires(expression, zone, after, until, on_time.max(most as usize));
    fires.into_iter().map(|at| Fire { at, is_late: now - at > ON_TIME }).collect()
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
    let fires = oldest(after, limit.saturating_add(1));
    if fires.len() <= limit {
        return fires;
    }
    // Half the stretch until it holds no fire too many: some 30 looks at `limit` fires, whatever its length.
    let (mut too_early, mut late_enough) = (after.timestamp(), until.timestamp());
    while late_enough - too_early > 1 {
        let middle = too_early + (late_enough - too_early) / 2;
        let fires = oldest(moment(middle), limit.saturating_add(1));
        if fires.len() > limit { too_early = middle } else { late_enough = middle }
    }
    oldest(moment(late_enough), limit)
}

fn moment(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).expect("a second between two moments is a moment")
}

/// A line of the crontab, and up to when it has been seen to by this process.
#[derive(Debug)]
pub(crate) struct StandingLine {
    pub(crate) entry: CronEntry,
    seen_to: DateTime<Utc>,
    /// Fires up to here were due before this process started.
    started: DateTime<Utc>,
}

impl StandingLine {
    /// A line at the start of the process. What was due before is left alone, unless the line asks to have it filled in:
    /// then back to `last_seen`, the last fire or when the line was first known, and no further than asked for.
    pub(crate) fn new(entry: CronEntry, last_seen: Option<DateTime<Utc>>, started: DateTime<Utc>) -> Self {
        let fill_from = entry.fill.and_then(|fill| started.checked_sub_signed(fill));
        let seen_to = fill_from.zip(last_seen).map_or(started, |(from, seen)| from.max(seen).min(started));
        Self { entry, seen_to, started }
    }

    /// What is due at `now`: a fire is late when it was due before the start.
    pub(crate) fn due(&self, now: DateTime<Utc>) -> Vec<Fire> {
        let CronEntry { expression, zone, catch_up, .. } = &self.entry;
        let fires = due_between(expression, *zone, self.seen_to, now, now, *catch_up);
        fires.into_iter().map(|fire| Fire { is_late: fire.at <= self.started, ..fire }).collect()
    }

    /// Everything up to `moment` has been seen to, here or elsewhere.
    pub(crate) fn seen_to(&mut self, moment: DateTime<Utc>) {
        self.seen_to = self.seen_to.max(moment);
    }

    /// When the line fires next. A clock that was turned back is waited for.
    pub(crate) fn next(&self) -> DateTime<Utc> {
        self.entry.next_after(self.seen_to)
    }
}

#[cfg(test)]
mod tests;
