//! Retries the dead jobs of a workflow, and cancels its unfinished ones.

use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::{Visit, read};
use crate::store::Session;
use crate::store::jobs::JobAct;
use crate::store::workflows;
use crate::store::workflows::pages::{Recorded, was_cancelled};

#[derive(Deserialize)]
pub(super) struct Of {
    pub(super) id: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cancel {
    reason: String,
}

pub(super) async fn retry(visit: &Visit) -> Result<String, Failure> {
    let Of { id } = visit.query()?;
    visit.workflow(id).await?;
    let acts = retry_dead(visit, id).await?;
    done(id, &acts, "workflow-retried", "None of its jobs is dead.")
}

pub(super) async fn cancel(visit: &Visit, form: &str) -> Result<String, Failure> {
    let Of { id } = visit.query()?;
    let Cancel { reason } = read(form)?;
    let was_cancelled = visit.workflow(id).await?.cancelled_at.is_some();
    let acts = cancel_unfinished(visit, id, (!reason.is_empty()).then_some(reason)).await?;
    if acts.is_empty() && !was_cancelled {
        return Ok(link("workflow", &[("id", &id.to_string()), ("did", "workflow-closed")]));
    }
    done(id, &acts, "workflow-cancelled", "It was cancelled already, and no job is left to cancel.")
}

/// Retries the dead jobs of a workflow, with a line in the audit log if any was dead.
pub(in crate::dashboard) async fn retry_dead(visit: &Visit, id: i64) -> Result<Vec<JobAct>, Failure> {
    let entry = visit.entry(Deed::RetryWorkflow, "workflow", id.to_string(), "");
    let retry = move |conn: &mut Session<'_>| Ok((workflows::retry(conn, id)?, Recorded::IfChanged));
    Ok(visit.scheduler().workflows().act_audited(retry, entry).await?)
}

/// Cancels the unfinished jobs of a workflow, which takes no more jobs then. The audit log has a line if anything was changed.
pub(in crate::dashboard) async fn cancel_unfinished(
    visit: &Visit,
    id: i64,
    reason: Option<String>,
) -> Result<Vec<JobAct>, Failure> {
    let entry = visit.entry(Deed::CancelWorkflow, "workflow", id.to_string(), "");
    let entry = entry.reason(reason.clone().unwrap_or_default());
    let cancel = move |conn: &mut Session<'_>| {
        // The first cancel closes the workflow, also when no job is left.
        let recorded = if was_cancelled(conn, id)? { Recorded::IfChanged } else { Recorded::Always };
        Ok((workflows::cancel(conn, id, reason.as_deref())?, recorded))
    };
    Ok(visit.scheduler().workflows().act_audited(cancel, entry).await?)
}

fn done(id: i64, acts: &[JobAct], did: &str, none: &str) -> Result<String, Failure> {
    let refused = acts.iter().find(|act| !act.result.was_done());
    let did = match (refused, acts.iter().any(|act| act.result.was_done())) {
        (None, true) => did,
        (Some(_), true) => "workflow-partly",
        (refused, false) => {
            let why = refused.map(|act| format!("Job {} is {}.", act.id, act.result.describe()));
            let why = why.unwrap_or_else(|| none.to_owned());
            return Err(Failure::NotDone { why, back: links::workflow(id) });
        }
    };
    Ok(link("workflow", &[("id", &id.to_string()), ("did", did)]))
}
