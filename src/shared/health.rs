//! The health of the scheduler, from what its actors have noted.

use std::time::Instant;

use super::Shared;
use crate::config::Part;
use crate::engine::Slots;
use crate::phase::Phase;
use crate::probe::{Health, Reason};
use crate::vitals::seconds;

impl Shared {
    /// The health now. Costs no statement and waits for nothing.
    pub(crate) fn health(&self) -> Health {
        let now = Instant::now();
        let mut reasons = self.vitals.reasons(now);
        if self.phase.current() == Phase::Stopped {
            reasons.retain(|reason| *reason == Reason::GaveUp);
            reasons.push(Reason::Stopped);
            return Health::new(reasons);
        }
        // It has no actors whose health could be judged.
        if self.config.part == Part::Client {
            return Health::new(reasons);
        }
        // A process that is full claims nothing, and so cannot learn that claims would succeed again.
        if self.leases.count() >= self.config.concurrency {
            reasons.retain(|reason| !matches!(reason, Reason::ClaimsFailing { .. }));
        }
        if self.slots() == Slots::None {
            reasons.push(Reason::ThreadsBlocked);
        }
        if let Some(age) = self.fence.late_by(now) {
            reasons.push(Reason::HeartbeatLate { seconds: seconds(age) });
        }
        if let Some(since) = self.phase.stopping_since() {
            reasons.push(Reason::Draining { seconds: seconds(now.saturating_duration_since(since)) });
        }
        Health::new(reasons)
    }

    /// The codes of what is wrong, for the worker's row. A heartbeat that carries them is the proof that heartbeats pass.
    pub(crate) fn problems(&self) -> Vec<&'static str> {
        let by_age = |reason: &&Reason| {
            matches!(reason, Reason::DatabaseUnreachable { .. } | Reason::HeartbeatLate { .. })
        };
        self.health().reasons.iter().filter(|reason| !by_age(reason)).map(Reason::code).collect()
    }
}
