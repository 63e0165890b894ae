//! Pauses, resumes, fires, creates, changes and deletes schedules.

use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::ask_schedule::{self, Above, Seen};
use super::marks::check;
use super::schedule_form::Form;
use super::{Next, log_deed};
use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::page::Page;
use crate::dashboard::payloads::Payload;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::{Visit, read};
use crate::error::{SchedulerError, StoreError};
use crate::schedule::{NewSchedule, ScheduleChanges};
use crate::store::schedules::{ScheduleFire, ScheduleRow};
use crate::store::{Session, audit, schedules};

/// Why a change is refused that another one came before.
pub(in crate::dashboard) const MEANWHILE: &str = "The schedule was changed meanwhile.";

#[derive(Deserialize)]
struct Of {
    name: String,
}

pub(super) async fn pause(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    if set_paused(visit, Deed::PauseSchedule, &name).await? {
        return Ok(next(&name, "schedule-paused"));
    }
    Err(refused(&name, "The schedule was paused already."))
}

pub(super) async fn resume(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    if set_paused(visit, Deed::ResumeSchedule, &name).await? {
        return Ok(next(&name, "schedule-resumed"));
    }
    Err(refused(&name, "The schedule was not paused."))
}

pub(super) async fn trigger(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    let fire = fire(visit, &name).await?;
    Ok(next(&name, &fire.outcome))
}

/// Fires a schedule.
pub(in crate::dashboard) async fn fire(visit: &Visit, name: &str) -> Result<ScheduleFire, Failure> {
    let (of, entry) = (name.to_owned(), visit.entry(Deed::TriggerSchedule, "schedule", name, ""));
    let fire = move |conn: &mut Session<'_>| {
        let fire = schedules::trigger(conn, &of)?;
        audit::add(conn, &entry.result(&*fire.outcome))?;
        Ok(fire)
    };
    Ok(visit.scheduler().act(fire).await?)
}

/// Pauses a schedule or resumes it, and returns whether that was a change.
pub(in crate::dashboard) async fn set_paused(visit: &Visit, deed: Deed, name: &str) -> Result<bool, Failure> {
    let pauses = deed == Deed::PauseSchedule;
    if visit.scheduler().schedules().require(name).await?.paused == pauses {
        return Ok(false);
    }
    if pauses {
        change(visit, deed, name, "paused", |conn, name| schedules::pause(conn, name)).await?;
    } else {
        change(visit, deed, name, "resumed", |conn, name| schedules::resume(conn, name)).await?;
    }
    Ok(true)
}

async fn change(
    visit: &Visit,
    deed: Deed,
    name: &str,
    result: &str,
    change: fn(&mut Session<'_>, &str) -> Result<(), StoreError>,
) -> Result<(), Failure> {
    let (name, entry) = (name.to_owned(), visit.entry(deed, "schedule", name, result));
    let change = move |conn: &mut Session<'_>| {
        change(conn, &name)?;
        audit::add(conn, &entry)?;
        Ok(())
    };
    Ok(visit.scheduler().act(change).await?)
}

pub(super) async fn delete(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    remove(visit, &name).await?;
    Ok(link("schedules", &[("did", "schedule-deleted")]))
}

/// Deletes a schedule, with its line in the audit log.
pub(in crate::dashboard) async fn remove(visit: &Visit, name: &str) -> Result<(), Failure> {
    change(visit, Deed::DeleteSchedule, name, "deleted", |conn, name| schedules::delete(conn, name)).await
}

pub(super) async fn ask_deletion(visit: &Visit) -> Result<Page, Failure> {
    let Of { name } = visit.query()?;
    Ok(ask_schedule::deletion(&visit.scheduler().schedules().require(&*name).await?.name))
}

pub(super) async fn ask_new(visit: &Visit) -> Result<Page, Failure> {
    shown(visit, Deed::CreateSchedule, &Form::default(), Above::Nothing, Seen::Whole).await
}

pub(super) async fn ask_changes(visit: &Visit) -> Result<Page, Failure> {
    let Of { name } = visit.query()?;
    let row = visit.scheduler().schedules().require(&*name).await?;
    let (form, seen) = as_seen(&row, visit).await?;
    shown(visit, Deed::UpdateSchedule, &form, Above::Nothing, seen).await
}

pub(super) async fn create(visit: &Visit, form: &str) -> Result<Next, Failure> {
    let form: Form = read(form)?;
    let deed = Deed::CreateSchedule;
    if let Some(above) = asked_preview(&form, visit) {
        return again(visit, deed, &form, above, Seen::Whole).await;
    }
    let created = match form.schedule() {
        Ok(schedule) => insert(visit, schedule).await,
        Err(problem) => return again(visit, deed, &form, Above::Problem(problem), Seen::Whole).await,
    };
    finish(visit, deed, &form, created, Seen::Whole).await
}

