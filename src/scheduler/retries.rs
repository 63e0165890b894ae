//! When a start tries again, and when it gives up. Decides by the time alone.

use std::time::{Duration, Instant};

use crate::config::StartPolicy;

const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The time table of one start.
#[derive(Debug)]
pub(super) struct Retries {
    /// None tries for ever.
    ends_at: Option<Instant>,
    pause: Duration,
}

impl Retries {
    pub(super) fn new(began: Instant, policy: StartPolicy) -> Self {
        let ends_at = match policy {
            StartPolicy::FailAtOnce => Some(began),
            StartPolicy::WaitFor(patience) => began.checked_add(patience),
        };
        Self { ends_at, pause: SHORTEST_PAUSE }
    }

    /// The pause before the next try. The last one begins when the time is over. `None` gives up.
    pub(super) fn next(&mut self, now: Instant) -> Option<Duration> {
        let pause = match self.left(now) {
            Some(Duration::ZERO) => return None,
            Some(left) => self.pause.min(left),
            None => self.pause,
        };
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Some(pause)
    }

    /// The time that is left; `None` where it has no end.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        self.ends_at.map(|end| end.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the tries begin that take so long each, in milliseconds after the start.
    fn tries(policy: StartPolicy, each: u64) -> Vec<u128> {
        let began = Instant::now();
        let mut retries = Retries::new(began, policy);
        let mut now = began;
        let mut tries = vec![0];
        while let Some(pause) = retries.next(now + Duration::from_millis(each)) {
            now += Duration::from_millis(each) + pause;
            tries.push((now - began).as_millis());
            if tries.len() == 20 {
                break;
            }
        }
        tries
    }

    #[test]
    fn the_last_try_begins_when_the_time_is_over() {
        let five = StartPolicy::WaitFor(Duration::from_secs(5));
        assert_eq!(tries(five, 0), [0, 200, 600, 1_400, 3_000, 5_000]);
        assert_eq!(tries(five, 1_000), [0, 1_200, 2_600, 4_400]);
    }

    #[test]
    fn a_try_that_outlasts_the_time_is_the_last() {
        assert_eq!(tries(StartPolicy::WaitFor(Duration::from_secs(3)), 3_000), [0]);
        assert_eq!(tries(StartPolicy::FailAtOnce, 0), [0]);
        assert_eq!(tries(StartPolicy::WaitFor(Duration::ZERO), 0), [0]);
    }

    #[test]
    fn the_pauses_grow_to_five_seconds_and_may_have_no_end() {
        let endless = tries(StartPolicy::WaitFor(Duration::MAX), 0);
        assert_eq!((endless.len(), endless[19] - endless[18]), (20, 5_000));
    }
}
