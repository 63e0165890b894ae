//! An engine under test: it claims nothing by itself. A request lets it run jobs of one task or of all, up to a number. Between
//! requests it behaves as that of a process without handlers, which adds jobs and runs none.

use std::sync::Arc;

use super::Engine;

/// What a held engine claims.
#[derive(Debug)]
pub(super) struct Hold {
    /// The tasks that have handlers here.
    tasks: Arc<[String]>,
    /// A run ends when so many attempts have ended in all.
    until: u64,
}

impl<R> Engine<R> {
    /// Claims nothing from now on but on request.
    pub(crate) fn hold(&mut self) {
        let tasks = std::mem::take(&mut self.settings.tasks);
        self.hold = Some(Hold { tasks, until: u64::MAX });
    }

    /// Begins a run as [`Self::run_once`] does, with jobs of this task or of all, until `most` attempts have ended.
    pub(crate) fn run_some(&mut self, only: Option<&str>, most: u64) {
        // Jobs of an earlier run whose caller went away may still run.
        let taken = self.summary().attempts() + self.leases.count() as u64;
        if let Some(hold) = &mut self.hold {
            hold.until = taken.saturating_add(most);
            let chosen = hold.tasks.iter().filter(|task| only.is_none_or(|only| only == task.as_str()));
            self.settings.tasks = chosen.cloned().collect();
        }
        self.run_once();
    }

    /// Ends what the last request has allowed.
    pub(super) fn hold_again(&mut self) {
        if let Some(hold) = &mut self.hold {
            hold.until = u64::MAX;
            self.settings.tasks = Arc::default();
        }
    }

    /// How many more jobs this run may claim.
    pub(super) fn claims_left(&self) -> usize {
        let Some(hold) = &self.hold else { return usize::MAX };
        let ended = self.summary().attempts() + self.leases.count() as u64;
        usize::try_from(hold.until.saturating_sub(ended)).unwrap_or(usize::MAX)
    }
}