pub(super) async fn update(visit: &Visit, form: &str) -> Result<Next, Failure> {
    let Of { name } = visit.query()?;
    let mut form: Form = read(form)?;
    form.name = name;
    let deed = Deed::UpdateSchedule;
    let row = visit.scheduler().schedules().require(&*form.name).await?;
    let (before, seen) = as_seen(&row, visit).await?;
    if let Some(above) = asked_preview(&form, visit) {
        return again(visit, deed, &form, above, seen).await;
    }
    let changed = match form.changes(&before) {
        _ if form.is_older_than(&row) => Ok(None),
        Ok(changes) => store(visit, &form.name, row.updated_at, changes).await,
        Err(problem) => return again(visit, deed, &form, Above::Problem(problem), seen).await,
    };
    let Some(changed) = changed.transpose() else {
        form.seen.clone_from(&before.seen);
        let why = format!("{MEANWHILE} Save again to put these values in place of the new ones.");
        return again(visit, deed, &form, Above::Problem(why), seen).await;
    };
    finish(visit, deed, &form, changed, seen).await
}

/// Creates a schedule, with its line in the audit log.
pub(in crate::dashboard) async fn insert(
    visit: &Visit,
    schedule: NewSchedule,
) -> Result<ScheduleRow, SchedulerError> {
    check_payload(schedule.fields())?;
    let entry = visit.entry(Deed::CreateSchedule, "schedule", schedule.name(), "created");
    let record = move |conn: &mut Session<'_>| audit::add(conn, &entry).map(drop);
    visit.scheduler().schedules().create_and(schedule, record).await
}

/// Changes a schedule, with its line in the audit log. Returns `None` if it was changed after that time.
pub(in crate::dashboard) async fn store(
    visit: &Visit,
    name: &str,
    seen: DateTime<Utc>,
    changes: ScheduleChanges,
) -> Result<Option<ScheduleRow>, SchedulerError> {
    check_payload(&changes)?;
    let fields: Vec<&str> = changes.fields.keys().map(String::as_str).collect();
    let result = format!("changed: {}", fields.join(", "));
    let entry = visit.entry(Deed::UpdateSchedule, "schedule", name, &result);
    visit.scheduler().schedules().update_audited(name.to_owned(), seen, changes, entry).await
}

fn check_payload(fields: &ScheduleChanges) -> Result<(), SchedulerError> {
    Ok(fields.fields.get("payload").map_or(Ok(()), check)?)
}

async fn finish(
    visit: &Visit,
    deed: Deed,
    form: &Form,
    stored: Result<ScheduleRow, SchedulerError>,
    seen: Seen,
) -> Result<Next, Failure> {
    log_deed(deed, &form.name, stored.as_ref().map_or("not done", |_| "done"));
    match stored {
        Ok(row) if deed == Deed::CreateSchedule => Ok(Next::See(next(&row.name, "schedule-created"))),
        Ok(row) => Ok(Next::See(next(&row.name, "schedule-changed"))),
        Err(SchedulerError::Store(
            error @ (StoreError::Invalid { .. } | StoreError::AlreadyExists { .. }),
        )) => again(visit, deed, form, Above::Problem(error.to_string()), seen).await,
        Err(error) => Err(error.into()),
    }
}

/// The form of a schedule as the viewer sees it. A payload that is shown in part would be stored in part.
async fn as_seen(row: &ScheduleRow, visit: &Visit) -> Result<(Form, Seen), Failure> {
    Ok(match visit.payload_of_schedule(row).await? {
        Payload::Shown(payload) if payload == row.payload => (Form::of(row, Some(&payload)), Seen::Whole),
        Payload::Shown(_) | Payload::Hidden | Payload::Redacted => (Form::of(row, None), Seen::Hidden),
    })
}

fn asked_preview(form: &Form, visit: &Visit) -> Option<Above> {
    (form.what == "preview").then(|| form.preview(visit.now).map_or_else(Above::Problem, Above::Preview))
}

async fn again(visit: &Visit, deed: Deed, form: &Form, above: Above, seen: Seen) -> Result<Next, Failure> {
    let status = match above {
        Above::Problem(_) => StatusCode::BAD_REQUEST,
        Above::Nothing | Above::Preview(_) => StatusCode::OK,
    };
    Ok(Next::Again(Box::new(shown(visit, deed, form, above, seen).await?), status))
}

async fn shown(visit: &Visit, deed: Deed, form: &Form, above: Above, seen: Seen) -> Result<Page, Failure> {
    let tasks = visit.scheduler().tasks().list().await?;
    Ok(ask_schedule::page(deed, form, &above, seen, &tasks, visit))
}

fn next(name: &str, did: &str) -> String {
    link("schedule", &[("name", name), ("did", did)])
}

fn refused(name: &str, why: &str) -> Failure {
    Failure::NotDone { why: why.to_owned(), back: links::schedule(name) }
}
