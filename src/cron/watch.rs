//! Since when a scheduler has watched its schedules without a gap, by the database's clock. Only a fire that was due before is
//! missed. Knows neither a clock nor a database: the caller passes what it has read.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::recurrence::{Attendance, ON_TIME};

/// One scheduler's watch over its schedules.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Watch {
    begun: Option<Looks>,
}

#[derive(Debug, Clone, Copy)]
struct Looks {
    since: DateTime<Utc>,
    last: DateTime<Utc>,
    /// When the next look is expected.
    expected: DateTime<Utc>,
}

/// What the database's clock did since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClockMove {
    /// It went on, or this is the first look.
    On,
    /// It was turned back.
    Back,
}

impl Watch {
    /// Records a look at the schedules. A look that comes late ends the watch, and begins a new one: the machine slept, or the
    /// clock was set.
    pub(crate) fn looked(&mut self, now: DateTime<Utc>) -> ClockMove {
        let earlier = self.begun;
        let goes_on = earlier.filter(|looks| now >= looks.last - SKEW && now <= looks.expected + ON_TIME);
        let since = goes_on.map_or(now, |looks| looks.since.min(now));
        self.begun = Some(Looks { since, last: now, expected: now });
        match earlier {
            Some(looks) if now < looks.last - SKEW => ClockMove::Back,
            Some(_) | None => ClockMove::On,
        }
    }

    /// Records that the next look comes after this time.
    pub(crate) fn rests(&mut self, rest: Duration) {
        if let Some(looks) = &mut self.begun {
            looks.expected += TimeDelta::from_std(rest).unwrap_or(TimeDelta::MAX).min(TimeDelta::days(1));
        }
    }

    /// Records that the database was away, or that nothing was to fire: what is due until the next look is missed.
    pub(crate) fn ended(&mut self) {
        self.begun = None;
    }

    /// Returns since when the watch has lasted, for the last look.
    pub(crate) fn attendance(&self, now: DateTime<Utc>) -> Attendance {
        Attendance { now, since: self.begun.map_or(now, |looks| looks.since) }
    }
}

// A clock that is adjusted by less was not turned back.
const SKEW: TimeDelta = TimeDelta::seconds(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[test]
    fn a_watch_lasts_while_looks_come_as_expected() {
        let mut watch = Watch::default();
        assert_eq!(watch.looked(at(0)), ClockMove::On);
        watch.rests(Duration::from_secs(60));
        watch.looked(at(65));
        watch.looked(at(70));
        assert_eq!(watch.attendance(at(70)).since, at(0));
    }

    #[test]
    fn a_sleep_an_outage_and_a_pause_end_the_watch() {
        let mut watch = Watch::default();
        watch.looked(at(0));
        watch.rests(Duration::from_secs(60));
        watch.looked(at(71));
        assert_eq!(watch.attendance(at(71)).since, at(71), "the machine slept");
        watch.ended();
        watch.looked(at(75));
        assert_eq!(watch.attendance(at(75)).since, at(75), "the database was away");
    }

    #[test]
    fn a_clock_that_is_turned_back_is_noticed() {
        let mut watch = Watch::default();
        watch.looked(at(3600));
        assert_eq!(watch.looked(at(0)), ClockMove::Back);
        assert_eq!((watch.attendance(at(0)).since, watch.looked(at(1))), (at(0), ClockMove::On));
    }
}
