//! Whether the result of work on another thread is still awaited, where that must be certain.

use std::sync::atomic::{AtomicU8, Ordering};

/// Decides a race between the work and the one who waits for it. Work that hands something on passes it first; the one who
/// waits shuts it to give up.
#[derive(Debug, Default)]
pub(crate) struct Gate(AtomicU8);

const OPEN: u8 = 0;
const PASSED: u8 = 1;
const SHUT: u8 = 2;
const LEFT: u8 = 3;

impl Gate {
    /// Returns `true` if the result will be awaited, and `false` if nobody waits any more.
    pub(crate) fn pass(&self) -> bool {
        self.turn(PASSED)
    }

    /// Returns `true` if the work has not passed, and will not.
    pub(super) fn shut(&self) -> bool {
        self.turn(SHUT)
    }

    /// Returns `true` if the work has passed, and its end is not awaited any more.
    pub(super) fn leave(&self) -> bool {
        self.0.compare_exchange(PASSED, LEFT, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Returns `true` if the end of the work is not awaited.
    pub(super) fn is_given_up(&self) -> bool {
        matches!(self.0.load(Ordering::Acquire), SHUT | LEFT)
    }

    fn turn(&self, to: u8) -> bool {
        let turned = self.0.compare_exchange(OPEN, to, Ordering::AcqRel, Ordering::Acquire);
        turned.is_ok() || turned == Err(to)
    }
}
