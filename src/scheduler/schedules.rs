//! The schedules of a running scheduler, from async code. Each call is one function of the store on one of the
//! scheduler's connections; nothing is decided here.

use std::fmt;
use std::sync::Arc;

use diesel::PgConnection;

use crate::actors::Shared;
use crate::actors::queue::Wake;
use crate::error::{SchedulerError, StoreError};
use crate::schedule::{NewSchedule, ScheduleChanges};
use crate::store::schedules::{self, ScheduleFilter, ScheduleFire, ScheduleRow};

/// A handle to the stored schedules, from [`Scheduler::schedules`](crate::Scheduler::schedules). What it changes takes
/// effect in every instance within a second. The functions of [`schedules`](mod@crate::schedules) do the same on a
/// connection of the caller's own, as part of the caller's transaction.
///
/// Every method fails with [`SchedulerError::Stopped`] once the scheduler is stopping, and with
/// [`SchedulerError::Store`] as the function of the same name says.
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
    shared: Arc<Shared>,
}

impl Schedules {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// Makes a schedule; see [`schedules::create`].
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn create(&self, schedule: NewSchedule) -> Result<(), SchedulerError> {
        self.run(move |conn| schedules::create(conn, &schedule)).await
    }

    /// Changes fields of a schedule, and answers whether there is one; see [`schedules::update`].
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn update(
        &self,
        name: impl Into<String>,
        changes: ScheduleChanges,
    ) -> Result<bool, SchedulerError> {
        let name = name.into();
        self.run(move |conn| schedules::update(conn, &name, &changes)).await
    }

    /// Stops a schedule from firing, and answers whether there is one; see [`schedules::pause`].
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn pause(&self, name: impl Into<String>) -> Result<bool, SchedulerError> {
        let name = name.into();
        self.run(move |conn| schedules::pause(conn, &name)).await
    }

    /// Lets a schedule fire again, and answers whether there is one; see [`schedules::resume`].
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn resume(&self, name: impl Into<String>) -> Result<bool, SchedulerError> {
        let name = name.into();
        self.run(move |conn| schedules::resume(conn, &name)).await
    }

    /// Deletes a schedule, and answers whether there was one; see [`schedules::delete`].
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn delete(&self, name: impl Into<String>) -> Result<bool, SchedulerError> {
        let name = name.into();
        self.run(move |conn| schedules::delete(conn, &name)).await
    }

    /// Fires a schedule now, and answers the fire, or `None` when there is no such schedule; see [`schedules::trigger`].
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn trigger(&self, name: impl Into<String>) -> Result<Option<ScheduleFire>, SchedulerError> {
        let name = name.into();
        let fire = self.run(move |conn| schedules::trigger(conn, &name)).await?;
        self.shared.send_to_queue(Wake::Everything);
        Ok(fire)
    }

    /// The schedules that the filter admits; see [`schedules::list`].
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn list(&self, filter: ScheduleFilter) -> Result<Vec<ScheduleRow>, SchedulerError> {
        self.run(move |conn| schedules::list(conn, &filter)).await
    }

    /// One schedule, if it is there; see [`schedules::get`].
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn get(&self, name: impl Into<String>) -> Result<Option<ScheduleRow>, SchedulerError> {
        let name = name.into();
        self.run(move |conn| schedules::get(conn, &name)).await
    }

    /// The last fires of a schedule, newest first; see [`schedules::fires`].
    ///
    /// # Errors
    ///
    /// As the type says.
    pub async fn fires(
        &self,
        name: impl Into<String>,
        limit: u32,
    ) -> Result<Vec<ScheduleFire>, SchedulerError> {
        let name = name.into();
        self.run(move |conn| schedules::fires(conn, &name, limit)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SchedulerError> {
        if self.shared.is_stopping() {
            return Err(SchedulerError::Stopped);
        }
        self.shared.do_durably(work).await
    }
}

impl fmt::Debug for Schedules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schedules")
    }
}
