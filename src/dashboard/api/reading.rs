//! What the API reads. Each query refuses a parameter that it does not know.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::many;
use super::value::json;
use super::workflows;
use crate::dashboard::failure::Failure;
use crate::dashboard::payloads::Payload;
use crate::dashboard::routes::Data;
use crate::dashboard::state::HOUR;
use crate::dashboard::visit::Visit;
use crate::error::SchedulerError;
use crate::redacted::MARK;
use crate::store::errors::ErrorGroup;
use crate::store::jobs::{Job, JobStep};
use crate::store::schedules::ScheduleRow;
use crate::store::stats::{Kind, Stats};

/// The description of the API for programs.
const OPENAPI: &str = include_str!("openapi.json");
/// How far back statistics and errors reach.
const LONGEST_SECONDS: u64 = 90 * 24 * 3600;
/// Fires that a schedule shows at most.
const MOST_FIRES: u32 = 10_000;

pub(in crate::dashboard) async fn read(visit: &Visit, data: Data) -> Result<String, Failure> {
    let scheduler = visit.scheduler();
    match data {
        Data::OpenApi => nothing(visit).map(|()| OPENAPI.to_owned()),
        Data::Status => json(&whole(visit, scheduler.status()).await?),
        Data::Gauges => {
            nothing(visit)?;
            json(&visit.state.gauges().await.as_deref())
        }
        Data::Doctor => doctor(visit).await,
        Data::Health => health(visit).await,
        Data::Job => job(visit).await,
        Data::Jobs => json(&scheduler.jobs().list(visit.query()?).await?),
        Data::History => json(&scheduler.jobs().history(visit.query()?).await?),
        Data::Explain => explain(visit).await,
        Data::Tasks => json(&whole(visit, scheduler.tasks().list()).await?),
        Data::TaskLimits => json(&whole(visit, scheduler.queues().task_limits()).await?),
        Data::Stats => stats(visit).await,
        Data::Queues => json(&whole(visit, scheduler.queues().list()).await?),
        Data::Families => json(&whole(visit, scheduler.queues().families()).await?),
        Data::Queue => {
            let Named { name } = visit.query()?;
            json(&scheduler.queues().show(name).await?)
        }
        Data::Schedules => {
            let rows = scheduler.schedules().list(visit.query()?).await?;
            json(&all_as_shown(visit, rows).await?)
        }
        Data::Lines => {
            let rows = whole(visit, scheduler.schedules().lines()).await?;
            json(&all_as_shown(visit, rows).await?)
        }
        Data::Schedule => schedule(visit).await,
        Data::Errors => errors(visit).await,
        Data::Error => error(visit).await,
        Data::Audit => json(&scheduler.audit(visit.query()?).await?),
        Data::CountJobs => many::count(visit).await,
        Data::Operations => many::list(visit).await,
        Data::Operation => many::one(visit).await,
        Data::Workflows => workflows::list(visit).await,
        Data::Workflow => workflows::one(visit).await,
        Data::WorkflowJobs => workflows::jobs(visit).await,
        Data::Workers => json(&whole(visit, scheduler.workers().list()).await?),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

// What has no parameters refuses those of others.
fn nothing(visit: &Visit) -> Result<(), Failure> {
    visit.query().map(|Nothing {}| ())
}

async fn whole<T>(
    visit: &Visit,
    reading: impl Future<Output = Result<T, SchedulerError>>,
) -> Result<T, Failure> {
    nothing(visit)?;
    Ok(reading.await?)
}

async fn doctor(visit: &Visit) -> Result<String, Failure> {
    nothing(visit)?;
    let report = visit.state.report().await?;
    let (findings, unchecked) = (&report.findings, &report.unchecked);
    json(&json!({"count": report.count(), "findings": findings, "unchecked": unchecked}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneJob {
    id: i64,
    #[serde(default)]
    payload: bool,
}

// As `jobs show --json`. A payload that the viewer may not see is left out.
#[derive(Serialize)]
struct WithPayload {
    #[serde(flatten)]
    job: Job,
    steps: Vec<JobStep>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

async fn job(visit: &Visit) -> Result<String, Failure> {
    let OneJob { id, payload } = visit.query()?;
    let job = visit.scheduler().jobs().require(id).await?;
    let payload = if payload { visit.payload_of(&job).await? } else { None };
    let payload = payload.and_then(value);
    let steps = visit.scheduler().jobs().steps(id).await?;
    json(&WithPayload { job, steps, payload })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identified {
    id: i64,
}

async fn explain(visit: &Visit) -> Result<String, Failure> {
    let Identified { id } = visit.query()?;
    let reasons = visit.scheduler().jobs().explain(id).await?;
    if reasons.is_empty() {
        visit.scheduler().jobs().require(id).await?;
    }
    json(&reasons)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneSchedule {
    name: String,
    #[serde(default = "ten")]
    fires: u32,
}

fn ten() -> u32 {
    10
}

async fn schedule(visit: &Visit) -> Result<String, Failure> {
    let OneSchedule { name, fires } = visit.query()?;
    if fires > MOST_FIRES {
        return Err(Failure::Invalid(format!("fires must be at most {MOST_FIRES}, got {fires}")));
    }
    let row = visit.scheduler().schedules().require(&*name).await?;
    let fires = visit.scheduler().schedules().fires(name, fires).await?;
    json(&json!({"schedule": as_shown(visit, row).await?, "fires": fires}))
}

/// A payload that the viewer may not see is null.
pub(super) async fn as_shown(visit: &Visit, mut row: ScheduleRow) -> Result<ScheduleRow, Failure> {
    row.payload = value(visit.payload_of_schedule(&row).await?).unwrap_or_default();
    Ok(row)
}

async fn all_as_shown(visit: &Visit, mut rows: Vec<ScheduleRow>) -> Result<Vec<ScheduleRow>, Failure> {
    let redaction = visit.redaction(rows.iter().map(|row| &*row.task)).await?;
    for row in &mut rows {
        let payload = std::mem::take(&mut row.payload);
        row.payload =
            value(visit.payload(redaction.as_ref(), (&row.task, row.version), payload)).unwrap_or_default();
    }
    Ok(rows)
}

/// What programs get of a payload.
fn value(payload: Payload) -> Option<Value> {
    match payload {
        Payload::Shown(payload) => Some(payload),
        Payload::Hidden => None,
        Payload::Redacted => Some(MARK.into()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lately {
    since_seconds: Option<u64>,
    task: Option<String>,
}

impl Lately {
    fn ago(&self) -> Result<Duration, Failure> {
        let seconds = self.since_seconds.unwrap_or(HOUR.as_secs());
        if (1..=LONGEST_SECONDS).contains(&seconds) {
            return Ok(Duration::from_secs(seconds));
        }
        Err(Failure::Invalid(format!("since_seconds must be 1 to {LONGEST_SECONDS}, got {seconds}")))
    }

    fn admits(&self, task: &str) -> bool {
        self.task.as_deref().is_none_or(|wanted| wanted == task)
    }
}

async fn errors(visit: &Visit) -> Result<String, Failure> {
    let wanted: Lately = visit.query()?;
    let ago = wanted.ago()?;
    let found =
        if ago == HOUR { visit.state.errors().await? } else { visit.scheduler().errors(ago).await?.into() };
    json(&found.iter().filter(|group| wanted.admits(&group.task)).collect::<Vec<_>>())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneError {
    fingerprint: String,
}

async fn error(visit: &Visit) -> Result<String, Failure> {
    let OneError { fingerprint } = visit.query()?;
    let found: Option<ErrorGroup> = visit.scheduler().error_group(fingerprint).await?;
    json(&found.ok_or_else(|| Failure::NotFound("There is no such group of errors.".to_owned()))?)
}

async fn stats(visit: &Visit) -> Result<String, Failure> {
    let wanted: Lately = visit.query()?;
    let mut found = visit.scheduler().stats(wanted.ago()?).await?;
    let of_task = |stats: &Stats| stats.kind == Kind::Task && wanted.admits(&stats.name);
    found.retain(|stats| wanted.task.is_none() || of_task(stats));
    json(&found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    worker: Option<String>,
}

async fn health(visit: &Visit) -> Result<String, Failure> {
    let Judged { worker } = visit.query()?;
    match worker {
        Some(worker) => json(&visit.scheduler().inspect(Some(&worker)).await?),
        None => json(&*visit.state.inspection().await?),
    }
}
