//! Cron: when a schedule fires, and the crontab text that names the jobs.
//!
//! Everything here is a value computed from text and from times that the caller passes in. Nothing
//! here reads a clock, speaks to a database or logs.

mod builder;
mod crontab;
mod describe;
mod error;
mod expression;
mod field;
mod fields;
mod late;
mod line;
mod options;
mod payload;
mod recurrence;
mod wall_clock;
mod watch;

pub use builder::Cron;
pub use crontab::{CronEntry, Crontab};
pub use error::CronError;
pub use expression::CronExpression;
pub(crate) use late::{Late, LateSchedules};
pub(crate) use recurrence::{Attendance, Due, Fire, Recurrence, read_zone};
pub(crate) use watch::{ClockMove, Watch};
