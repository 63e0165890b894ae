//! How far ahead to claim: only what would start within a few tens of milliseconds at the rate at which jobs have
//! lately been done, and no more than a few megabytes of their payloads. Jobs that take long are never claimed ahead;
//! jobs that take no time come by the thousand, unless they are large.

use std::time::{Duration, Instant};

// Two claims of a few milliseconds fit in here, so that the next batch arrives before the last is done.
const HORIZON: Duration = Duration::from_millis(40);
const SHORTEST_WINDOW: Duration = Duration::from_millis(5);
const MOST_AHEAD: usize = 4_000;
// What 4,000 jobs of 4 KiB hold; a thousand jobs of 1 MiB would hold as many megabytes.
const MOST_BYTES_AHEAD: usize = 16 * 1024 * 1024;

/// The measured rate of completions, and how large the jobs are that come.
pub(super) struct Pace {
    window_start: Instant,
    done: usize,
    per_second: f64,
    bytes_a_job: usize,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { window_start: now, done: 0, per_second: 0.0, bytes_a_job: 0 }
    }

    /// Jobs were done; the window closes when it is long enough to say something.
    pub(super) fn record(&mut self, now: Instant, done: usize) {
        self.done += done;
        let window = now.saturating_duration_since(self.window_start);
        if window >= SHORTEST_WINDOW {
            let latest = self.done as f64 / window.as_secs_f64();
            self.per_second = (self.per_second + latest) / 2.0;
            self.window_start = now;
            self.done = 0;
        }
    }

    /// Jobs were claimed, with so many bytes of payload. Large jobs count at once and are forgotten slowly, since one
    /// claim of too many costs memory and one of too few only a round trip.
    pub(super) fn record_size(&mut self, jobs: usize, bytes: usize) {
        let Some(latest) = bytes.checked_div(jobs) else { return };
        self.bytes_a_job = latest.max((self.bytes_a_job * 7 + latest) / 8);
    }

    /// Jobs claimed ahead were not started in time: begin again from nothing, but for their size.
    pub(super) fn reset(&mut self, now: Instant) {
        *self = Self { bytes_a_job: self.bytes_a_job, ..Self::new(now) };
    }

    /// How many jobs to hold beyond those that run.
    pub(super) fn ahead(&self) -> usize {
        let bytes_bound = MOST_BYTES_AHEAD / self.bytes_a_job.max(1);
        ((self.per_second * HORIZON.as_secs_f64()) as usize).min(MOST_AHEAD).min(bytes_bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_second_jobs_are_never_claimed_ahead_and_quick_ones_by_the_hundred() {
        let start = Instant::now();
        let mut slow = Pace::new(start);
        (1..=6).for_each(|n| slow.record(start + Duration::from_secs(10 * n), 10));
        assert_eq!(slow.ahead(), 0);
        let mut quick = Pace::new(start);
        (1..=10).for_each(|n| quick.record(start + Duration::from_millis(10 * n), 200));
        assert!((700..=800).contains(&quick.ahead()), "{}", quick.ahead());
        quick.reset(start);
        assert_eq!(quick.ahead(), 0);
    }
    #[test]
    fn large_jobs_are_claimed_ahead_by_the_megabyte_and_small_ones_after_them_by_the_thousand_again() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        (1..=20).for_each(|n| pace.record(start + Duration::from_millis(10 * n), 1_000));
        pace.record_size(1_000, 200_000);
        assert!(pace.ahead() > 3_000, "{}", pace.ahead());
        pace.record_size(10, 10 << 20);
        assert_eq!(pace.ahead(), 16);
        pace.record_size(0, 0);
        assert_eq!(pace.ahead(), 16);
        (0..60).for_each(|_| pace.record_size(1_000, 200_000));
        assert!(pace.ahead() > 3_000, "{}", pace.ahead());
    }
}
