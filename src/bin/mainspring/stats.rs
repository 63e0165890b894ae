//! `stats`: what jobs did in a span of time, by task and by queue.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use mainspring::Session;
use mainspring::stats::{self, Histogram, Kind, Stats};

use crate::arguments::ListingOptions;
use crate::database::read;
use crate::failure::Failure;
use crate::output;
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

pub(crate) fn show(
    conn: &mut Session<'_>,
    arguments: &StatsArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut found = read(conn, |conn| stats::since(conn, arguments.since))?;
    if let Some(task) = &arguments.task {
        found.retain(|stats| stats.kind == Kind::Task && stats.name == *task);
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

fn cells(stats: &Stats) -> [String; 10] {
    let kind = match stats.kind {
        Kind::Task => "task",
        Kind::Queue => "queue",
    };
    let name = if stats.name == Stats::OTHERS { "all others" } else { &stats.name };
    let counts = &stats.counts;
    [
        kind.to_owned(),
        name.to_owned(),
        counts.started.to_string(),
        counts.succeeded.to_string(),
        counts.failed.to_string(),
        counts.dead.to_string(),
        duration(&stats.wait, 0.5),
        duration(&stats.wait, 0.99),
        duration(&stats.run, 0.5),
        duration(&stats.run, 0.99),
    ]
}

// Two digits: the bins of a histogram have no more.
pub(crate) fn duration(histogram: &Histogram, quantile: f64) -> String {
    let Some(duration) = histogram.quantile(quantile) else { return String::new() };
    let millis = duration.as_secs_f64() * 1_000.0;
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
