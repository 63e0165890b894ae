//! How moments and durations are written on the command line.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use crate::failure::Failure;

/// When jobs are due.
#[derive(Debug, Args)]
pub(crate) struct DueArguments {
    /// When it is due, such as 2027-01-01T09:00:00Z.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    run_at: Option<DateTime<Utc>>,
    /// How long from now it is due, such as 90s, 1h30m or 2d.
    #[arg(long = "in", value_name = "DURATION", value_parser = duration, conflicts_with = "run_at")]
    delay: Option<TimeDelta>,
}

impl DueArguments {
    /// The delay that was given, if one was.
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.delay.and_then(|delay| delay.to_std().ok())
    }

    /// The moment that was given, if any was.
    pub(crate) fn moment(&self) -> Result<Option<DateTime<Utc>>, Failure> {
        let Some(delay) = self.delay else { return Ok(self.run_at) };
        let moment = Utc::now().checked_add_signed(delay);
        moment.map(Some).ok_or_else(|| Failure::Usage("--in reaches beyond the end of the calendar".into()))
    }
}

/// A moment as RFC 3339 writes it.
pub(crate) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed.map(|moment| moment.to_utc()).map_err(|error| {
        format!(
            "{error}; expected a date, a time and a zone, with a year of four digits: 2027-01-01T09:00:00Z"
        )
    })
}

/// A length of time such as 1h30m.
pub(crate) fn duration(text: &str) -> Result<TimeDelta, String> {
    let parsed = humantime::parse_duration(text).ok().and_then(|duration| TimeDelta::from_std(duration).ok());
    parsed.ok_or_else(|| "expected numbers with units such as s, m, h, d or w: 90s, say, or 1h30m".into())
}

/// A moment, or how long ago one was.
pub(crate) fn past(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(ago) = duration(text) {
        let moment = Utc::now().checked_sub_signed(ago);
        return moment.ok_or_else(|| "reaches back before the beginning of the calendar".into());
    }
    moment(text)
        .map_err(|_| "expected a moment or how long ago it was: 2027-01-01T09:00:00Z, say, or 2h".to_owned())
}

/// As [`duration`], for what looks back.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    duration(text).map(|span| span.to_std().unwrap_or_default())
}

/// As [`duration`], for what is repeated.
pub(crate) fn interval(text: &str) -> Result<Duration, String> {
    match span(text)? {
        interval if interval < Duration::from_secs(1) => Err("expected at least 1s".into()),
        interval => Ok(interval),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_the_sum_of_its_parts() {
        assert_eq!(duration("1h30m"), Ok(TimeDelta::minutes(90)));
        assert_eq!(duration("2w1d5s"), Ok(TimeDelta::days(15) + TimeDelta::seconds(5)));
        for refused in ["", "5", "m", "-5m", "5x", "+5m", "99999999999999999w", "5\u{e9}"] {
            assert!(duration(refused).is_err(), "{refused}");
        }
    }
}
