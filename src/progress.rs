//! The progress that jobs have reported and that is not written yet.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::lock::lock;
use crate::store::progress::Progress;

/// The latest report of each job.
#[derive(Default)]
pub(crate) struct ProgressBoard(Mutex<HashMap<i64, Progress>>);

impl ProgressBoard {
    /// Replaces the last report of the job. Returns `true` if the board was empty.
    pub(crate) fn post(&self, progress: Progress) -> bool {
        let mut board = lock(&self.0);
        let was_empty = board.is_empty();
        board.insert(progress.id, progress);
        was_empty
    }

    /// Takes all reports.
    pub(crate) fn take(&self) -> Vec<Progress> {
        std::mem::take(&mut *lock(&self.0)).into_values().collect()
    }
}
