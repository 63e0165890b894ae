//! The limits that tasks have over all processes, as far as this process knows them. A task whose limit lets no more jobs
//! through is left out of claims until there may be room again. The database decides; this only spares it useless claims.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::cursor::{Cooldown, ScanCursor};
use super::facts::Now;
use super::gate_seen::{FoundOrder, GateSeen};
use crate::store::claim::{Counts, GateShare, GateState, Position};

// Another process claims jobs of the task, which takes it a few milliseconds. Its end is not announced.
const MIN_PAUSE: Duration = Duration::from_millis(5);
// Slots that a lost process held become free without an announcement, and so do those whose announcement was lost.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// The tasks that have limits over all processes.
#[derive(Debug, Default)]
pub(super) struct TaskGates(BTreeMap<String, TaskGate>);

#[derive(Debug)]
struct TaskGate {
    counts: Counts,
    /// Claims leave jobs of the task behind that they have no room for, so it has a cursor of its own.
    cursor: ScanCursor,
    scan: Scan,
    passage: Passage,
    /// The pause after the next claim in a row that takes nothing.
    pause: Duration,
}

/// What the running claim reads of the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scan {
    FromCursor,
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passage {
    Open,
    Closed { until: Instant, why: Why },
}

/// Why a limit lets nothing through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    NoSlot,
    NoToken,
    /// Another session holds its row.
    Locked,
}

/// Whether the claim reads tasks that have limits over all processes. Of two claims that run at once, one does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gated {
    Included,
    LeftOut,
}

/// Whether a claim may take jobs of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    NoLimit,
    Through(GateShare),
    Closed,
}

impl TaskGates {
    /// Notes which tasks have limits.
    pub(super) fn looked_up(&mut self, limited: BTreeMap<String, Counts>) {
        self.0.retain(|task, gate| limited.get(task) == Some(&gate.counts));
        for (task, counts) in limited {
            self.0.entry(task).or_insert_with(|| TaskGate {
                counts,
                cursor: ScanCursor::default(),
                scan: Scan::Full,
                passage: Passage::Open,
                pause: MIN_PAUSE,
            });
        }
    }

    /// Returns `true` if any task has a limit.
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Returns `true` if the task has a limit.
    pub(super) fn is_limited(&self, task: &str) -> bool {
        self.0.contains_key(task)
    }

    /// Returns whether the next claim may take jobs of the task, and where it begins to read them.
    pub(super) fn pass(&mut self, task: &str, now: Instant) -> Pass {
        let Some(gate) = self.0.get_mut(task) else { return Pass::NoLimit };
        if gate.passage != Passage::Open {
            return Pass::Closed;
        }
        let from = gate.cursor.start(now);
        gate.scan = if from.is_none() { Scan::Full } else { Scan::FromCursor };
        Pass::Through(GateShare { counts: gate.counts, from })
    }

    /// Ends a claim that asked for so many jobs, and saw this of a task's limit.
    pub(super) fn seen(
        &mut self,
        seen: &GateSeen,
        asked: usize,
        order: FoundOrder,
        took: Duration,
        now: Now,
    ) {
        let Some(gate) = self.0.get_mut(&seen.task) else { return };
        if gate.scan == Scan::Full {
            match seen.state {
                GateState::Locked | GateState::Open { room: 0, .. } => {
                    gate.cursor.request_full_scan(Cooldown::Long);
                }
                GateState::Idle | GateState::Open { .. } => gate.cursor.full_scan_ended(now.instant, took),
            }
        }
        if order == FoundOrder::ByPosition && seen.jobs > 0 {
            gate.cursor.advance(seen.first, now.utc);
        }
        if seen.jobs > 0 {
            gate.pause = MIN_PAUSE;
        }
        match seen.state {
            GateState::Idle => {}
            GateState::Locked => gate.close(Why::Locked, now.instant),
            GateState::Open { room, token_in } => {
                let (jobs, asked) = (seen.jobs as i64, asked as i64);
                match token_in {
                    _ if jobs < room || room >= asked => {}
                    Some(millis) => gate.close_for(millis, now.instant),
                    None => gate.close(Why::NoSlot, now.instant),
                }
            }
        }
    }

    /// A job of the task has ended somewhere. Returns `true` if claims left the task out because of that.
    pub(super) fn slot_freed(&mut self, task: &str) -> bool {
        let Some(gate) = self.0.get_mut(task) else { return false };
        let is_awaited = matches!(gate.passage, Passage::Closed { why: Why::NoSlot, .. });
        if is_awaited {
            gate.passage = Passage::Open;
            gate.pause = MIN_PAUSE;
        }
        is_awaited
    }

    /// Lets claims try the tasks again whose pause is over. Returns `true` if there are any.
    pub(super) fn open_due(&mut self, now: Instant) -> bool {
        let is_due = |gate: &&mut TaskGate| gate.closed().is_some_and(|(until, _)| until <= now);
        let due = self.0.values_mut().filter(is_due);
        due.map(|gate| gate.passage = Passage::Open).count() > 0
    }

    /// Jobs may be ready from this position on. Without a position anything may have changed, the limits too.
    pub(super) fn announce(&mut self, from: Option<Position>) {
        for gate in self.0.values_mut() {
            gate.cursor.announce(from);
            if from.is_none() {
                gate.passage = Passage::Open;
                gate.pause = MIN_PAUSE;
            }
        }
    }

    /// Looks for jobs that were not announced.
    pub(super) fn poll(&mut self, cooldown: Cooldown) {
        self.0.values_mut().for_each(|gate| gate.cursor.request_full_scan(cooldown));
    }

    /// Returns `true` if another session holds the row of a limit, for no longer than a claim or a short transaction.
    pub(super) fn wait_for_a_row(&self) -> bool {
        let waits =
            |gate: &TaskGate| matches!(gate.closed(), Some((_, Why::Locked))) && gate.pause < MAX_PAUSE;
        self.0.values().any(waits)
    }

    /// The next time at which a task may be claimed again without an input.
    pub(super) fn wake_at(&self) -> impl Iterator<Item = Instant> + '_ {
        self.0.values().filter_map(|gate| Some(gate.closed()?.0))
    }
}

impl TaskGate {
    fn closed(&self) -> Option<(Instant, Why)> {
        match self.passage {
            Passage::Open => None,
            Passage::Closed { until, why } => Some((until, why)),
        }
    }

    fn close(&mut self, why: Why, now: Instant) {
        self.passage = Passage::Closed { until: now + self.pause, why };
        self.pause = (self.pause * 2).min(MAX_PAUSE);
    }

    // A time beyond the range of the clock is tried again after the longest pause.
    fn close_for(&mut self, millis: i64, now: Instant) {
        let until = now.checked_add(Duration::from_millis(millis.unsigned_abs()));
        self.passage = Passage::Closed { until: until.unwrap_or(now + MAX_PAUSE), why: Why::NoToken };
    }
}
