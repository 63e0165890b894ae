//! What the API does. A body is JSON, and one with a field that is not known is refused.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::value::json;
use crate::dashboard::acts::{jobs, log_deed, queues, schedules};
use crate::dashboard::failure::Failure;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::store::jobs::{Act, Reschedule};

/// The jobs of one request. They are changed in one transaction.
const MOST_JOBS: usize = 1_000;

pub(in crate::dashboard) async fn perform(visit: &Visit, deed: Deed, body: &[u8]) -> Result<String, Failure> {
    match deed {
        Deed::RetryJob => retry(visit, read(body)?).await,
        Deed::CancelJob => cancel(visit, read(body)?).await,
        Deed::RescheduleJob => reschedule(visit, read(body)?).await,
        Deed::DeleteJob => delete(visit, read(body)?).await,
        Deed::PauseQueue | Deed::ResumeQueue => queue(visit, deed, read(body)?).await,
        Deed::PauseSchedule | Deed::ResumeSchedule => schedule(visit, deed, read(body)?).await,
        Deed::TriggerSchedule => trigger(visit, read(body)?).await,
        // The table of routes has none for these.
        Deed::CreateSchedule
        | Deed::UpdateSchedule
        | Deed::DeleteSchedule
        | Deed::ActOnMany
        | Deed::PauseOperation
        | Deed::ResumeOperation
        | Deed::StopOperation => Err(Failure::NoPage),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::Invalid(format!("the body does not fit: {error}")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retry {
    ids: Vec<i64>,
    run_at: Option<DateTime<Utc>>,
}

async fn retry(visit: &Visit, Retry { ids, run_at }: Retry) -> Result<String, Failure> {
    let ids = checked(ids)?;
    act(visit, Deed::RetryJob, ids, Act::Retry(run_at)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    ids: Vec<i64>,
    reason: Option<String>,
}

async fn cancel(visit: &Visit, Cancel { ids, reason }: Cancel) -> Result<String, Failure> {
    let ids = checked(ids)?;
    act(visit, Deed::CancelJob, ids, Act::Cancel(reason)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delete {
    ids: Vec<i64>,
}

async fn delete(visit: &Visit, Delete { ids }: Delete) -> Result<String, Failure> {
    let ids = checked(ids)?;
    act(visit, Deed::DeleteJob, ids, Act::Delete).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    ids: Vec<i64>,
    run_at: Option<DateTime<Utc>>,
    priority: Option<i16>,
    attempts: Option<i16>,
    max_attempts: Option<i16>,
}

async fn reschedule(visit: &Visit, change: Change) -> Result<String, Failure> {
    let ids = checked(change.ids)?;
    let mut changes = Reschedule::new();
    (changes.run_at, changes.priority) = (change.run_at, change.priority);
    (changes.attempts, changes.max_attempts) = (change.attempts, change.max_attempts);
    if changes == Reschedule::new() {
        let fields = "run_at, priority, attempts or max_attempts";
        return Err(Failure::Invalid(format!("nothing to change: give {fields}")));
    }
    act(visit, Deed::RescheduleJob, ids, Act::Reschedule(changes)).await
}

fn checked(ids: Vec<i64>) -> Result<Vec<i64>, Failure> {
    if (1..=MOST_JOBS).contains(&ids.len()) {
        return Ok(ids);
    }
    Err(Failure::Invalid(format!("ids must be 1 to {MOST_JOBS} of them, got {}", ids.len())))
}

async fn act(visit: &Visit, deed: Deed, ids: Vec<i64>, act: Act) -> Result<String, Failure> {
    let acts = jobs::on_each(visit, deed, ids, act).await?;
    for act in &acts {
        log_deed(deed, &format!("id={}", act.id), word(act.result.was_done()));
    }
    json(&acts)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

async fn queue(visit: &Visit, deed: Deed, Named { name }: Named) -> Result<String, Failure> {
    let changed = queues::change(visit, deed, &name).await?;
    log_deed(deed, &format!("name={name}"), word(changed));
    json(&json!({"name": name, "changed": changed}))
}

async fn schedule(visit: &Visit, deed: Deed, Named { name }: Named) -> Result<String, Failure> {
    let changed = schedules::set_paused(visit, deed, &name).await?;
    log_deed(deed, &format!("name={name}"), word(changed));
    json(&json!({"name": name, "changed": changed}))
}

async fn trigger(visit: &Visit, Named { name }: Named) -> Result<String, Failure> {
    let fire = schedules::fire(visit, &name).await?;
    log_deed(Deed::TriggerSchedule, &format!("name={name}"), word(true));
    json(&fire)
}

fn word(was_done: bool) -> &'static str {
    if was_done { "done" } else { "not done" }
}
