//! A line for each look, as `name=value` pairs: for pipes and files.

use std::io::Write;
use std::time::Duration;

use chrono::SecondsFormat;
use mainspring::stats::Histogram;

use super::Source;
use super::reading::Reading;
use crate::failure::Failure;

/// Prints a line at once and one in each interval, until the reader goes. An error after the first line is printed once.
pub(super) fn follow(source: &mut Source, every: Duration, out: &mut impl Write) -> Result<(), Failure> {
    let mut found = Ok(source.read()?);
    loop {
        if let Ok(reading) = &found {
            writeln!(out, "{}", line(reading))?;
            out.flush()?;
        }
        std::thread::sleep(every);
        found = match (source.read(), found) {
            (Err(failure), Ok(_)) => {
                eprintln!("mainspring: {}; trying again", failure.in_one_line());
                Err(())
            }
            (next, _) => next.map_err(drop),
        };
    }
}

fn line(reading: &Reading) -> String {
    let Reading { at, status, all, .. } = reading;
    let lost = status.workers.iter().filter(|worker| worker.lost).count();
    let pairs = [
        ("at", at.to_rfc3339_opts(SecondsFormat::Secs, true)),
        ("workers", (status.workers.len() - lost).to_string()),
        ("lost_workers", lost.to_string()),
        ("waiting", status.jobs.waiting.to_string()),
        ("scheduled", status.jobs.scheduled.to_string()),
        ("parked", status.jobs.parked.to_string()),
        ("ready", status.jobs.ready.to_string()),
        ("running", status.jobs.running.to_string()),
        ("held", status.jobs.held.to_string()),
        ("dead", status.jobs.dead.to_string()),
        ("oldest_ready_s", format!("{:.1}", status.oldest_ready_age_seconds.unwrap_or_default())),
        ("started_per_s", format!("{:.2}", all.rate.started)),
        ("succeeded_per_s", format!("{:.2}", all.rate.succeeded)),
        ("failed_per_s", format!("{:.2}", all.rate.failed)),
        ("dead_per_s", format!("{:.2}", all.rate.dead)),
        ("wait_p50_ms", millis(&all.wait, 0.5)),
        ("wait_p99_ms", millis(&all.wait, 0.99)),
        ("run_p50_ms", millis(&all.run, 0.5)),
        ("run_p99_ms", millis(&all.run, 0.99)),
    ];
    pairs.map(|(name, value)| format!("{name}={value}")).join(" ")
}

fn millis(histogram: &Histogram, quantile: f64) -> String {
    let duration = histogram.quantile(quantile);
    duration.map_or_else(|| "-".to_owned(), |duration| format!("{:.3}", duration.as_secs_f64() * 1_000.0))
}
