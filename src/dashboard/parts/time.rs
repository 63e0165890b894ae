//! Moments. The server writes them in UTC. The script turns them into the viewer's zone, and the exact value is the tooltip.

use chrono::{DateTime, SecondsFormat, Utc};
use maud::{Markup, html};

use super::number::span;
use super::text::dash;

/// A moment.
pub(in crate::dashboard) fn moment(at: DateTime<Utc>) -> Markup {
    let exact = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    html! { time datetime=(exact) title=(exact) { (at.format("%Y-%m-%d %H:%M:%S UTC")) } }
}

/// A moment, or a dash.
pub(in crate::dashboard) fn moment_or_dash(at: Option<DateTime<Utc>>) -> Markup {
    at.map_or_else(dash, moment)
}

/// A moment, and how long ago it was or how soon it comes.
pub(in crate::dashboard) fn moment_and_age(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    html! { (moment(at)) " " span.muted { (age(at, now)) } }
}

/// How long ago a moment was, or how soon it comes.
pub(in crate::dashboard) fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_milliseconds() as f64 / 1e3;
    match seconds {
        -1.0..1.0 => "now".to_owned(),
        ..0.0 => format!("in {}", span(-seconds)),
        _ => format!("{} ago", span(seconds)),
    }
}

/// The same, as a moment whose tooltip is the exact value.
pub(in crate::dashboard) fn only_age(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let exact = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    html! { time datetime=(exact) title=(exact) data-age="" { (age(at, now)) } }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_moment_is_exact_for_programs_and_short_for_people() {
        let at = DateTime::from_timestamp(1_796_000_000, 5_000_000).unwrap();
        let shown = moment(at).into_string();
        assert!(shown.contains("datetime=\"2026-11-30T00:53:20.005Z\""), "{shown}");
        assert!(shown.contains(">2026-11-30 00:53:20 UTC<"), "{shown}");
        let ages = [-90, 0, 5, 90_000].map(|seconds| age(at, at + TimeDelta::seconds(seconds)));
        assert_eq!(ages, ["in 2 min", "now", "5.0 s ago", "25 h ago"]);
    }
}
