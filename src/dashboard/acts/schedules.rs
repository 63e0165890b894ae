//! Pauses, resumes and fires schedules.

use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::visit::Visit;

#[derive(Deserialize)]
struct Of {
    name: String,
}

pub(super) async fn pause(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    if visit.scheduler().schedules().require(&*name).await?.paused {
        return Err(refused(&name, "The schedule was paused already."));
    }
    visit.scheduler().schedules().pause(&*name).await?;
    Ok(next(&name, "schedule-paused"))
}

pub(super) async fn resume(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    if !visit.scheduler().schedules().require(&*name).await?.paused {
        return Err(refused(&name, "The schedule was not paused."));
    }
    visit.scheduler().schedules().resume(&*name).await?;
    Ok(next(&name, "schedule-resumed"))
}

pub(super) async fn trigger(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    let fire = visit.scheduler().schedules().trigger(&*name).await?;
    Ok(next(&name, &fire.outcome))
}

fn next(name: &str, did: &str) -> String {
    link("schedule", &[("name", name), ("did", did)])
}

fn refused(name: &str, why: &str) -> Failure {
    Failure::NotDone { why: why.to_owned(), back: links::schedule(name) }
}
