//! What a process does by its own clock, and with the replies that it receives. See src/fence.rs and src/attempt/fenced.rs.

use super::fleet::Fleet;
use super::protocol::Variant;
use super::state::{Attempt, Lease, Outcome, Process, Worker};

impl Worker {
    /// Whether the fence is open for what was claimed under this lease.
    pub fn allows(&self, lease: Lease, fleet: &Fleet) -> bool {
        self.is_own(lease, fleet) && self.confirmed < self.times.fence
    }

    pub fn is_own(&self, lease: Lease, fleet: &Fleet) -> bool {
        lease.id == self.id || fleet.variant == Variant::FenceIgnoresIds
    }

    /// The lease under which it polls the job now.
    pub fn runs(&self, fleet: &Fleet) -> bool {
        match self.attempt {
            Attempt::Running(lease) => self.process == Process::Runs && self.allows(lease, fleet),
            Attempt::None | Attempt::Claimed(_) | Attempt::Ended(..) => false,
        }
    }

    /// Whether it may poll the job under this lease now or later.
    pub fn may_run(&self, lease: Lease, fleet: &Fleet) -> bool {
        match self.attempt {
            Attempt::Claimed(held) | Attempt::Running(held) => {
                held == lease && self.process != Process::Dead && self.allows(held, fleet)
            }
            Attempt::None | Attempt::Ended(..) => false,
        }
    }

    /// It compares its fence with the clock, as before each poll. A stopped process polls nothing.
    pub fn compare(&mut self, fleet: &Fleet) {
        if let Attempt::Running(lease) = self.attempt
            && self.process == Process::Runs
            && !self.allows(lease, fleet)
        {
            self.end(Outcome::GivenBack);
        }
    }

    pub fn end(&mut self, outcome: Outcome) {
        if let Attempt::Claimed(lease) | Attempt::Running(lease) = self.attempt {
            self.attempt = Attempt::Ended(lease, outcome);
        }
    }

    /// It receives the reply to a claim.
    pub fn start(&mut self, fleet: &Fleet) {
        if let Attempt::Claimed(lease) = self.attempt {
            self.attempt = Attempt::Running(lease);
            self.compare(fleet);
        }
    }

    /// It receives the reply to a beat.
    pub fn confirm(&mut self, fleet: &Fleet) {
        if let Some(sent) = self.reply.take() {
            let counts = if fleet.variant == Variant::FenceCountsFromReply { 0 } else { sent };
            self.confirmed = self.confirmed.min(counts);
        }
    }

    /// Its row is gone, and it has registered under a new id.
    pub fn register(&mut self, id: u8, fleet: &Fleet) {
        (self.id, self.confirmed, self.reply, self.waiting) = (id, 0, None, None);
        self.compare(fleet);
    }

    /// A request that it has sent may still arrive, and nothing else is left of it.
    pub fn die(&mut self) {
        self.process = Process::Dead;
        if !matches!(self.attempt, Attempt::Ended(..)) {
            self.attempt = Attempt::None;
        }
    }

    pub fn tick(&mut self, fleet: &Fleet) {
        let older = |age: i8, most: i8| (age + 1).min(most);
        let counts = self.process == Process::Runs || fleet.variant != Variant::FenceIgnoresStops;
        if counts {
            self.confirmed = older(self.confirmed, self.times.fence);
        }
        self.reply = self.reply.map(|sent| older(sent, self.times.fence));
        if let Some(waiting) = &mut self.waiting {
            waiting.arrived = older(waiting.arrived, fleet.oldest());
        }
        self.compare(fleet);
    }
}
