//! Jobs of the simulated world that wait for others: their events, and what carries them over.

use std::num::NonZeroI64;

use super::*;
use crate::store::admit::Promotion;
use crate::store::claim::{Carried, Ended};
use crate::store::waits::{EventsLeft, Released, ReleasedTo};

impl World {
    pub(super) fn claim_children(&mut self, plan: &ChildrenPlan, fate: Fate) -> Done {
        let (lease, Ended { jobs, told_from }) = (plan.lease, &plan.parents);
        if fate == Fate::FailsBeforeCommit {
            return Done::ClaimChildren(lease, Err(failure()));
        }
        let concerned = |event: &i64, (parent, _): &(i64, i64)| event >= told_from && jobs.contains(parent);
        let of_parents = self.events.iter().filter(|(event, ties)| concerned(event, ties)).take(plan.limit);
        let taken: Vec<(i64, i64)> = of_parents.map(|(event, (_, child))| (*event, *child)).collect();
        for (event, child) in &taken {
            self.events.remove(event);
            assert_eq!(self.rows.insert(*child, Row::Running { lease }), Some(Row::Waiting));
        }
        if fate == Fate::LosesReply {
            return Done::ClaimChildren(lease, Err(failure()));
        }
        self.lease(&taken.iter().map(|(_, child)| *child).collect::<Vec<_>>(), lease);
        let carried = if taken.len() < jobs.len() { Carried::NotAll } else { Carried::All };
        Done::ClaimChildren(lease, Ok(carried))
    }

    pub(super) fn release(&mut self, fate: Fate) -> Result<Released, StoreError> {
        if fate == Fate::FailsBeforeCommit {
            return Err(failure());
        }
        let events = std::mem::take(&mut self.events);
        for (_, child) in events.values() {
            assert_eq!(self.rows.insert(*child, Row::Ready), Some(Row::Waiting));
        }
        if fate == Fate::LosesReply {
            // The notification of the commit.
            self.desk.wake(Wake::Everything);
            return Err(failure());
        }
        let first = Position { priority: 0, turn_at: self.desk.now.utc };
        let place = ReleasedTo { first, due_in: None, waits_for: WaitsFor::Claim, flagged: false };
        let places = if events.is_empty() { Vec::new() } else { vec![place] };
        Ok(Released { places, left: EventsLeft::None })
    }

    // A pass finds what was not announced.
    pub(super) fn promoted(&self) -> Passed {
        let parents_ended = if self.events.is_empty() { EventsLeft::None } else { EventsLeft::More };
        Passed { promotion: Some(Promotion { parents_ended, ..Promotion::default() }), ..Passed::default() }
    }

    // Some jobs that succeed let another one go on.
    pub(super) fn told(&mut self, parent: i64) -> Option<NonZeroI64> {
        if self.random.u32(..4) > 0 {
            return None;
        }
        let child = self.add(Row::Waiting);
        // Children are as many as events.
        self.events.insert(child, (parent, child));
        NonZeroI64::new(child)
    }
}
