//! Plans when the endings of jobs are carried over to those that wait for them.

use std::time::{Duration, Instant};

use super::outage::{Failure, Outage, PAUSE_AFTER_ERROR};
use crate::store::waits::EventsLeft;

// A transaction that holds the row of a job that waits ends at any time, without a notification.
const RETRY_HELD: Duration = Duration::from_secs(1);

/// When to handle what has happened to parents.
#[derive(Debug, Default)]
pub(super) struct ReleasePlanner {
    state: State,
    outage: Outage,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nothing is known to have happened.
    #[default]
    Idle,
    Requested,
    Running,
    /// More has happened since the step began.
    RunningAndRequested,
    /// What is left concerns rows that are held.
    Resting(Instant),
}

impl ReleasePlanner {
    /// Something has happened that jobs may wait for.
    pub(super) fn request(&mut self) {
        self.state = match self.state {
            State::Running | State::RunningAndRequested => State::RunningAndRequested,
            State::Idle | State::Requested | State::Resting(_) => State::Requested,
        };
    }

    /// Returns `true` if it is to be handled now.
    pub(super) fn next(&mut self, now: Instant) -> bool {
        let is_due = match self.state {
            State::Requested => !self.outage.blocks(now),
            State::Resting(until) => until <= now,
            State::Idle | State::Running | State::RunningAndRequested => false,
        };
        if is_due {
            self.state = State::Running;
        }
        is_due
    }

    /// What has happened was handled, but for what is left.
    pub(super) fn finished(&mut self, left: EventsLeft, now: Instant) {
        self.outage.recovered();
        self.state = match (self.state, left) {
            (State::RunningAndRequested, _) | (_, EventsLeft::More) => State::Requested,
            (_, EventsLeft::Held) => State::Resting(now + RETRY_HELD),
            (_, EventsLeft::None) => State::Idle,
        };
    }

    /// It could not be handled, and is tried again after a pause.
    pub(super) fn failed(&mut self, now: Instant) -> Failure {
        self.state = State::Requested;
        self.outage.failed(now, PAUSE_AFTER_ERROR)
    }

    /// Returns `true` if a step may bring jobs.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle | State::Resting(_))
    }

    pub(super) fn wake_at(&self) -> impl Iterator<Item = Instant> {
        let rests_until = if let State::Resting(until) = self.state { Some(until) } else { None };
        let retries_at = self.outage.retry_at().filter(|_| self.state == State::Requested);
        [rests_until, retries_at].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_during_a_step_is_handled_by_the_next_one() {
        let now = Instant::now();
        let mut planner = ReleasePlanner::default();
        assert!(!planner.next(now) && planner.is_idle());
        planner.request();
        assert!(planner.next(now) && !planner.next(now));
        planner.request();
        planner.finished(EventsLeft::None, now);
        assert!(!planner.is_idle() && planner.next(now));
        planner.finished(EventsLeft::More, now);
        assert!(planner.next(now));
        planner.finished(EventsLeft::None, now);
        assert!(planner.is_idle() && !planner.next(now));
    }

    #[test]
    fn rows_that_are_held_are_tried_again_later_and_other_events_at_once() {
        let now = Instant::now();
        let mut planner = ReleasePlanner::default();
        planner.request();
        assert!(planner.next(now));
        planner.finished(EventsLeft::Held, now);
        assert!(!planner.next(now) && planner.is_idle());
        assert_eq!(planner.wake_at().collect::<Vec<_>>(), [now + RETRY_HELD]);
        assert!(planner.next(now + RETRY_HELD));
        planner.finished(EventsLeft::Held, now);
        planner.request();
        assert!(planner.next(now));
    }

    #[test]
    fn a_step_that_failed_is_tried_again_after_a_pause() {
        let now = Instant::now();
        let mut planner = ReleasePlanner::default();
        planner.request();
        assert!(planner.next(now));
        assert_eq!(planner.failed(now), Failure::First);
        assert!(!planner.next(now) && !planner.is_idle());
        let retry_at = planner.wake_at().next().unwrap();
        assert!(planner.next(retry_at));
    }
}
