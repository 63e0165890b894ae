//! How many jobs to claim ahead: as many as would start within a few tens of milliseconds at the measured rate.
//! Slow jobs are never claimed ahead; fast jobs are claimed by the thousand.

use std::time::{Duration, Instant};

// Two claims of a few milliseconds fit into it, so that the next batch arrives before the last one is done.
const HORIZON: Duration = Duration::from_millis(40);
// A shorter window would measure the batches of the workers, not their rate.
const MIN_WINDOW: Duration = Duration::from_millis(5);
const MAX_PREFETCH: usize = 4_000;

/// The measured rate of finished jobs.
#[derive(Debug)]
pub(super) struct ThroughputEstimate {
    window_start: Instant,
    finished: usize,
    per_second: f64,
}

impl ThroughputEstimate {
    pub(super) fn new(now: Instant) -> Self {
        Self { window_start: now, finished: 0, per_second: 0.0 }
    }

    /// Records finished jobs. The rate is the mean of the old rate and that of the last window.
    pub(super) fn record(&mut self, now: Instant, finished: usize) {
        self.finished += finished;
        let window = now.saturating_duration_since(self.window_start);
        if window >= MIN_WINDOW {
            let latest = self.finished as f64 / window.as_secs_f64();
            self.per_second = (self.per_second + latest) / 2.0;
            self.window_start = now;
            self.finished = 0;
        }
    }

    /// Forgets the rate: jobs that were claimed ahead did not start in time.
    pub(super) fn reset(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// How many jobs to hold besides those that run.
    pub(super) fn prefetch_size(&self) -> usize {
        ((self.per_second * HORIZON.as_secs_f64()) as usize).min(MAX_PREFETCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_jobs_are_never_claimed_ahead_and_fast_ones_by_the_hundred() {
        let start = Instant::now();
        let mut slow = ThroughputEstimate::new(start);
        (1..=6).for_each(|n| slow.record(start + Duration::from_secs(10 * n), 10));
        assert_eq!(slow.prefetch_size(), 0);
        let mut fast = ThroughputEstimate::new(start);
        (1..=10).for_each(|n| fast.record(start + Duration::from_millis(10 * n), 200));
        assert!((700..=800).contains(&fast.prefetch_size()), "{}", fast.prefetch_size());
        fast.reset(start);
        assert_eq!(fast.prefetch_size(), 0);
    }
}
