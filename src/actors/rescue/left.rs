//! Lost workers whose rows cannot be removed: each is logged once, and when that is over.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::store::presence::LeftWorker;
use crate::text::one_line;

// A lock that lasts for a moment is nothing that a person can act on.
pub(super) const WORTH_A_LINE: Duration = Duration::from_secs(5);

/// The rows that stay, and since when.
#[derive(Default)]
pub(super) struct LeftWorkers(HashMap<i32, Seen>);

struct Seen {
    since: Instant,
    logged: Logged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Logged {
    Not,
    Once,
}

impl LeftWorkers {
    /// Logs those that have stayed for long, and that others are gone.
    pub(super) fn report(&mut self, left: Vec<LeftWorker>, now: Instant) {
        self.0.retain(|id, seen| {
            let stays = left.iter().any(|worker| worker.id == *id);
            if !stays && seen.logged == Logged::Once {
                log::info!("lost worker {id} no longer stands in the way of its jobs");
            }
            stays
        });
        for LeftWorker { id, name, problem } in left {
            let seen = self.0.entry(id).or_insert(Seen { since: now, logged: Logged::Not });
            if seen.logged == Logged::Not && now.duration_since(seen.since) >= WORTH_A_LINE {
                seen.logged = Logged::Once;
                log::error!(
                    "the row of lost worker {id} `{}` cannot be removed, so its jobs wait: {}",
                    one_line(name),
                    one_line(problem)
                );
            }
        }
    }
}
