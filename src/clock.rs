//! The wall clock of the process. No other file reads it, so every decision by the time receives the time.

use chrono::{DateTime, Utc};

/// Reads the wall clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock;

impl Clock {
    /// Returns the time of the operating system.
    pub(crate) fn now(self) -> DateTime<Utc> {
        Utc::now()
    }
}
