//! What the test kit reads and changes: databases for tests, the clock of one, and the jobs that wait in it. Knows no scheduler.

mod clock;
mod databases;
mod jobs;

pub(crate) use clock::{move_clock, next_due, now, plan_from_now};
pub(crate) use databases::Databases;
pub(crate) use jobs::{WaitingJob, count_by_task, waiting_jobs};
