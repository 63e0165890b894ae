//! Decides whether a worker thread is blocked. It is asked for a sign of life, and samples of its board show whether it
//! makes progress. Knows no thread and no clock.

use std::time::{Duration, Instant};

/// A thread that makes no progress for so long is blocked.
pub(crate) const BLOCKED_AFTER: Duration = Duration::from_millis(250);

/// What another thread reads at one moment. A thread whose turns and whose stretch stay the same makes no progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(super) turns: u64,
    pub(super) stretch: i64,
}

impl Sample {
    /// The id of the job whose code the thread executes.
    pub(crate) fn executing(self) -> Option<i64> {
        (self.stretch > 0).then_some(self.stretch)
    }
}

/// One thread under watch.
#[derive(Debug, Default)]
pub(crate) struct ThreadWatch(State);

#[derive(Debug, Clone, Copy, Default)]
enum State {
    /// No answer is awaited.
    #[default]
    Resting,
    /// It was asked, and has done nothing since then.
    Asked {
        sample: Sample,
        since: Instant,
        still: Duration,
    },
    Blocked {
        sample: Sample,
        since: Instant,
    },
}

/// What a sample shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    /// It is blocked, since then.
    Blocked(Instant),
    /// It goes on, after so long.
    Freed(Duration),
}

impl ThreadWatch {
    /// Nothing is expected of the thread. A blocked one stays blocked.
    pub(crate) fn rest(&mut self) {
        if !self.is_blocked() {
            self.0 = State::Resting;
        }
    }

    /// Reads a sample. The thread is asked again after each. `passed` is the time since the last sample, or less where the
    /// whole process may have stood still.
    pub(crate) fn observe(&mut self, sample: Sample, passed: Duration, now: Instant) -> Change {
        let asked = State::Asked { sample, since: now, still: Duration::ZERO };
        match self.0 {
            State::Asked { sample: before, since, still } if before == sample => {
                let still = still + passed;
                if still < BLOCKED_AFTER {
                    self.0 = State::Asked { sample, since, still };
                    return Change::None;
                }
                self.0 = State::Blocked { sample, since };
                Change::Blocked(since)
            }
            State::Resting | State::Asked { .. } => {
                self.0 = asked;
                Change::None
            }
            State::Blocked { sample: before, .. } if before == sample => Change::None,
            State::Blocked { since, .. } => {
                self.0 = asked;
                Change::Freed(now.saturating_duration_since(since))
            }
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        matches!(self.0, State::Blocked { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::super::WorkerBoard;
    use super::*;

    const TICK: Duration = Duration::from_millis(50);

    #[test]
    fn a_thread_without_progress_is_blocked_once_until_it_goes_on() {
        let (board, began) = (WorkerBoard::default(), Instant::now());
        let mut watch = ThreadWatch::default();
        let stretch = board.execute(7);
        let mut observe = |tick: u32| watch.observe(board.sample(), TICK, began + TICK * tick);
        assert!((0..5).all(|tick| observe(tick) == Change::None));
        assert_eq!([observe(5), observe(6)], [Change::Blocked(began), Change::None]);
        drop(stretch);
        assert_eq!([observe(7), observe(8)], [Change::Freed(TICK * 7), Change::None]);
        // It answers no longer, and executes no attempt.
        assert!((9..12).all(|tick| observe(tick) == Change::None));
        assert_eq!(observe(12), Change::Blocked(began + TICK * 7));
        board.take_turn();
        assert_eq!(observe(13), Change::Freed(TICK * 6));
    }

    #[test]
    fn a_thread_that_answers_or_polls_is_never_blocked() {
        let (board, now) = (WorkerBoard::default(), Instant::now());
        let mut watch = ThreadWatch::default();
        for _ in 0..20 {
            board.take_turn();
            assert_eq!(watch.observe(board.sample(), BLOCKED_AFTER, now), Change::None);
        }
        for _ in 0..20 {
            drop(board.execute(7));
            assert_eq!(watch.observe(board.sample(), BLOCKED_AFTER, now), Change::None);
        }
        watch.rest();
        assert_eq!(watch.observe(board.sample(), BLOCKED_AFTER, now), Change::None);
    }
}
