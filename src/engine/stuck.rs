//! Outcomes that the database refuses, each kept apart from all others. One is tried again by itself, less and less often.
//! At a stop it is tried once more and then given up, so that the stop ends.

use std::collections::HashMap;
use std::time::Instant;

use super::outage::PAUSE_AFTER_ERROR;
use crate::leases::Lease;

// The longest pause is half a minute.
const MAX_DOUBLINGS: u32 = 6;

/// The leases of jobs whose outcomes cannot be stored.
#[derive(Debug, Default)]
pub(super) struct StuckLeases {
    waiting: Vec<(Next, Lease)>,
    /// How often each has failed, also while it is tried.
    failures: HashMap<(i64, i64), u32>,
    round: Round,
}

/// When a lease is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    At(Instant),
    Never,
}

/// Whether what fails now is tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Round {
    #[default]
    Endless,
    Last,
}

/// Whether a failure of one job is worth a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Not,
    Already,
}

impl StuckLeases {
    /// Keeps a lease whose outcome could not be stored.
    pub(super) fn add(&mut self, lease: Lease, now: Instant) -> Known {
        let failures = self.failures.entry(lease.key()).or_default();
        let pause = PAUSE_AFTER_ERROR * 2_u32.pow((*failures).min(MAX_DOUBLINGS));
        *failures += 1;
        let known = if *failures == 1 { Known::Not } else { Known::Already };
        let next = match self.round {
            Round::Endless => Next::At(now + pause),
            Round::Last => Next::Never,
        };
        self.waiting.push((next, lease));
        known
    }

    /// Takes the leases whose time has come.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Lease> {
        let is_due = |next: &Next| matches!(next, Next::At(at) if *at <= now);
        if !self.waiting.iter().any(|(next, _)| is_due(next)) {
            return Vec::new();
        }
        let (due, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(next, _)| is_due(next));
        self.waiting = rest;
        due.into_iter().map(|(_, lease)| lease).collect()
    }

    /// Forgets a lease that is settled or lost. Returns whether it was stuck.
    pub(super) fn forget(&mut self, key: (i64, i64)) -> Known {
        match self.failures.is_empty() || self.failures.remove(&key).is_none() {
            true => Known::Not,
            false => Known::Already,
        }
    }

    /// Makes every lease due now, for the last time.
    pub(super) fn begin_last_round(&mut self, now: Instant) {
        if self.round == Round::Endless {
            self.round = Round::Last;
            self.waiting.iter_mut().for_each(|(next, _)| *next = Next::At(now));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// How many leases are not tried again.
    pub(super) fn given_up(&self) -> usize {
        self.waiting.iter().filter(|(next, _)| *next == Next::Never).count()
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        let times = self.waiting.iter().filter_map(|(next, _)| match next {
            Next::At(at) => Some(*at),
            Next::Never => None,
        });
        times.min()
    }
}
