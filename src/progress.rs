//! The progress that jobs have reported and that is not written yet.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::engine::outage::Outage;
use crate::error::{Problem, StoreError};
use crate::lock::lock;
use crate::store::progress::Progress;

/// The latest report of each job, and whether reports can be written.
#[derive(Default)]
pub(crate) struct ProgressBoard {
    reports: Mutex<HashMap<i64, Progress>>,
    pub(crate) outage: Mutex<Outage>,
}

impl ProgressBoard {
    /// Replaces the last report of the job. Returns `true` if the board was empty.
    pub(crate) fn post(&self, progress: Progress) -> bool {
        let mut board = lock(&self.reports);
        let was_empty = board.is_empty();
        board.insert(progress.id, progress);
        was_empty
    }

    /// Takes all reports.
    pub(crate) fn take(&self) -> Vec<Progress> {
        std::mem::take(&mut *lock(&self.reports)).into_values().collect()
    }
}

/// Makes a report, or returns an error that names the limit it breaks.
pub(crate) fn checked((id, lease): (i64, i64), percent: u8, note: String) -> Result<Progress, StoreError> {
    if percent > 100 {
        return Err(Problem::new("progress", "must be 0 to 100 percent", percent).into());
    }
    let length = note.chars().count();
    if length > 1_000 || note.contains('\0') {
        let expected = "must be at most 1000 characters, none of them NUL";
        return Err(Problem::new("progress_note", expected, length).into());
    }
    Ok(Progress { id, lease, percent: percent.into(), note })
}
