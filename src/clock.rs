//! The wall clock of the process. No other file reads it, so every decision by the time receives the time. No fire depends on
//! it: lines and schedules go by the clock of the database.

use chrono::{DateTime, TimeDelta, Utc};

/// Reads the wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    /// How far it is ahead of the operating system's. Only tests set it.
    pub(crate) ahead: TimeDelta,
}

impl Clock {
    /// Returns the time of the operating system.
    pub(crate) fn now(self) -> DateTime<Utc> {
        Utc::now() + self.ahead
    }
}
