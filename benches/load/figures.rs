//! How what the modes find out is printed, and the arithmetic of it. Measures nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::arguments::Mode;

/// One JSON object, on a line of its own.
pub(crate) fn print_line(mode: Mode, figures: impl Serialize) -> serde_json::Result<()> {
    let line = Line { mode: mode.name(), figures };
    println!("{}", serde_json::to_string(&line)?);
    Ok(())
}

#[derive(Serialize)]
struct Line<Figures> {
    mode: &'static str,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Serialize)]
pub(crate) struct Latency {
    jobs: usize,
    min_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    /// Pairs of an upper bound in milliseconds and how many lie below it and not below the one before.
    histogram: Vec<(f64, usize)>,
}

impl Latency {
    pub(crate) fn p50_ms(&self) -> f64 {
        self.p50_ms
    }

    pub(crate) fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort();
        let at = |percent| percentile(&samples, percent);
        let histogram = histogram(&samples);
        Self {
            jobs: samples.len(),
            min_ms: at(0),
            p50_ms: at(50),
            p99_ms: at(99),
            max_ms: at(100),
            histogram,
        }
    }
}

// Each bound is a fifth above the one before, and those between the first and the last are there though they are empty.
fn histogram(samples: &[Duration]) -> Vec<(f64, usize)> {
    let mut counts = BTreeMap::new();
    for sample in samples {
        let step = (sample.as_secs_f64() * 1e3).max(1e-3).log(1.2).floor() as i32;
        *counts.entry(step).or_insert(0) += 1;
    }
    let (first, last) = (counts.keys().next().copied(), counts.keys().next_back().copied());
    let steps = first.zip(last).into_iter().flat_map(|(first, last)| first..=last);
    let bound = |step: i32| (1.2_f64.powi(step + 1) * 1e3).round() / 1e3;
    steps.map(|step| (bound(step), counts.get(&step).copied().unwrap_or_default())).collect()
}

/// The smallest of the sorted samples that so many of a hundred do not exceed, in milliseconds; 0 of none.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(at).copied().map_or(0.0, milliseconds)
}

pub(crate) fn rate(jobs: usize, took: Duration) -> u64 {
    (jobs as f64 / took.as_secs_f64()).round() as u64
}

/// The one in the middle; 0 of none.
pub(crate) fn median(mut rates: Vec<u64>) -> u64 {
    rates.sort_unstable();
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

pub(crate) fn megabytes(bytes: i64) -> f64 {
    rounded(bytes as f64 / (1 << 20) as f64)
}

/// To two places.
pub(crate) fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
