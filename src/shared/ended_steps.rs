//! The jobs that had steps, and whose attempts have ended here: if such a job is gone, its steps are to be deleted.

use std::sync::Mutex;

use tokio::sync::Notify;

use crate::lock::lock;

/// The sweep of all processes finds the steps of the others.
const MOST: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct EndedSteps {
    jobs: Mutex<Vec<i64>>,
    noted: Notify,
}

impl EndedSteps {
    /// Notes a job.
    pub(crate) fn note(&self, job: i64) {
        let mut jobs = lock(&self.jobs);
        if jobs.len() < MOST {
            jobs.push(job);
        }
        self.noted.notify_one();
    }

    /// Waits until there is one.
    pub(crate) async fn noted(&self) {
        self.noted.notified().await;
    }

    /// Takes all of them.
    pub(crate) fn take(&self) -> Vec<i64> {
        std::mem::take(&mut *lock(&self.jobs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_are_kept_than_the_sweep_leaves_to_this_process() {
        let ended = EndedSteps::default();
        (0..MOST as i64 + 7).for_each(|job| ended.note(job));
        ended.noted().await;
        assert_eq!(ended.take(), (0..MOST as i64).collect::<Vec<_>>());
        assert_eq!(ended.take(), [] as [i64; 0]);
    }
}
