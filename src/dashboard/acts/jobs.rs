//! Acts on one job. The database decides whether an act applies.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::fields::{integer, moment};
use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::{Visit, read};
use crate::store::Session;
use crate::store::audit;
use crate::store::jobs::{self, Act, ActResult, JobAct, Reschedule};

#[derive(Deserialize)]
struct Of {
    id: i64,
}

pub(super) async fn retry(visit: &Visit) -> Result<String, Failure> {
    act(visit, Deed::RetryJob, Act::Retry(None)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cancel {
    reason: String,
}

pub(super) async fn cancel(visit: &Visit, form: &str) -> Result<String, Failure> {
    let Cancel { reason } = read(form)?;
    act(visit, Deed::CancelJob, Act::Cancel((!reason.is_empty()).then_some(reason))).await
}

pub(super) async fn delete(visit: &Visit) -> Result<String, Failure> {
    act(visit, Deed::DeleteJob, Act::Delete).await
}

pub(super) async fn release(visit: &Visit) -> Result<String, Failure> {
    act(visit, Deed::ReleaseJob, Act::Release).await
}

pub(super) async fn clear_steps(visit: &Visit) -> Result<String, Failure> {
    let Of { id } = visit.query()?;
    forget_steps(visit, id).await?;
    Ok(link("job", &[("id", &id.to_string()), ("did", "cleared")]))
}

/// Forgets the steps of a job, with a line in the audit log, and returns how many those were.
pub(in crate::dashboard) async fn forget_steps(visit: &Visit, id: i64) -> Result<i64, Failure> {
    let entry = visit.entry(Deed::ClearSteps, "job", id.to_string(), "");
    let clear = move |conn: &mut Session<'_>| {
        let cleared = jobs::clear_steps(conn, id)?;
        if cleared > 0 {
            audit::add(conn, &entry.result(format!("{cleared} steps are forgotten")))?;
        }
        Ok(cleared)
    };
    Ok(visit.scheduler().act(clear).await?)
}

/// The fields of the form. An empty one changes nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Changes {
    /// `now`, or empty.
    when: String,
    run_at: String,
    priority: String,
    attempts: String,
    max_attempts: String,
}

pub(super) async fn reschedule(visit: &Visit, form: &str) -> Result<String, Failure> {
    let changes: Changes = read(form)?;
    act(visit, Deed::RescheduleJob, Act::Reschedule(changes.read(visit.now)?)).await
}

impl Changes {
    pub(super) fn read(&self, now: DateTime<Utc>) -> Result<Reschedule, Failure> {
        let mut changes = Reschedule::new();
        changes.run_at = match self.when.as_str() {
            "now" => Some(now),
            "" => moment("run_at", &self.run_at).map_err(Failure::Invalid)?,
            other => return Err(Failure::Invalid(format!("when must be now or empty, got `{other}`"))),
        };
        let number = |field, text| integer(field, text).map_err(Failure::Invalid);
        changes.priority = number("priority", &self.priority)?;
        changes.attempts = number("attempts", &self.attempts)?;
        changes.max_attempts = number("max_attempts", &self.max_attempts)?;
        if changes == Reschedule::new() {
            return Err(Failure::Invalid("the form is empty: fill in what is to change".to_owned()));
        }
        Ok(changes)
    }
}

async fn act(visit: &Visit, deed: Deed, act: Act) -> Result<String, Failure> {
    let Of { id } = visit.query()?;
    let acts = on_each(visit, deed, vec![id], act).await?;
    let result = acts.first().map_or(ActResult::Unknown, |act| act.result);
    let done = match result {
        ActResult::Retried => "retried",
        ActResult::Cancelled => "cancelled",
        ActResult::Cancelling => "cancelling",
        ActResult::Rescheduled => "rescheduled",
        ActResult::Released => "released",
        ActResult::Deleted => return Ok(link("jobs", &[("did", "deleted")])),
        ActResult::Unknown => return Err(Failure::NotFound(format!("There is no job {id}."))),
        refused => {
            let why = format!("Job {id} is {}.", refused.describe());
            return Err(Failure::NotDone { why, back: links::job(id) });
        }
    };
    Ok(link("job", &[("id", &id.to_string()), ("did", done)]))
}

/// Acts on jobs. The audit log has a line for each for which that was done.
pub(in crate::dashboard) async fn on_each(
    visit: &Visit,
    deed: Deed,
    ids: Vec<i64>,
    act: Act,
) -> Result<Vec<JobAct>, Failure> {
    let entry = visit.entry(deed, "job", "", "").reason(act.reason().unwrap_or_default());
    let entry = move |id: i64| entry.clone().subject(id.to_string());
    Ok(visit.scheduler().jobs().act_on_each_audited(ids, act, entry).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_without_changes_or_with_a_wrong_one_is_refused() {
        assert!(Changes::default().read(DateTime::UNIX_EPOCH).is_err());
        let wrong = Changes { priority: "40000".into(), ..Changes::default() };
        assert!(wrong.read(DateTime::UNIX_EPOCH).is_err());
    }
}
