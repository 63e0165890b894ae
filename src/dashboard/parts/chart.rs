//! Charts of the last hour, drawn by the server: bars of what ended, and lines of how long jobs waited and ran. A minute is one unit
//! wide. Axes and legends are text beside the picture, so that it may stretch. The numbers are in a table below.

use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use maud::{Markup, html};

use super::number::{count, quantile};
use crate::dashboard::activity::{Activity, LastHour};
use crate::histogram::Histogram;
use crate::store::stats::Counts;

pub(super) const MINUTES: usize = 60;
const HEIGHT: f64 = 100.0;

type CountOf = fn(&Counts) -> u64;

/// What a bar is made of, from the bottom up: class, name and count.
const OUTCOMES: [(&str, &str, CountOf); 4] = [
    ("succeeded", "succeeded", |counts| counts.succeeded),
    ("retried", "failed, tried again", |counts| counts.failed),
    ("dead", "dead", |counts| counts.dead),
    ("cancelled", "cancelled", |counts| counts.cancelled),
];

const QUANTILES: [(&str, &str, f64); 3] = [("p50", "p50", 0.5), ("p95", "p95", 0.95), ("p99", "p99", 0.99)];

/// The last hour, with a place for each minute.
pub(in crate::dashboard) struct Hour<'a> {
    begins_at: DateTime<Utc>,
    minutes: Vec<Minute<'a>>,
}

/// One minute in which something was counted.
#[derive(Clone, Copy)]
struct Minute<'a> {
    place: usize,
    begins_at: DateTime<Utc>,
    done: &'a Activity,
}

impl<'a> Hour<'a> {
    /// `now` is in its last minute.
    pub(in crate::dashboard) fn new(found: &'a LastHour, now: DateTime<Utc>) -> Self {
        let minutes = found
            .minutes
            .iter()
            .filter_map(|(at, done)| Some(Minute { place: place(*at, now)?, begins_at: *at, done }));
        Self { begins_at: first_minute(now), minutes: minutes.collect() }
    }
}

/// The beginning of the first of the minutes whose last one has `now` in it.
fn first_minute(now: DateTime<Utc>) -> DateTime<Utc> {
    let this = now.with_second(0).and_then(|now| now.with_nanosecond(0)).unwrap_or(now);
    this - TimeDelta::minutes(MINUTES as i64 - 1)
}

/// Which of these minutes begins then, counted from 0.
pub(super) fn place(at: DateTime<Utc>, now: DateTime<Utc>) -> Option<usize> {
    usize::try_from((at - first_minute(now)).num_minutes()).ok().filter(|place| *place < MINUTES)
}

/// How many attempts ended in each minute, by outcome.
pub(in crate::dashboard) fn throughput(hour: &Hour<'_>) -> Markup {
    let total = |minute: &Minute<'_>| OUTCOMES.iter().map(|(_, _, of)| of(&minute.done.counts)).sum::<u64>();
    let most = nice(hour.minutes.iter().map(total).max().unwrap_or(0));
    let scale = HEIGHT / most as f64;
    let axis = [count(most), count(most / 2), "0".to_owned()];
    let picture = html! {
        @for minute in &hour.minutes {
            g {
                title { (sentence(minute)) }
                rect.hover x=(minute.place) y="0" width="1" height=(HEIGHT) {}
                @for (class, y, height) in stack(&minute.done.counts, scale) {
                    rect class=(class) x=(number(minute.place as f64 + 0.1)) y=(number(y)) width="0.8" height=(number(height)) {}
                }
            }
        }
    };
    let legend = OUTCOMES.map(|(class, name, of)| {
        let all: u64 = hour.minutes.iter().map(|minute| of(&minute.done.counts)).sum();
        (class, format!("{name} {}", count(all)))
    });
    figure("Attempts ended a minute", &legend, &axis, hour, &picture)
}

/// A quantile of each minute as a line, on a scale of powers of ten.
pub(in crate::dashboard) fn durations(
    title: &str,
    hour: &Hour<'_>,
    of: fn(&Activity) -> &Histogram,
) -> Markup {
    let series = QUANTILES.map(|(class, name, share)| {
        let points = hour.minutes.iter().map(|minute| (minute.place, of(minute.done).quantile(share)));
        let points: Vec<(usize, Duration)> =
            points.filter_map(|(place, found)| Some((place, found?))).collect();
        (class, name, points)
    });
    let all: Vec<f64> =
        series.iter().flat_map(|(_, _, points)| points).map(|(_, found)| found.as_secs_f64()).collect();
    let (low, high) = decades(&all);
    let height = |found: f64| HEIGHT * (1.0 - (found.max(1e-9).log10() - low) / (high - low));
    let axis = [high, (low + high) / 2.0, low].map(power_of_ten);
    let picture = html! {
        @for (class, _, points) in &series {
            path class=(class) d=(steps(points, height)) {}
        }
        @for minute in hour.minutes.iter().filter(|minute| of(minute.done).count() > 0) {
            rect.hover x=(minute.place) y="0" width="1" height=(HEIGHT) {
                title { (clock(minute)) ": " (quantiles(of(minute.done))) }
            }
        }
    };
    let mut whole = Histogram::default();
    hour.minutes.iter().for_each(|minute| whole.merge(of(minute.done)));
    let legend = QUANTILES.map(|(class, name, share)| {
        (class, format!("{name} {}", quantile(&whole, share).unwrap_or_else(|| "–".to_owned())))
    });
    figure(title, &legend, &axis, hour, &picture)
}

