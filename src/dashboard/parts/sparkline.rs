//! The last hour of one task in the height of a line: what ended in each minute, and what of it failed.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::chart::{MINUTES, place};
use super::number::count;
use crate::store::stats::Counts;

const HEIGHT: f64 = 20.0;

/// Draws the minutes in which something was counted. `now` is in the last one.
pub(in crate::dashboard) fn sparkline(
    minutes: &BTreeMap<DateTime<Utc>, Counts>,
    now: DateTime<Utc>,
) -> Markup {
    let minutes = || minutes.iter().filter_map(|(at, counts)| Some((place(*at, now)?, counts)));
    let (all, most) = minutes()
        .map(|(_, counts)| ended(counts))
        .fold((0, 0), |(all, most), ended| (all + ended, most.max(ended)));
    let words = format!("{} ended in the last hour, at most {} in a minute", count(all), count(most));
    html! {
        @if all > 0 {
            svg.sparkline viewBox=(format!("0 0 {MINUTES} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(words) {
                title { (words) }
                path d=(columns(minutes().map(|(place, counts)| (place, ended(counts))), most)) {}
                path.bad d=(columns(minutes().map(|(place, counts)| (place, counts.failed + counts.dead)), most)) {}
            }
        }
    }
}

fn ended(counts: &Counts) -> u64 {
    counts.succeeded + counts.failed + counts.dead + counts.cancelled
}

/// A column for each minute that has something, from the bottom up.
fn columns(minutes: impl Iterator<Item = (usize, u64)>, most: u64) -> String {
    let mut path = String::new();
    for (place, number) in minutes.filter(|(_, number)| *number > 0) {
        let top = HEIGHT * (1.0 - number as f64 / most as f64);
        // Writing to a text cannot fail.
        let _ = write!(path, "M{place} {HEIGHT}V{top:.1}h.8V{HEIGHT}z");
    }
    path
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_column_stands_where_its_minute_is_and_as_high_as_its_share() {
        let now = "2026-11-30T08:00:30Z".parse::<DateTime<Utc>>().unwrap();
        let at = |minutes: i64, succeeded, dead| {
            let mut counts = Counts::default();
            (counts.succeeded, counts.dead) = (succeeded, dead);
            (now - TimeDelta::seconds(30) - TimeDelta::minutes(minutes), counts)
        };
        let shown = sparkline(&BTreeMap::from([at(0, 3, 1), at(59, 2, 0), at(60, 9, 9)]), now).into_string();
        assert!(shown.contains("d=\"M0 20V10.0h.8V20zM59 20V0.0h.8V20z\""), "{shown}");
        assert!(shown.contains("d=\"M59 20V15.0h.8V20z\""), "{shown}");
        assert!(shown.contains("6 ended in the last hour, at most 4 in a minute"), "{shown}");
        assert_eq!(sparkline(&BTreeMap::new(), now).into_string(), "");
    }
}
