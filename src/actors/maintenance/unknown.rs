//! Reports once a minute for which tasks ready jobs wait that no living worker knows. Of all processes, the one whose worker
//! has the lowest id does this.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::error::StoreError;
use crate::event::Event;
use crate::shared::Shared;
use crate::store::Durability;
use crate::store::tasks::{WaitingTask, waiting_unknown};
use crate::text::one_line;

const INTERVAL: Duration = Duration::from_secs(60);
// The others are counted.
const MAX_NAMED: usize = 10;

/// Looks for ever. The first look comes after a minute: until then the other processes of a deploy have started.
pub(super) async fn watch_forever(shared: Arc<Shared>) {
    let mut reported = Reported::default();
    loop {
        actix_rt::time::sleep(INTERVAL).await;
        match look(&shared).await {
            Ok(waiting) => reported.report(&shared, waiting),
            // Other parts report that the database is away.
            Err(error) => log::debug!("cannot look for tasks that no worker knows: {}", one_line(error)),
        }
    }
}

pub(super) async fn look(shared: &Shared) -> Result<Vec<WaitingTask>, StoreError> {
    let worker_id = shared.worker_id();
    shared.store.run(Durability::Relaxed, move |conn| waiting_unknown(conn, worker_id)).await
}

/// What the last look saw. A worker that restarts is away for a moment, so a task is reported when two looks in a row found it.
#[derive(Default)]
pub(super) struct Reported {
    seen: BTreeSet<String>,
    reported: BTreeSet<String>,
}

impl Reported {
    pub(super) fn report(&mut self, shared: &Shared, found: Vec<WaitingTask>) {
        let now = found.iter().map(|waiting| waiting.task.clone()).collect();
        let seen = std::mem::replace(&mut self.seen, now);
        let waiting: Vec<_> = found.into_iter().filter(|waiting| seen.contains(&waiting.task)).collect();
        if !waiting.is_empty() {
            log::warn!("jobs wait for tasks that no living worker knows: {}", named(&waiting));
        }
        for WaitingTask { task, ready } in &waiting {
            shared.events.publish(|| Event::TaskUnknown { task: task.clone(), ready: *ready });
        }
        let now: BTreeSet<String> = waiting.into_iter().map(|waiting| waiting.task).collect();
        let ended: Vec<_> =
            self.reported.difference(&now).map(|task| format!("`{}`", one_line(task))).collect();
        if !ended.is_empty() {
            let ended = ended.into_iter().take(MAX_NAMED).collect::<Vec<_>>().join(", ");
            log::info!("jobs no longer wait for want of a worker that knows their task: {ended}");
        }
        self.reported = now;
    }
}

fn named(waiting: &[WaitingTask]) -> String {
    let name = |waiting: &WaitingTask| format!("`{}` ({} ready)", one_line(&waiting.task), waiting.ready);
    let mut names: Vec<String> = waiting.iter().take(MAX_NAMED).map(name).collect();
    if waiting.len() > MAX_NAMED {
        names.push(format!("and {} others", waiting.len() - MAX_NAMED));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests;
