//! A bound on the connections that all tests of the process hold together. A test that finds none left waits for another to end.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

// Longer than any test should take, and shorter than a person waits for a run that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The connections that are left.
#[derive(Debug)]
pub(super) struct Permits {
    left: Mutex<usize>,
    returned: Condvar,
}

impl Permits {
    pub(super) fn new(all: usize) -> Self {
        Self { left: Mutex::new(all), returned: Condvar::new() }
    }

    /// Takes so many, and waits for them if needed. Returns `false` if no test has ended for two minutes.
    pub(super) fn take(&self, wanted: usize) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        while *left < wanted {
            let waited = self.returned.wait_timeout(left, PATIENCE);
            let (later, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() && *later < wanted {
                return false;
            }
            left = later;
        }
        *left -= wanted;
        true
    }

    pub(super) fn put_back(&self, taken: usize) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) += taken;
        self.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_waits_until_another_returns_its_connections() {
        let permits = Permits::new(3);
        assert!(permits.take(2));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| permits.take(2));
            permits.put_back(2);
            assert!(waits.join().unwrap());
        });
        assert_eq!(*permits.left.lock().unwrap(), 1);
    }
}
