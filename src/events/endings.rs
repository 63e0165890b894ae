//! Who waits in this process for the end of which job. Costs one read of a number for each outcome while there is no wait.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::lock::lock;

/// The jobs whose end is awaited here.
#[derive(Default)]
pub(crate) struct Endings(Arc<Awaited>);

#[derive(Default)]
struct Awaited {
    waiters: AtomicUsize,
    by_job: Mutex<HashMap<i64, Vec<Arc<Notify>>>>,
}

/// One wait for the end of a job. It ends when dropped.
pub(crate) struct Watch {
    job: i64,
    notify: Arc<Notify>,
    awaited: Arc<Awaited>,
}

impl Endings {
    /// Begins to wait for the end of a job.
    pub(crate) fn watch(&self, job: i64) -> Watch {
        let notify = Arc::new(Notify::new());
        self.0.waiters.fetch_add(1, Ordering::SeqCst);
        lock(&self.0.by_job).entry(job).or_default().push(Arc::clone(&notify));
        Watch { job, notify, awaited: Arc::clone(&self.0) }
    }

    /// Wakes those who wait for the job. It has ended, and the database knows.
    pub(crate) fn ended(&self, job: i64) {
        if self.0.waiters.load(Ordering::Relaxed) == 0 {
            return;
        }
        for notify in lock(&self.0.by_job).get(&job).into_iter().flatten() {
            notify.notify_one();
        }
    }
}

impl Watch {
    /// Returns when this process has learned that the job may have ended, since the last call.
    pub(crate) async fn may_have_ended(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.awaited.waiters.fetch_sub(1, Ordering::SeqCst);
        let mut by_job = lock(&self.awaited.by_job);
        if let Some(waiting) = by_job.get_mut(&self.job) {
            waiting.retain(|other| !Arc::ptr_eq(other, &self.notify));
            if waiting.is_empty() {
                by_job.remove(&self.job);
            }
        }
    }
}
