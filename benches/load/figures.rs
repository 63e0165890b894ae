//! What the modes find out, and how it is printed. Measures nothing.

use std::time::Duration;

use serde::Serialize;

use crate::arguments::Mode;

pub(crate) fn print_line(mode: Mode, jobs: usize, figures: impl Serialize) -> serde_json::Result<()> {
    let line = Line { mode: mode.name(), jobs, history: false, figures };
    println!("{}", serde_json::to_string(&line)?);
    Ok(())
}

#[derive(Serialize)]
struct Line<Figures> {
    mode: &'static str,
    jobs: usize,
    history: bool,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Serialize)]
pub(crate) struct Throughput {
    pub(crate) insert_per_second: u64,
    pub(crate) per_second: u64,
}

#[derive(Serialize)]
pub(crate) struct Latency {
    min_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Latency {
    pub(crate) fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort();
        // The smallest sample that so many of a hundred do not exceed.
        let at = |percent: usize| milliseconds(samples[(samples.len() * percent).div_ceil(100).max(1) - 1]);
        Self { min_ms: at(0), p50_ms: at(50), p99_ms: at(99), max_ms: at(100) }
    }
}

#[derive(Serialize)]
pub(crate) struct Enqueueing {
    pub(crate) senders: usize,
    pub(crate) per_second: u64,
}

pub(crate) fn rate(jobs: usize, took: Duration) -> u64 {
    (jobs as f64 / took.as_secs_f64()).round() as u64
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
