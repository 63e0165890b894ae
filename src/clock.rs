//! The wall clock of the process. No other file reads it, so every decision by the time receives the time. No fire depends on
//! it: lines and schedules go by the clock of the database.

#[cfg(feature = "testing")]
use std::sync::Arc;
#[cfg(feature = "testing")]
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Reads the wall clock.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock {
    /// How far it is ahead of the operating system's. Only tests set it.
    pub(crate) ahead: TimeDelta,
    /// By how many microseconds the test kit has moved it, together with the clock of the database.
    #[cfg(feature = "testing")]
    pub(crate) moved: Arc<AtomicI64>,
}

impl Clock {
    /// Returns the time of the operating system.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let now = Utc::now() + self.ahead;
        #[cfg(feature = "testing")]
        let now = now + TimeDelta::microseconds(self.moved.load(Ordering::SeqCst));
        now
    }

    /// How far the clock of a server is ahead of this machine's, at least. The server has read the time while this machine
    /// waited from `sent` to `replied`, so a slow reply shows no difference.
    pub(crate) fn ahead_of(there: DateTime<Utc>, sent: DateTime<Utc>, replied: DateTime<Utc>) -> TimeDelta {
        (there - replied).max(TimeDelta::zero()) + (there - sent).min(TimeDelta::zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_time_outside_of_the_wait_for_the_reply_shows_a_difference() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let ahead = |there| Clock::ahead_of(at(there), at(100), at(120)).num_seconds();
        assert_eq!([90, 100, 110, 120, 127].map(ahead), [-10, 0, 0, 0, 7]);
    }
}
