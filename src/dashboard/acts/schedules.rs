//! Pauses, resumes and fires schedules.

use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::error::StoreError;
use crate::store::{Session, audit, schedules};

#[derive(Deserialize)]
struct Of {
    name: String,
}

pub(super) async fn pause(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    if visit.scheduler().schedules().require(&*name).await?.paused {
        return Err(refused(&name, "The schedule was paused already."));
    }
    change(visit, Deed::PauseSchedule, &name, "paused", |conn, name| schedules::pause(conn, name)).await?;
    Ok(next(&name, "schedule-paused"))
}

pub(super) async fn resume(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    if !visit.scheduler().schedules().require(&*name).await?.paused {
        return Err(refused(&name, "The schedule was not paused."));
    }
    change(visit, Deed::ResumeSchedule, &name, "resumed", |conn, name| schedules::resume(conn, name)).await?;
    Ok(next(&name, "schedule-resumed"))
}

pub(super) async fn trigger(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    let (of, entry) = (name.clone(), visit.entry(Deed::TriggerSchedule, "schedule", &*name, ""));
    let fire = move |conn: &mut Session<'_>| {
        let fire = schedules::trigger(conn, &of)?;
        audit::add(conn, &entry.result(&*fire.outcome))?;
        Ok(fire)
    };
    let fire = visit.scheduler().act(fire).await?;
    Ok(next(&name, &fire.outcome))
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

fn next(name: &str, did: &str) -> String {
    link("schedule", &[("name", name), ("did", did)])
}

fn refused(name: &str, why: &str) -> Failure {
    Failure::NotDone { why: why.to_owned(), back: links::schedule(name) }
}
