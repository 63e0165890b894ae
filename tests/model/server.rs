//! What the server does with a statement. The conditions are those of src/store/presence.rs and src/store/presence/beat.rs.

use super::canonical::UNUSED;
use super::fleet::{Excuses, Fleet};
use super::protocol::{Replication, Times, Variant};
use super::state::{
    Attempt, Database, Fault, Job, Lacks, Lease, Order, Outcome, Row, Search, Standby, Start, State, Waiting,
};

impl Row {
    /// The row of a worker that registers now.
    pub fn new(id: u8, times: Times) -> Self {
        Self { id, times, heartbeat: 0, steady: 0, stored_by: Start::This }
    }

    fn store(&mut self, age: i8) {
        let distance = self.heartbeat - age;
        if self.stored_by == Start::Earlier || !(0..=self.times.gap).contains(&distance) {
            self.steady = age - self.times.interval;
        }
        (self.heartbeat, self.stored_by) = (age, Start::This);
    }

    // Whether the worker of this row may take the jobs of that one.
    fn may_rescue(&self, lost: &Self, fleet: &Fleet) -> bool {
        let patience = self.patience(lost, fleet);
        let is_late = lost.heartbeat >= patience || lost.heartbeat < -patience;
        let knows_server = self.stored_by == Start::This || fleet.variant == Variant::RescuerIgnoresStarts;
        let is_fresh = (-self.times.interval - 1..=self.times.gap).contains(&self.heartbeat);
        let is_steady = self.steady >= patience;
        let may_judge =
            fleet.variant == Variant::RescuerIgnoresGaps || (knows_server && is_fresh && is_steady);
        is_late && may_judge
    }

    fn patience(&self, lost: &Self, fleet: &Fleet) -> i8 {
        match fleet.variant {
            Variant::RescuerUsesOwnTimeout => self.times.lost,
            Variant::RescuerUsesOtherTimeout => lost.times.lost,
            _ => self.times.lost.max(lost.times.lost),
        }
    }
}

impl Database {
    /// Time goes on, or the clock steps.
    pub fn age(&mut self, ticks: i8, fleet: &Fleet) {
        let older = |age: i8| (age + ticks).clamp(-fleet.longest() - 1, fleet.oldest());
        for row in &mut self.rows {
            (row.heartbeat, row.steady) = (older(row.heartbeat), older(row.steady));
        }
    }

    /// Whether any other worker may take the jobs of this one.
    pub fn may_be_rescued(&self, lost: &Row, fleet: &Fleet) -> bool {
        self.rows.iter().any(|row| row.id != lost.id && row.may_rescue(lost, fleet))
    }

    pub fn orphan(&self) -> Option<Lease> {
        match self.job {
            Job::Running(lease) if !self.has_row(lease.id) => Some(lease),
            Job::Running(_) | Job::Ready | Job::Settled => None,
        }
    }
}

impl State {
    /// A beat of this worker executes.
    pub fn beat(&mut self, worker: usize, arrived: i8, fleet: &Fleet) -> Stored {
        let id = self.workers[worker].id;
        if fleet.variant == Variant::BeatResurrects && !self.server.has_row(id) {
            self.server.rows.push(Row::new(id, self.workers[worker].times));
        }
        let Some(row) = self.server.rows.iter_mut().find(|row| row.id == id) else { return Stored::No };
        row.store(arrived);
        if fleet.replication == Replication::Relaxed {
            self.replicate();
        }
        Stored::Yes
    }

    /// A beat that has waited for a lock executes, behind others or not.
    pub fn beat_that_waited(&mut self, worker: usize, waiting: Waiting, fleet: &Fleet) {
        let counts = waiting.order == Order::Newest || fleet.variant == Variant::BeatIgnoresNumbers;
        if counts
            && self.beat(worker, waiting.arrived, fleet) == Stored::Yes
            && waiting.order == Order::Newest
        {
            self.workers[worker].reply = Some(waiting.arrived.min(self.workers[worker].times.fence));
        }
    }

