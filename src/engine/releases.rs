//! Plans when the endings of jobs are carried over to those that wait for them. What a few jobs of this process release may start
//! here at once, with a claim of its own; everything else is released for any process.

use std::time::{Duration, Instant};

use super::outage::{Failure, Outage, PAUSE_AFTER_ERROR};
use crate::store::claim::{Carried, Ended};
use crate::store::waits::EventsLeft;

// A transaction that holds the row of a job that waits ends at any time, without a notification.
const RETRY_HELD: Duration = Duration::from_secs(1);

// A statement for each few is dearer than one for many.
pub(super) const MOST_PARENTS: usize = 20;
/// While the claim runs, so many slots are kept free for it.
pub(super) const MOST_CHILDREN: usize = 20;

/// A claim of the children of jobs that have ended in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChildrenPlan {
    /// The token of all jobs that this claim takes.
    pub(crate) lease: i64,
    pub(crate) parents: Ended,
    pub(crate) tasks: Vec<String>,
    pub(crate) limit: usize,
}

/// When to handle what has happened to parents.
#[derive(Debug, Default)]
pub(super) struct ReleasePlanner {
    state: State,
    outage: Outage,
    /// Jobs whose children may be claimed before anything else is handled.
    ended: Option<Ended>,
    /// How many jobs the claim of children that runs may take.
    claiming: usize,
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

    /// Jobs for which others wait have ended in this process.
    pub(super) fn ended(&mut self, ended: Ended) {
        let ended = match self.ended.take() {
            None => ended,
            Some(mut earlier) => {
                earlier.jobs.extend(ended.jobs);
                Ended { told_from: earlier.told_from.min(ended.told_from), ..earlier }
            }
        };
        match self.state {
            State::Idle | State::Resting(_) if ended.jobs.len() <= MOST_PARENTS => self.ended = Some(ended),
            _ => self.request(),
        }
    }

    /// Takes the jobs whose children may be claimed now.
    pub(super) fn take_ended(&mut self) -> Option<Ended> {
        if self.claiming > 0 { None } else { self.ended.take() }
    }

    /// A claim of so many children at most begins.
    pub(super) fn claim_began(&mut self, limit: usize) {
        self.claiming = limit;
    }

    /// Ends it. What it has left is handled as everything else.
    pub(super) fn claimed(&mut self, carried: Carried) {
        self.claiming = 0;
        if carried == Carried::NotAll {
            self.request();
        }
    }

    /// How many jobs a running claim of children may start in this process.
    pub(super) fn claiming(&self) -> usize {
        self.claiming
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
        matches!(self.state, State::Idle | State::Resting(_)) && self.ended.is_none() && self.claiming == 0
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
