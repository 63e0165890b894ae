//! The stored schedules of a running scheduler's database, from async code: the verbs of
//! [`schedules`](mod@crate::schedules) on its connections.

use std::fmt;
use std::sync::Arc;

use super::handle::Scheduler;
use super::payloads::{VERSION, check_changed, checked};
use super::verbs::Verbs;
use crate::engine::Wake;
use crate::error::{SchedulerError, StoreError};
use crate::job::KnownTasks;
use crate::schedule::{NewSchedule, ScheduleChanges};
use crate::store::Session;
use crate::store::schedules::{self, ScheduleFilter, ScheduleFire, ScheduleRow};
use crate::store::status::{self, ScheduleProblem};
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
    /// Creates a schedule, and returns it; see [`schedules::create`]. Where this process has a handler for the task, a payload that does not fit
    /// its type is refused as [`StoreError::Invalid`](crate::StoreError::Invalid). A warning is logged if no living worker knows
    /// the task, or does not accept the payload; [`ScheduleRow::warning`] has it too.
    pub async fn create(&self, schedule: NewSchedule) -> Result<ScheduleRow, SchedulerError> {
        self.create_and(schedule, |_| Ok(())).await
    }

    /// Creates a schedule as [`Self::create`] does, and does this in the same transaction.
    pub(crate) async fn create_and(
        &self,
        schedule: NewSchedule,
        also: impl FnOnce(&mut Session<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<ScheduleRow, SchedulerError> {
        let schedule = checked(schedule, &self.verbs.shared().known)?;
        let create = move |conn: &mut Session<'_>| {
            conn.transaction(|conn| {
                schedules::create(conn, &schedule)?;
                also(conn)?;
                schedules::require(conn, schedule.name())
            })
        };
        Ok(warned(self.verbs.run(create).await?))
    }

    /// Changes fields of a schedule, and returns it; see [`schedules::update`]. Another task or payload is judged as by [`Self::create`].
    pub async fn update(
        &self,
        name: impl Into<String>,
        changes: ScheduleChanges,
    ) -> Result<ScheduleRow, SchedulerError> {
        let (name, known) = (name.into(), Arc::clone(&self.verbs.shared().known));
        let is_judged = is_judged(&changes);
        let change =
            move |conn: &mut Session<'_>| conn.transaction(|conn| changed(conn, &name, &changes, &known));
        let row = self.verbs.run(change).await?;
        Ok(if is_judged { warned(row) } else { row })
    }

    #[cfg(feature = "dashboard")]
    pub(super) fn verbs(&self) -> &Verbs {
        &self.verbs
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

    /// Returns the crontab lines of the programs that run; see [`schedules::lines`].
    pub async fn lines(&self) -> Result<Vec<ScheduleRow>, SchedulerError> {
        self.verbs.run(|conn| schedules::lines(conn)).await
    }

    /// Returns one schedule, if it is there; see [`schedules::get`].
    pub async fn get(&self, name: impl Into<String>) -> Result<Option<ScheduleRow>, SchedulerError> {
        let name = name.into();
        self.verbs.run(move |conn| schedules::get(conn, &name)).await
    }

    /// Returns one schedule, or [`StoreError::NotFound`](crate::StoreError::NotFound); see [`schedules::require`].
    pub async fn require(&self, name: impl Into<String>) -> Result<ScheduleRow, SchedulerError> {
        let name = name.into();
        self.verbs.run(move |conn| schedules::require(conn, &name)).await
    }

    /// Returns the schedules and crontab lines that do not fire as they should; see [`status::schedule_problems`].
    pub async fn problems(&self) -> Result<Vec<ScheduleProblem>, SchedulerError> {
        self.verbs.run(|conn| status::schedule_problems(conn)).await
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

/// Changes a schedule in the transaction of the caller. Another task or payload is judged by the type that this process has for it.
pub(super) fn changed(
    conn: &mut Session<'_>,
    name: &str,
    changes: &ScheduleChanges,
    known: &KnownTasks,
) -> Result<ScheduleRow, StoreError> {
    schedules::update(conn, name, changes)?;
    let mut row = schedules::require(conn, name)?;
    if is_judged(changes) {
        let own = known.version_of(&row.task).filter(|own| row.version != Some(*own));
        if let Some(own) = own.filter(|_| changes.get(VERSION).is_none()) {
            schedules::update(conn, name, &ScheduleChanges::new().version(own))?;
            row.version = Some(own);
        }
        check_changed(&row, known)?;
    }
    Ok(row)
}

/// Whether the payload may fit its task no more.
pub(super) fn is_judged(changes: &ScheduleChanges) -> bool {
    changes.get("task").or(changes.get("payload")).is_some()
}

pub(super) fn warned(row: ScheduleRow) -> ScheduleRow {
    if let Some(warning) = &row.warning {
        log::warn!(
            "schedule `{}`: jobs of the task `{}` will not succeed: {}",
            one_line(&row.name),
            one_line(&row.task),
            one_line(warning)
        );
    }
    row
}

impl fmt::Debug for Schedules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schedules")
    }
}
