//! The steps of an attempt: one at a time has the turn, and a turn that is dropped in the middle leaves no wrong memory of it. Does not
//! know what a step does.

use std::sync::{Mutex, OnceLock};

use crate::job_error::StepError;
use crate::lock::lock;
use crate::store::steps::StoredSteps;

mod ledger;
mod value;

pub(super) use self::ledger::{Entry, Place};
use self::ledger::{Ledger, State};
pub(super) use self::value::{decode, encode};

/// The steps of one attempt. A job that has no steps pays for a pointer.
#[derive(Debug, Default)]
pub(super) struct Steps(OnceLock<Box<Mutex<Ledger>>>);

impl Steps {
    /// Takes the turn of a step.
    pub(super) fn turn(&self, name: String) -> Result<Turn<'_>, StepError> {
        let ledger = self.0.get_or_init(Box::default);
        lock(ledger).enter(&name)?;
        Ok(Turn { ledger, name, after: State::Free })
    }

    /// Refuses every step, because jobs of this kind have none.
    pub(super) fn close(&self, reason: &'static str) {
        lock(self.0.get_or_init(Box::default)).close(reason);
    }

    /// Returns `true` if steps may be stored for the job.
    pub(super) fn are_used(&self) -> bool {
        self.0.get().is_some_and(|ledger| !lock(ledger).is_unread())
    }
}

/// The turn of a step, which ends when it is dropped.
pub(super) struct Turn<'a> {
    ledger: &'a Mutex<Ledger>,
    name: String,
    /// What its end leaves behind.
    after: State,
}

impl Turn<'_> {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns `true` if the steps of earlier attempts are to be read first.
    pub(super) fn is_unread(&self) -> bool {
        lock(self.ledger).is_unread()
    }

    /// Takes the steps of earlier attempts.
    pub(super) fn read(&self, stored: StoredSteps) {
        lock(self.ledger).read(stored);
    }

    /// Returns what to do about the step.
    pub(super) fn place(&self, job: i64) -> Result<Place, StepError> {
        lock(self.ledger).place(job, &self.name)
    }

    /// From now on the step may be stored, until it is known that it is, or is not.
    pub(super) fn begin_to_store(&mut self) {
        self.after = State::Unsure(self.name.clone());
    }

    /// The step is stored, with a value of so many bytes.
    pub(super) fn is_stored(&mut self, bytes: usize) {
        lock(self.ledger).store(&self.name, bytes);
        self.after = State::Free;
    }

    /// The step is not stored.
    pub(super) fn is_not_stored(&mut self) {
        self.after = State::Free;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(self.ledger).leave(std::mem::take(&mut self.after));
    }
}

#[cfg(test)]
mod tests;
