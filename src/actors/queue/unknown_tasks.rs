//! Warns of jobs that are added here for a task that neither this process nor any living worker knows. The look is no part of
//! the enqueue: it comes once a minute for each task, and only for tasks without a handler here.

use std::sync::Arc;
use std::time::Instant;

use crate::job::NewJob;
use crate::lock::lock;
use crate::shared::Shared;
use crate::store::{Durability, tasks};
use crate::text::one_line;

impl Shared {
    /// Returns the tasks of these jobs that are to be looked up.
    pub(super) fn foreign_tasks(&self, jobs: &[NewJob]) -> Vec<String> {
        let foreign: Vec<&str> = jobs.iter().map(NewJob::task).filter(|task| !self.known.has(task)).collect();
        if foreign.is_empty() {
            return Vec::new();
        }
        lock(&self.foreign_tasks).due(foreign.into_iter(), Instant::now())
    }
}

/// Looks the tasks up, and logs what is new. After an error the next job looks again, a minute later.
pub(super) async fn warn_of_unknown(shared: Arc<Shared>, names: Vec<String>) {
    let looked = names.clone();
    let Ok(unknown) = shared.store.run(Durability::Relaxed, move |conn| tasks::unknown(conn, &looked)).await
    else {
        return;
    };
    let news = lock(&shared.foreign_tasks).looked(names, &unknown);
    for task in news.unknown {
        log::warn!("no living worker knows the task `{}`: its jobs wait for one that does", one_line(task));
    }
    for task in news.known {
        log::info!("a worker knows the task `{}` again", one_line(task));
    }
}
