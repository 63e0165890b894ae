//! The arithmetic of what is printed, as the bench `load` does it. Measures nothing.

use std::time::Duration;

use serde::Serialize;

/// As many jobs a call as the bench `load` sends.
pub(crate) const BULK: usize = 5_000;

#[derive(Serialize)]
pub(crate) struct Throughput {
    pub(crate) jobs: usize,
    pub(crate) insert_per_second: u64,
    pub(crate) per_second: u64,
}

#[derive(Serialize)]
pub(crate) struct Latency {
    jobs: usize,
    min_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Latency {
    pub(crate) fn of(mut samples: Vec<Duration>) -> Self {
        samples.sort();
        let at = |percent: usize| {
            let place = (samples.len() * percent).div_ceil(100).max(1) - 1;
            samples.get(place).map_or(0.0, |sample| sample.as_secs_f64() * 1e3)
        };
        Self { jobs: samples.len(), min_ms: at(0), p50_ms: at(50), p99_ms: at(99), max_ms: at(100) }
    }
}

pub(crate) fn rate(jobs: usize, took: Duration) -> u64 {
    (jobs as f64 / took.as_secs_f64()).round() as u64
}

/// The sizes of the calls that so many jobs take.
pub(crate) fn batches(jobs: usize, size: usize) -> impl Iterator<Item = usize> {
    (0..jobs).step_by(size.max(1)).map(move |sent| size.min(jobs - sent))
}
