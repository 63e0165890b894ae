//! `stats`: what jobs did in a span of time, by task and by queue.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use mainspring::stats::{self, Counts, Histogram, Kind, Stats};
use serde::{Deserialize, Serialize};

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output;
use crate::source::{Query, Source};
use crate::times::span;

pub(crate) const EXAMPLES: &str = "\
Examples:
  mainspring stats
  mainspring stats --since 24h --task mail.send
  mainspring stats --since 5m --json | jq '.[] | select(.dead > 0)'";

#[derive(Debug, Args)]
pub(crate) struct StatsArguments {
    /// How far to look back, such as 10m, 6h or 7d. Beyond two days, whole hours count.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = span)]
    since: Duration,
    /// Only this task.
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
    #[command(flatten)]
    listing: ListingOptions,
}

/// What jobs did, as `Stats` shows itself, and as the API has it.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    kind: Kind,
    name: String,
    #[serde(flatten)]
    counts: Counts,
    wait: Quantiles,
    run: Quantiles,
}

#[derive(Debug, Serialize, Deserialize)]
struct Quantiles {
    count: u64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

impl From<Stats> for Line {
    fn from(stats: Stats) -> Self {
        let Stats { kind, name, counts, wait, run, .. } = stats;
        Self { kind, name, counts, wait: (&wait).into(), run: (&run).into() }
    }
}

impl From<&Histogram> for Quantiles {
    fn from(histogram: &Histogram) -> Self {
        let of = |quantile| histogram.quantile(quantile).map(millis);
        Self { count: histogram.count(), p50_ms: of(0.5), p95_ms: of(0.95), p99_ms: of(0.99) }
    }
}

pub(crate) fn show(
    source: &mut Source,
    arguments: &StatsArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let query = Query::new("stats").with("since_seconds", Some(arguments.since.as_secs()));
    let query = query.with("task", arguments.task.as_ref());
    let mut found: Vec<Line> = source
        .read(query, |conn| Ok(stats::since(conn, arguments.since)?.into_iter().map(Line::from).collect()))?;
    if let Some(task) = &arguments.task {
        found.retain(|line| line.kind == Kind::Task && line.name == *task);
    }
    if arguments.listing.json {
        return output::json(out, &found);
    }
    let headings = [
        "OF",
        "NAME",
        "STARTED",
        "SUCCEEDED",
        "FAILED",
        "DEAD",
        "WAIT P50",
        "WAIT P99",
        "RUN P50",
        "RUN P99",
    ];
    output::table(out, headings, found.iter().map(cells).collect())
}

fn cells(line: &Line) -> [String; 10] {
    let kind = match line.kind {
        Kind::Task => "task",
        Kind::Queue => "queue",
    };
    let name = if line.name == Stats::OTHERS { "all others" } else { &line.name };
    let counts = &line.counts;
    let shown = |millis: Option<f64>| millis.map(in_words).unwrap_or_default();
    [
        kind.to_owned(),
        name.to_owned(),
        counts.started.to_string(),
        counts.succeeded.to_string(),
        counts.failed.to_string(),
        counts.dead.to_string(),
        shown(line.wait.p50_ms),
        shown(line.wait.p99_ms),
        shown(line.run.p50_ms),
        shown(line.run.p99_ms),
    ]
}

pub(crate) fn duration(histogram: &Histogram, quantile: f64) -> String {
    histogram.quantile(quantile).map(millis).map(in_words).unwrap_or_default()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

// Two digits: the bins of a histogram have no more.
fn in_words(millis: f64) -> String {
    match millis {
        ..10.0 => format!("{millis:.2} ms"),
        ..1_000.0 => format!("{millis:.0} ms"),
        ..600_000.0 => format!("{:.1} s", millis / 1_000.0),
        _ => format!("{:.0} min", millis / 60_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_people_read() {
        let shown = |millis: f64| {
            let mut histogram = Histogram::default();
            histogram.record(Duration::from_secs_f64(millis / 1_000.0));
            duration(&histogram, 0.5)
        };
        assert!(shown(1.0).ends_with(" ms") && shown(50.0).ends_with(" ms"));
        assert!(shown(5_000.0).ends_with(" s") && shown(3_600_000.0).ends_with(" min"));
        assert_eq!(duration(&Histogram::default(), 0.5), "");
    }
}
