//! The schedules of one tenant, by the names that the tenant knows.

use serde_json::Value;

use super::schedules::Schedules;
use super::tenant_names::Names;
use crate::error::{Problem, SchedulerError, StoreError};
use crate::schedule::{NewSchedule, ScheduleChanges};
use crate::store::schedules::{ScheduleFilter, ScheduleFire, ScheduleRow};

const LONGEST_NAME: usize = 128;

/// Creates, changes, triggers and lists the schedules of one tenant. Returned by [`Tenant::schedules`](crate::Tenant::schedules).
/// Schedules of others are as if they were not there. Names and keys are those that the tenant knows, in rows, fires and errors
/// too, and jobs are added to the tenant's queues.
///
/// The methods and their errors are those of [`Schedules`]. The users of a route choose by a list of fields:
/// see [`ScheduleChanges::only`].
#[derive(Debug, Clone)]
pub struct TenantSchedules {
    schedules: Schedules,
    names: Names,
}

impl Schedules {
    pub(super) fn of_tenant(self, names: Names) -> TenantSchedules {
        TenantSchedules { schedules: self, names }
    }
}

#[expect(clippy::missing_errors_doc, reason = "the type documents the errors of all methods")]
impl TenantSchedules {
    /// Creates a schedule, and returns it; see [`Schedules::create`]. Without a queue, or with `null`, its jobs get the tenant's queue for
    /// the task. Another queue must be one of the tenant's, else the error is [`StoreError::Invalid`]. Name and tenant together have at
    /// most 127 characters.
    pub async fn create(&self, schedule: NewSchedule) -> Result<ScheduleRow, SchedulerError> {
        let most = LONGEST_NAME - self.names.stored("").chars().count();
        let characters = schedule.name().chars().count();
        if !(1..=most).contains(&characters) {
            let expected = format!("must be 1 to {most} characters");
            return Err(StoreError::from(Problem::new("name", expected, characters)).into());
        }
        let fields = self.names.fields(schedule.fields().clone(), Some(schedule.task()))?;
        let name = self.names.stored(schedule.name());
        self.row(self.schedules.create(schedule.named(name).with(fields)).await)
    }

    /// Changes fields of a schedule, and returns it; see [`Schedules::update`]. With another task, and without a queue, its jobs get the
    /// tenant's queue for that task.
    pub async fn update(
        &self,
        name: impl AsRef<str>,
        changes: ScheduleChanges,
    ) -> Result<ScheduleRow, SchedulerError> {
        let name = name.as_ref();
        let changes = changes.of_schedule(name)?;
        let mut task = changes.get("task").and_then(Value::as_str).map(str::to_owned);
        if task.is_none() && changes.get("queue").is_some_and(Value::is_null) {
            task = Some(self.require(name).await?.task);
        }
        let changes = self.names.fields(changes, task.as_deref())?;
        self.row(self.schedules.update(self.names.stored(name), changes).await)
    }

    /// Pauses a schedule; see [`Schedules::pause`].
    pub async fn pause(&self, name: impl AsRef<str>) -> Result<(), SchedulerError> {
        self.schedules.pause(self.names.stored(name.as_ref())).await.map_err(|error| self.error(error))
    }

    /// Ends the pause of a schedule; see [`Schedules::resume`].
    pub async fn resume(&self, name: impl AsRef<str>) -> Result<(), SchedulerError> {
        self.schedules.resume(self.names.stored(name.as_ref())).await.map_err(|error| self.error(error))
    }

    /// Deletes a schedule; see [`Schedules::delete`].
    pub async fn delete(&self, name: impl AsRef<str>) -> Result<(), SchedulerError> {
        self.schedules.delete(self.names.stored(name.as_ref())).await.map_err(|error| self.error(error))
    }

    /// Fires a schedule now, and returns the fire; see [`Schedules::trigger`].
    pub async fn trigger(&self, name: impl AsRef<str>) -> Result<ScheduleFire, SchedulerError> {
        let fire = self.schedules.trigger(self.names.stored(name.as_ref())).await;
        fire.map(|fire| self.fire(fire)).map_err(|error| self.error(error))
    }

    /// Returns the schedules that the filter admits; see [`Schedules::list`].
    pub async fn list(&self, mut filter: ScheduleFilter) -> Result<Vec<ScheduleRow>, SchedulerError> {
        filter.prefix = Some(self.names.stored(&filter.prefix.unwrap_or_default()));
        filter.after = filter.after.map(|after| self.names.stored(&after));
        let rows = self.schedules.list(filter).await?;
        Ok(rows.into_iter().map(|row| self.shown(row)).collect())
    }

    /// Returns one schedule, if it is there; see [`Schedules::get`].
    pub async fn get(&self, name: impl AsRef<str>) -> Result<Option<ScheduleRow>, SchedulerError> {
        let row = self.schedules.get(self.names.stored(name.as_ref())).await?;
        Ok(row.map(|row| self.shown(row)))
    }

    /// Returns one schedule, or [`StoreError::NotFound`]; see [`Schedules::require`].
    pub async fn require(&self, name: impl AsRef<str>) -> Result<ScheduleRow, SchedulerError> {
        self.row(self.schedules.require(self.names.stored(name.as_ref())).await)
    }

    /// Returns the last fires of a schedule, newest first; see [`Schedules::fires`].
    pub async fn fires(
        &self,
        name: impl AsRef<str>,
        limit: u32,
    ) -> Result<Vec<ScheduleFire>, SchedulerError> {
        let fires = self.schedules.fires(self.names.stored(name.as_ref()), limit).await?;
        Ok(fires.into_iter().map(|fire| self.fire(fire)).collect())
    }

    fn row(&self, row: Result<ScheduleRow, SchedulerError>) -> Result<ScheduleRow, SchedulerError> {
        row.map(|row| self.shown(row)).map_err(|error| self.error(error))
    }

    fn shown(&self, mut row: ScheduleRow) -> ScheduleRow {
        row.name = self.names.shown(row.name);
        row.key = row.key.map(|key| self.names.shown(key));
        row
    }

    fn fire(&self, mut fire: ScheduleFire) -> ScheduleFire {
        fire.schedule = self.names.shown(fire.schedule);
        fire
    }

    /// The error with the name that the tenant knows.
    fn error(&self, error: SchedulerError) -> SchedulerError {
        SchedulerError::Store(match error {
            SchedulerError::Store(StoreError::NotFound { what, name }) => {
                StoreError::NotFound { what, name: self.names.shown(name) }
            }
            SchedulerError::Store(StoreError::AlreadyExists { what, name }) => {
                StoreError::AlreadyExists { what, name: self.names.shown(name) }
            }
            other => return other,
        })
    }
}