/// The numbers of the charts.
pub(in crate::dashboard) fn table(hour: &Hour<'_>) -> Markup {
    html! {
        details {
            summary { "The same as a table" }
            div.scroll tabindex="0" role="region" aria-label="Numbers of each minute" {
                table {
                    thead { tr {
                        th scope="col" { "Minute" }
                        @for (_, name, _) in OUTCOMES { th.number scope="col" { (name) } }
                        th scope="col" { "Wait" } th scope="col" { "Run" }
                    } }
                    tbody {
                        @for minute in &hour.minutes {
                            tr {
                                td { (super::time::moment(minute.begins_at)) }
                                @for (_, _, of) in OUTCOMES { td.number { (count(of(&minute.done.counts))) } }
                                td { (quantiles(&minute.done.wait)) } td { (quantiles(&minute.done.run)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn figure(
    title: &str,
    legend: &[(&str, String)],
    axis: &[String],
    hour: &Hour<'_>,
    picture: &Markup,
) -> Markup {
    html! {
        figure.chart {
            figcaption {
                strong { (title) }
                ul.legend { @for (class, text) in legend { li { span class=(format!("key {class}")) {} (text) } } }
            }
            div.plot {
                div.axis aria-hidden="true" { @for label in axis { span { (label) } } }
                svg viewBox=(format!("0 0 {MINUTES} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(title) {
                    path.grid d=(format!("M0 0H{MINUTES}M0 50H{MINUTES}M0 {HEIGHT}H{MINUTES}")) {}
                    (picture)
                }
            }
            div.hours aria-hidden="true" { span { (super::time::moment(hour.begins_at)) } span { "now" } }
        }
    }
}

fn stack(counts: &Counts, scale: f64) -> Vec<(&'static str, f64, f64)> {
    let mut top = HEIGHT;
    let mut parts = Vec::new();
    for (class, _, of) in OUTCOMES {
        let height = of(counts) as f64 * scale;
        if height > 0.0 {
            top -= height;
            parts.push((class, top, height));
        }
    }
    parts
}

// A step for each minute, so that one minute alone is seen too.
fn steps(points: &[(usize, Duration)], height: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    let mut end = None;
    for (place, found) in points {
        let y = number(height(found.as_secs_f64()));
        // Writing to a text cannot fail.
        let _ = match end == Some(*place) {
            true => write!(path, "V{y}H{}", place + 1),
            false => write!(path, "M{place} {y}H{}", place + 1),
        };
        end = Some(place + 1);
    }
    path
}

fn sentence(minute: &Minute<'_>) -> String {
    let parts = OUTCOMES.map(|(_, name, of)| (name, of(&minute.done.counts)));
    let parts: Vec<_> = parts.iter().filter(|(_, number)| *number > 0).collect();
    let parts = parts.iter().map(|(name, number)| format!("{} {name}", count(*number))).collect::<Vec<_>>();
    format!("{}: {}", clock(minute), if parts.is_empty() { "none".to_owned() } else { parts.join(", ") })
}

fn clock(minute: &Minute<'_>) -> String {
    minute.begins_at.format("%H:%M UTC").to_string()
}

fn quantiles(histogram: &Histogram) -> String {
    let shown = QUANTILES.iter().filter_map(|(_, name, share)| Some((name, quantile(histogram, *share)?)));
    shown.map(|(name, found)| format!("{name} {found}")).collect::<Vec<_>>().join(", ")
}

// The next of 2, 4, 10, 20, 40, 100 and so on: half of it is whole.
fn nice(most: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        if let Some(found) = [2, 4, 10].map(|factor| factor * step).into_iter().find(|nice| *nice >= most) {
            return found;
        }
        step = step.saturating_mul(10);
    }
}

// An even number of powers of ten around the values, so that the middle is one too.
fn decades(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min).max(1e-9).log10().floor();
    let high = values.iter().copied().fold(0.0, f64::max).max(1e-9).log10().ceil();
    if values.is_empty() {
        return (-3.0, 1.0);
    }
    let wide = (high - low).max(2.0);
    (low, low + wide + wide % 2.0)
}

// In seconds.
fn power_of_ten(power: f64) -> String {
    let (factor, unit) = match power {
        ..-3.5 => (1e6, "µs"),
        ..-0.5 => (1e3, "ms"),
        _ => (1.0, "s"),
    };
    format!("{:.0} {unit}", 10_f64.powf(power) * factor)
}

fn number(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_ends_with_a_middle() {
        assert_eq!([0, 1, 3, 5, 11, 250, 5_000].map(nice), [2, 2, 4, 10, 20, 400, 10_000]);
        assert_eq!(decades(&[]), (-3.0, 1.0));
        assert_eq!(decades(&[0.004, 0.02]), (-3.0, -1.0));
        assert_eq!(decades(&[0.004, 2.0]), (-3.0, 1.0));
        assert_eq!(decades(&[0.0]), (-9.0, -7.0));
        assert_eq!(
            [-5.0, -3.0, -1.0, 0.0, 2.0].map(power_of_ten),
            ["10 µs", "1 ms", "100 ms", "1 s", "100 s"]
        );
    }

    #[test]
    fn parts_of_a_bar_lie_on_each_other() {
        let mut counts = Counts::default();
        (counts.succeeded, counts.dead) = (3, 1);
        assert_eq!(stack(&counts, 10.0), [("succeeded", 70.0, 30.0), ("dead", 60.0, 10.0)]);
    }

    #[test]
    fn a_line_breaks_where_a_minute_is_missing() {
        let second = Duration::from_secs(1);
        let path = steps(&[(3, second), (4, second * 2), (9, second)], |seconds| seconds);
        assert_eq!(path, "M3 1.00H4V2.00H5M9 1.00H10");
    }
}