    /// A worker whose row is gone registers again.
    pub fn register(&mut self, worker: usize, fleet: &Fleet) {
        self.server.rows.push(Row::new(UNUSED, self.workers[worker].times));
        self.workers[worker].register(UNUSED, fleet);
        match fleet.replication {
            Replication::Synchronous | Replication::Relaxed => self.replicate(),
            Replication::Asynchronous => self.change(fleet),
        }
    }

    /// A claim for that id executes, whether the worker still has the id or not.
    pub fn claim(&mut self, worker: usize, id: u8, fleet: &Fleet) {
        if self.settled && !self.excused {
            self.fault = Some(Fault::SettledRunsAgain);
        }
        let lease = Lease { number: UNUSED, id };
        self.server.job = Job::Running(lease);
        self.workers[worker].attempt = Attempt::Claimed(lease);
        self.change(fleet);
    }

    /// A settle executes. It changes nothing if the job is under another lease by now.
    pub fn settle(&mut self, lease: Lease, outcome: Outcome, fleet: &Fleet) {
        let fits = match self.server.job {
            Job::Running(held) => held == lease || fleet.variant == Variant::SettleIgnoresLeases,
            Job::Ready | Job::Settled => false,
        };
        if fits {
            let succeeded = outcome == Outcome::Succeeded;
            self.server.job = if succeeded { Job::Settled } else { Job::Ready };
            self.settled |= succeeded;
            self.change(fleet);
        }
    }

    /// The jobs of a lost worker are taken, and its row is removed.
    pub fn rescue(&mut self, lost: u8, fleet: &Fleet) {
        self.server.rows.retain(|row| row.id != lost);
        if let Job::Running(lease) = self.server.job
            && lease.id == lost
        {
            self.requeue(lease, fleet);
        }
        self.change(fleet);
    }

    /// A person deletes the row of a worker.
    pub fn delete(&mut self, id: u8, fleet: &Fleet) {
        self.server.rows.retain(|row| row.id != id);
        self.change(fleet);
    }

    /// A search for orphans ends. It may find the job changed since it looked, and the rows as they were then.
    pub fn end_search(&mut self, search: &Search, fleet: &Fleet) {
        if let Job::Running(lease) = self.server.job {
            let is_orphan = !search.known.contains(&lease.id);
            let is_same = lease == search.orphan || fleet.variant == Variant::SearchIgnoresLeases;
            if is_orphan && is_same {
                self.requeue(lease, fleet);
                self.change(fleet);
            }
        }
    }

    fn requeue(&mut self, lease: Lease, fleet: &Fleet) {
        if !self.excused && self.workers.iter().any(|worker| worker.may_run(lease, fleet)) {
            self.fault = Some(Fault::TakenFromTheLiving);
        }
        self.server.job = Job::Ready;
    }

    // Something else than a beat was written.
    fn change(&mut self, fleet: &Fleet) {
        match &mut self.standby {
            Some(_) if fleet.replication == Replication::Synchronous => self.replicate(),
            Some(standby) => standby.lacks = Lacks::Changes,
            None => {}
        }
    }

    /// The standby receives all that was written so far.
    pub fn replicate(&mut self) {
        self.standby = self.standby.as_ref().map(|_| Standby::of(&self.server));
    }

    /// The standby takes over, or the server starts again. Its clock may differ.
    pub fn fail_over(&mut self, skew: i8, fleet: &Fleet) {
        let Some(standby) = self.standby.take() else { return };
        self.excused |= standby.lacks == Lacks::Changes && fleet.excuses == Excuses::Lost;
        self.server = standby.database;
        self.server.age(skew, fleet);
        self.server.rows.iter_mut().for_each(|row| row.stored_by = Start::Earlier);
        self.workers.iter_mut().for_each(|worker| worker.waiting = None);
        self.standby = Some(Standby::of(&self.server));
    }
}

/// Whether a beat has found its row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    Yes,
    No,
}
