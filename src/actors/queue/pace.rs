//! How far ahead to claim: only what would start within a few tens of milliseconds at the rate at which jobs have
//! lately been done. Jobs that take long are never claimed ahead; jobs that take no time come by the thousand.

use std::time::{Duration, Instant};

// Two claims of a few milliseconds fit in here, so that the next batch arrives before the last is done.
const HORIZON: Duration = Duration::from_millis(40);
const SHORTEST_WINDOW: Duration = Duration::from_millis(5);
const MOST_AHEAD: usize = 4_000;

/// The measured rate of completions.
pub(super) struct Pace {
    window_start: Instant,
    done: usize,
    per_second: f64,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { window_start: now, done: 0, per_second: 0.0 }
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

    /// Jobs claimed ahead were not started in time: begin again from nothing.
    pub(super) fn reset(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// How many jobs to hold beyond those that run.
    pub(super) fn ahead(&self) -> usize {
        ((self.per_second * HORIZON.as_secs_f64()) as usize).min(MOST_AHEAD)
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
}
