//! Of which tasks this process frees slots, and when it last announced that. Knows nothing of the limits.

use std::time::{Duration, Instant};

use crate::leases::Lease;

// Each process that waits for a slot tries to take it, so many announcements would cost more than they bring. After one, the
// others try several times within this interval by themselves.
const INTERVAL: Duration = Duration::from_millis(50);

/// When other processes were last told of freed slots.
#[derive(Debug, Default)]
pub(super) struct FreedSlots {
    announced_at: Option<Instant>,
}

impl FreedSlots {
    /// Returns the tasks of which the end of these leases frees slots, unless some were announced a moment ago.
    pub(super) fn announce(&mut self, leases: &[Lease], now: Instant) -> Vec<String> {
        let is_recent = self.announced_at.is_some_and(|at| now.saturating_duration_since(at) < INTERVAL);
        if is_recent {
            return Vec::new();
        }
        let mut tasks: Vec<String> = leases.iter().filter_map(Lease::task_slot).map(str::to_owned).collect();
        tasks.sort_unstable();
        tasks.dedup();
        if !tasks.is_empty() {
            self.announced_at = Some(now);
        }
        tasks
    }
}
