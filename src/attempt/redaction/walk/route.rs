//! The way of one run through a type, and how each run differs from those before.

use std::cell::{Cell, RefCell};

/// The choice of a field or a variant at each place that has several: the one that was taken, and of how many.
#[derive(Default)]
pub(super) struct Route {
    choices: RefCell<Vec<(usize, usize)>>,
    /// Choices that this run has taken.
    taken: Cell<usize>,
    /// A part of the type was not reached.
    is_lost: Cell<bool>,
}

impl Route {
    /// Returns the choice of this run at the next place that has so many.
    pub(super) fn choose(&self, of: usize) -> usize {
        let mut choices = self.choices.borrow_mut();
        let taken = self.taken.replace(self.taken.get() + 1);
        if taken == choices.len() {
            choices.push((0, of));
        }
        choices[taken].0
    }

    /// Prepares the next run. Returns `false` after the last one.
    pub(super) fn turn(&self) -> bool {
        let mut choices = self.choices.borrow_mut();
        choices.truncate(self.taken.replace(0));
        while let Some((chosen, of)) = choices.pop() {
            if chosen + 1 < of {
                choices.push((chosen + 1, of));
                return true;
            }
        }
        false
    }

    /// A part of the type is not reached.
    pub(super) fn lose(&self) {
        self.is_lost.set(true);
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.get()
    }

    /// Whether all choices were taken.
    pub(super) fn is_over(&self) -> bool {
        self.choices.borrow().is_empty()
    }
}
