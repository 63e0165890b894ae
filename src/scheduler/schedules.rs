//! The stored schedules of a running scheduler's database, from async code: the verbs of
//! [`schedules`](mod@crate::schedules) on its connections.

use std::fmt;
use std::sync::Arc;

use super::handle::Scheduler;
use super::payloads::{check_changed, check_new};
use super::verbs::Verbs;
use crate::engine::Wake;
use crate::error::SchedulerError;
use crate::schedule::{NewSchedule, ScheduleChanges};
use crate::store::Session;
use crate::store::schedules::{self, ScheduleFilter, ScheduleFire, ScheduleRow};
use crate::text::one_line;

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
    /// Creates a schedule; see [`schedules::create`]. Where this process has a handler for the task, a payload that does not fit
    /// its type is refused as [`StoreError::Invalid`](crate::StoreError::Invalid). A warning is logged if no living worker knows
    /// the task, or does not accept the payload; [`ScheduleRow::warning`] has it too.
    pub async fn create(&self, schedule: NewSchedule) -> Result<(), SchedulerError> {
        check_new(&schedule, &self.verbs.shared().known)?;
        let create = move |conn: &mut Session<'_>| {
            schedules::create(conn, &schedule)?;
            schedules::get(conn, schedule.name())
        };
        warn(self.verbs.run(create).await?.as_ref());
        Ok(())
    }

    /// Changes fields of a schedule; see [`schedules::update`]. Another task or payload is judged as by [`Self::create`].
    pub async fn update(
        &self,
        name: impl Into<String>,
        changes: ScheduleChanges,
    ) -> Result<(), SchedulerError> {
        let name = name.into();
        let known = Arc::clone(&self.verbs.shared().known);
        let change = move |conn: &mut Session<'_>| {
            conn.transaction(|conn| {
                schedules::update(conn, &name, &changes)?;
                if changes.0.get("task").or(changes.0.get("payload")).is_none() {
                    return Ok(None);
                }
                let row = schedules::get(conn, &name)?;
                row.as_ref().map_or(Ok(()), |row| check_changed(row, &known))?;
                Ok(row)
            })
        };
        warn(self.verbs.run(change).await?.as_ref());
        Ok(())
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

fn warn(row: Option<&ScheduleRow>) {
    if let Some(ScheduleRow { name, task, warning: Some(warning), .. }) = row {
        log::warn!(
            "schedule `{}`: jobs of the task `{}` will not succeed: {}",
            one_line(name),
            one_line(task),
            one_line(warning)
        );
    }
}

impl fmt::Debug for Schedules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schedules")
    }
}
