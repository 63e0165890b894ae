//! Schedules that people keep, and that all schedulers fire together. Each verb is a function that takes the connection
//! first, so that it can join the caller's transaction. A change takes effect in every instance when it commits.
//!
//! ```no_run
//! use mainspring::{NewSchedule, ScheduleChanges, schedules};
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! schedules::create(&mut conn, &NewSchedule::new("nightly", "report.publish", "0 2 * * *"))?;
//! schedules::update(&mut conn, "nightly", &ScheduleChanges::new().expression("30 2 * * *"))?;
//! for schedule in schedules::list(&mut conn, &Default::default())? {
//!     println!("{} fires next at {:?}", schedule.name, schedule.next_fires.first());
//! }
//! # Ok(())
//! # }
//! ```

mod change;
mod check;
mod due;
mod fire;
mod late;
mod lines;
mod plan;
mod read;
mod trouble;

pub use change::{create, delete, pause, resume, trigger, update};
pub(crate) use check::{CheckedPage, Mended, check_next_fires};
pub(crate) use due::{LeftOut, Which};
pub(crate) use fire::{Fired, fire_due};
pub(crate) use late::{held_rows, holders_of_locks, rehearse, still_waiting};
pub(crate) use lines::register_lines;
pub(crate) use plan::{Look, Planned, Work, look, plan_marked};
pub use read::{ScheduleFilter, ScheduleFire, ScheduleRow, fires, get, lines, list, require};
pub(crate) use trouble::{FaultySchedule, LateFire};
