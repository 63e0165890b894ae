//! Of which task a value is written or read at this moment, and why one could not be opened. Serde passes neither on.

use std::cell::{Cell, RefCell};

use super::error::SealError;

thread_local! {
    static TASK: Cell<&'static str> = const { Cell::new("") };
    static PROBLEM: RefCell<Option<SealError>> = const { RefCell::new(None) };
}

/// While it lives, values on this thread belong to a payload of the task, or to none.
pub(crate) struct Payload {
    before: &'static str,
}

impl Payload {
    pub(crate) fn of(task: &'static str) -> Self {
        PROBLEM.set(None);
        Self { before: TASK.replace(task) }
    }

    /// Of results, steps and signals.
    pub(crate) fn none() -> Self {
        Self::of("")
    }

    /// Takes why a value could not be opened.
    pub(crate) fn problem(&self) -> Option<SealError> {
        PROBLEM.take()
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        TASK.set(self.before);
    }
}

/// The task to whose payload a value belongs; empty for all other values.
pub(super) fn task() -> &'static str {
    TASK.get()
}

/// Keeps the problem for the one who reads the payload.
pub(super) fn tell(problem: SealError) -> SealError {
    PROBLEM.set(Some(problem.clone()));
    problem
}
