//! Lost workers whose rows cannot be removed: each is logged once, and when that is over.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::engine::outage::{Failure, LastingOutage};
use crate::store::presence::LeftWorker;
use crate::text::one_line;

// A lock that lasts for a moment is nothing that a person can act on.
pub(super) const WORTH_A_LINE: Duration = Duration::from_secs(5);

/// The rows that stay.
#[derive(Default)]
pub(super) struct LeftWorkers(HashMap<i32, LastingOutage>);

impl LeftWorkers {
    /// Logs those that have stayed for long, and that others are gone.
    pub(super) fn report(&mut self, left: Vec<LeftWorker>, now: Instant) {
        self.0.retain(|id, outage| {
            let stays = left.iter().any(|worker| worker.id == *id);
            if !stays && outage.recovered() {
                log::info!("lost worker {id} no longer stands in the way of its jobs");
            }
            stays
        });
        for LeftWorker { id, name, problem } in left {
            if self.0.entry(id).or_default().failed(now, WORTH_A_LINE) == Failure::First {
                log::error!(
                    "the row of lost worker {id} `{}` cannot be removed, so its jobs wait: {}",
                    one_line(name),
                    one_line(problem)
                );
            }
        }
    }
}
