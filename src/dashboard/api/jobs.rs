//! Jobs that the API adds, and acts on jobs by their ids.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::value::{Identified, json, log_on};
use crate::dashboard::acts::add::insert;
use crate::dashboard::acts::jobs::{forget_steps, on_each};
use crate::dashboard::acts::marks::check;
use crate::dashboard::failure::Failure;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::error::StoreError;
use crate::job::{KeyMode, NewJob};
use crate::store::jobs::{Act, Reschedule};

/// The jobs of one request. They are changed in one transaction.
const MOST_JOBS: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    task: String,
    // Its text, so that no number loses a digit.
    payload: Box<RawValue>,
    queue: Option<String>,
    priority: Option<i16>,
    max_attempts: Option<i16>,
    run_at: Option<DateTime<Utc>>,
    key: Option<String>,
    key_mode: Option<String>,
    flags: Option<Vec<String>>,
    version: Option<i32>,
}

pub(super) async fn add(visit: &Visit, add: Add) -> Result<String, Failure> {
    let task = add.task.clone();
    let added = insert(visit, add.job()?).await;
    log_on(Deed::AddJob, &format!("task={task}"), added.is_ok());
    json(&json!({"id": added?}))
}

impl Add {
    fn job(self) -> Result<NewJob, Failure> {
        let invalid = |error: StoreError| Failure::Invalid(error.to_string());
        let job = NewJob::from_json(self.task, self.payload.get()).map_err(invalid)?;
        serde_json::from_str(job.payload()).map_or(Ok(()), |payload| check(&payload)).map_err(invalid)?;
        let mut options = job.options().clone();
        (options.queue, options.key, options.run_at) = (self.queue, self.key, self.run_at);
        (options.priority, options.max_attempts) = (self.priority, self.max_attempts);
        options.flags = self.flags.unwrap_or_default();
        options.version = self.version;
        if let Some(word) = self.key_mode {
            options.key_mode = key_mode(&word)?;
        }
        Ok(job.with_options(options))
    }
}

fn key_mode(word: &str) -> Result<KeyMode, Failure> {
    let modes = [KeyMode::Replace, KeyMode::PreserveRunAt, KeyMode::UnsafeDedupe];
    modes.into_iter().find(|mode| mode.as_str() == word).ok_or_else(|| {
        Failure::Invalid(format!("key_mode must be one of {}", modes.map(KeyMode::as_str).join(", ")))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Retry {
    ids: Vec<i64>,
    run_at: Option<DateTime<Utc>>,
}

pub(super) async fn retry(visit: &Visit, Retry { ids, run_at }: Retry) -> Result<String, Failure> {
    let ids = checked(ids)?;
    act(visit, Deed::RetryJob, ids, Act::Retry(run_at)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cancel {
    ids: Vec<i64>,
    reason: Option<String>,
}

pub(super) async fn cancel(visit: &Visit, Cancel { ids, reason }: Cancel) -> Result<String, Failure> {
    let ids = checked(ids)?;
    act(visit, Deed::CancelJob, ids, Act::Cancel(reason)).await
}

/// The jobs of an act that needs nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct These {
    ids: Vec<i64>,
}

pub(super) async fn delete(visit: &Visit, These { ids }: These) -> Result<String, Failure> {
    let ids = checked(ids)?;
    act(visit, Deed::DeleteJob, ids, Act::Delete).await
}

pub(super) async fn release(visit: &Visit, These { ids }: These) -> Result<String, Failure> {
    let ids = checked(ids)?;
    act(visit, Deed::ReleaseJob, ids, Act::Release).await
}

pub(super) async fn clear_steps(visit: &Visit, Identified { id }: Identified) -> Result<String, Failure> {
    let cleared = forget_steps(visit, id).await;
    log_on(Deed::ClearSteps, &format!("id={id}"), cleared.as_ref().is_ok_and(|cleared| *cleared > 0));
    json(&json!({"id": id, "cleared": cleared?}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    ids: Vec<i64>,
    run_at: Option<DateTime<Utc>>,
    priority: Option<i16>,
    attempts: Option<i16>,
    max_attempts: Option<i16>,
}

pub(super) async fn reschedule(visit: &Visit, change: Change) -> Result<String, Failure> {
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
    let acts = on_each(visit, deed, ids, act).await?;
    for act in &acts {
        log_on(deed, &format!("id={}", act.id), act.result.was_done());
    }
    json(&acts)
}
