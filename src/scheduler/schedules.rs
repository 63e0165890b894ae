//! The stored schedules of a running scheduler's database, from async code: the verbs of
//! [`schedules`](mod@crate::schedules) on its connections.

use std::fmt;

use super::handle::Scheduler;
use super::verbs::Verbs;
use crate::engine::Wake;
use crate::error::SchedulerError;
use crate::schedule::{NewSchedule, ScheduleChanges};
use crate::store::schedules::{self, ScheduleFilter, ScheduleFire, ScheduleRow};

/// Creates, changes, triggers and lists stored schedules. Returned by [`Scheduler::schedules`]. A change takes effect in
/// every instance within a second. The functions of [`schedules`](mod@crate::schedules) do the same on a connection of
/// the caller, as part of the caller's transaction.
///
/// Every method fails with [`SchedulerError::Stopped`] when the scheduler is stopped, and with
/// [`SchedulerError::Store`] as the function of the same name does.
///
/// ```no_run
/// use mainspring::{NewSchedule, Overlap, ScheduleChanges, Scheduler};
///
/// # async fn example(scheduler: Scheduler) -> Result<(), Box<dyn std::error::Error>> {
/// let schedules = scheduler.schedules();
/// let weekly = NewSchedule::new("weekly", "report.publish", "0 9 * * mon").zone("Europe/Paris");
/// schedules.create(weekly.overlap(Overlap::Skip)).await?;
/// schedules.update("weekly", ScheduleChanges::new().expression("30 9 * * mon")).await?;
/// schedules.trigger("weekly").await?;
/// for schedule in schedules.list(Default::default()).await? {
///     println!("{}: {:?}", schedule.name, schedule.next_fires);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Schedules {
    verbs: Verbs,
}

impl Scheduler {
    /// Returns the handle to the stored schedules: it creates, changes, pauses, triggers and lists them.
    #[must_use]
    pub fn schedules(&self) -> Schedules {
        Schedules { verbs: Verbs::new(&self.0.shared) }
    }
}

#[expect(clippy::missing_errors_doc, reason = "the type documents the errors of all methods")]
impl Schedules {
    /// Creates a schedule; see [`schedules::create`].
    pub async fn create(&self, schedule: NewSchedule) -> Result<(), SchedulerError> {
        self.verbs.run(move |conn| schedules::create(conn, &schedule)).await
    }

    /// Changes fields of a schedule; see [`schedules::update`].
    pub async fn update(
        &self,
        name: impl Into<String>,
        changes: ScheduleChanges,
    ) -> Result<(), SchedulerError> {
        let name = name.into();
        self.verbs.run(move |conn| schedules::update(conn, &name, &changes)).await
    }

    /// Pauses a schedule; see [`schedules::pause`].
    pub async fn pause(&self, name: impl Into<String>) -> Result<(), SchedulerError> {
        let name = name.into();
        self.verbs.run(move |conn| schedules::pause(conn, &name)).await
    }

    /// Ends the pause of a schedule; see [`schedules::resume`].
    pub async fn resume(&self, name: impl Into<String>) -> Result<(), SchedulerError> {
        let name = name.into();
        self.verbs.run(move |conn| schedules::resume(conn, &name)).await
    }

    /// Deletes a schedule; see [`schedules::delete`].
    pub async fn delete(&self, name: impl Into<String>) -> Result<(), SchedulerError> {
        let name = name.into();
        self.verbs.run(move |conn| schedules::delete(conn, &name)).await
    }

    /// Fires a schedule now, and returns the fire; see [`schedules::trigger`].
    pub async fn trigger(&self, name: impl Into<String>) -> Result<ScheduleFire, SchedulerError> {
        let name = name.into();
        self.verbs.run_and_wake(Wake::Everything, move |conn| schedules::trigger(conn, &name)).await
    }

    /// Returns the schedules that the filter admits; see [`schedules::list`].
    pub async fn list(&self, filter: ScheduleFilter) -> Result<Vec<ScheduleRow>, SchedulerError> {
        self.verbs.run(move |conn| schedules::list(conn, &filter)).await
    }

    /// Returns one schedule, if it is there; see [`schedules::get`].
    pub async fn get(&self, name: impl Into<String>) -> Result<Option<ScheduleRow>, SchedulerError> {
        let name = name.into();
        self.verbs.run(move |conn| schedules::get(conn, &name)).await
    }

    /// Returns the last fires of a schedule, newest first; see [`schedules::fires`].
    pub async fn fires(
        &self,
        name: impl Into<String>,
        limit: u32,
    ) -> Result<Vec<ScheduleFire>, SchedulerError> {
        let name = name.into();
        self.verbs.run(move |conn| schedules::fires(conn, &name, limit)).await
    }
}

impl fmt::Debug for Schedules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schedules")
    }
}
