//! Workflows in the API: which there are, how far they are, and what is done to them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::value::{Identified, json, log_on, within};
use crate::dashboard::acts::signals::deliver;
use crate::dashboard::acts::workflows::{cancel_unfinished, retry_dead};
use crate::dashboard::failure::Failure;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::store::jobs::JobAct;
use crate::store::workflows::WorkflowFilter;

/// Workflows of a page, and the most of one.
const PAGE: u32 = 50;
const MOST: u32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageOf {
    name: Option<String>,
    before: Option<i64>,
    limit: Option<u32>,
}

/// The last workflows, the latest first. Each of their jobs is counted.
pub(super) async fn list(visit: &Visit) -> Result<String, Failure> {
    let PageOf { name, before, limit } = visit.query()?;
    let limit = within(limit.unwrap_or(PAGE), MOST)?;
    let mut filter = WorkflowFilter::new();
    (filter.name, filter.before, filter.limit) = (name, before, limit);
    json(&visit.scheduler().workflows().list(filter).await?)
}

pub(super) async fn one(visit: &Visit) -> Result<String, Failure> {
    let Identified { id } = visit.query()?;
    let found = visit.scheduler().workflows().get(id).await?;
    json(&found.ok_or_else(|| Failure::NotFound(format!("There is no workflow {id}.")))?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobsOf {
    id: i64,
    after: Option<i64>,
}

/// The jobs of a workflow, of those behind the job `after`. None of a workflow that is not there.
pub(super) async fn jobs(visit: &Visit) -> Result<String, Failure> {
    let JobsOf { id, after } = visit.query()?;
    json(&visit.scheduler().workflows().jobs(id, after).await?)
}

pub(super) async fn retry(visit: &Visit, Identified { id }: Identified) -> Result<String, Failure> {
    told(Deed::RetryWorkflow, id, retry_dead(visit, id).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cancel {
    id: i64,
    reason: Option<String>,
}

pub(super) async fn cancel(visit: &Visit, Cancel { id, reason }: Cancel) -> Result<String, Failure> {
    told(Deed::CancelWorkflow, id, cancel_unfinished(visit, id, reason).await)
}

fn told(deed: Deed, id: i64, acts: Result<Vec<JobAct>, Failure>) -> Result<String, Failure> {
    let is_done = |acts: &Vec<JobAct>| acts.iter().any(|act| act.result.was_done());
    log_on(deed, &format!("id={id}"), acts.as_ref().is_ok_and(is_done));
    json(&acts?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signal {
    name: String,
    #[serde(default)]
    value: Value,
}

pub(super) async fn send_signal(visit: &Visit, Signal { name, value }: Signal) -> Result<String, Failure> {
    let is_new = deliver(visit, name.clone(), value).await;
    log_on(Deed::SendSignal, &format!("name={name}"), is_new.as_ref().is_ok_and(|is_new| *is_new));
    json(&json!({"name": name, "changed": is_new?}))
}
