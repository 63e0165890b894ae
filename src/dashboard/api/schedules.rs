//! What the API does to schedules.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::reading::as_shown;
use super::value::{Named, json, log_on};
use crate::dashboard::acts::schedules::{self, MEANWHILE};
use crate::dashboard::failure::Failure;
use crate::dashboard::links;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::schedule::{NewSchedule, ScheduleChanges};

pub(super) async fn set_paused(visit: &Visit, deed: Deed, Named { name }: Named) -> Result<String, Failure> {
    let changed = schedules::set_paused(visit, deed, &name).await?;
    log_on(deed, &format!("name={name}"), changed);
    json(&json!({"name": name, "changed": changed}))
}

pub(super) async fn trigger(visit: &Visit, Named { name }: Named) -> Result<String, Failure> {
    let fire = schedules::fire(visit, &name).await?;
    log_on(Deed::TriggerSchedule, &format!("name={name}"), true);
    json(&fire)
}

pub(super) async fn create(visit: &Visit, schedule: NewSchedule) -> Result<String, Failure> {
    let name = schedule.name().to_owned();
    let created = schedules::insert(visit, schedule).await;
    log_on(Deed::CreateSchedule, &format!("name={name}"), created.is_ok());
    json(&as_shown(visit, created?).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    name: String,
    changes: ScheduleChanges,
    /// That of the schedule that the changes are meant for.
    updated_at: Option<DateTime<Utc>>,
}

pub(super) async fn update(visit: &Visit, update: Update) -> Result<String, Failure> {
    let Update { name, changes, updated_at } = update;
    if changes.fields.is_empty() {
        return Err(Failure::Invalid(
            "nothing to change: give changes with a field of a schedule".to_owned(),
        ));
    }
    let row = visit.scheduler().schedules().require(&*name).await?;
    let stored = match updated_at {
        Some(seen) if seen != row.updated_at => None,
        Some(_) | None => schedules::store(visit, &name, row.updated_at, changes).await?,
    };
    log_on(Deed::UpdateSchedule, &format!("name={name}"), stored.is_some());
    let back = links::schedule(&name);
    let stored = stored.ok_or_else(|| Failure::NotDone { why: MEANWHILE.to_owned(), back })?;
    json(&as_shown(visit, stored).await?)
}

pub(super) async fn delete(visit: &Visit, Named { name }: Named) -> Result<String, Failure> {
    schedules::remove(visit, &name).await?;
    log_on(Deed::DeleteSchedule, &format!("name={name}"), true);
    json(&json!({"name": name, "changed": true}))
}
