//! Adds a job that a person has written down, or one like another. Its payload is judged by the task, as that of any other job.

use actix_web::http::StatusCode;
use serde::Deserialize;

use super::ask_job::{self, Copied};
use super::fields::{is_exact, pretty, pretty_text};
use super::job_form::Form;
use super::marks::whole;
use super::{Next, log_deed};
use crate::dashboard::failure::Failure;
use crate::dashboard::links::link;
use crate::dashboard::page::Page;
use crate::dashboard::payloads::Copy;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::{Visit, read};
use crate::error::{SchedulerError, StoreError};
use crate::job::NewJob;

/// What the form begins with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Of {
    /// The job that the new one is to be like.
    id: Option<i64>,
    task: String,
}

pub(super) async fn ask(visit: &Visit) -> Result<Page, Failure> {
    let of: Of = visit.query()?;
    let (form, copied) = match of.id {
        Some(id) => like(visit, id).await?,
        None => (Form { task: of.task, payload: "{}".to_owned(), ..Form::default() }, None),
    };
    page(visit, &form, copied, None).await
}

pub(super) async fn perform(visit: &Visit, text: &str) -> Result<Next, Failure> {
    let Of { id, .. } = visit.query()?;
    let form: Form = read(text)?;
    let payload = whole(visit, id, &form).await?.map_err(|problem| problem.to_string());
    let added = match payload.and_then(|payload| form.job(&payload)) {
        Ok(job) => insert(visit, job).await,
        Err(problem) => return again(visit, id, &form, &problem).await,
    };
    log_deed(Deed::AddJob, &form.task, added.as_ref().map_or("not done", |_| "done"));
    match added {
        Ok(id) => Ok(Next::See(link("job", &[("id", &id.to_string()), ("did", "job-added")]))),
        Err(SchedulerError::Store(error @ StoreError::Invalid { .. })) => {
            again(visit, id, &form, &error.to_string()).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Adds a job, with its line in the audit log, and returns its id.
pub(in crate::dashboard) async fn insert(visit: &Visit, job: NewJob) -> Result<i64, SchedulerError> {
    let entry = visit.entry(Deed::AddJob, "job", "", &format!("added: a job of {}", job.task()));
    visit.scheduler().jobs().insert_audited(job, move |id| entry.subject(id.to_string())).await
}

/// The form of a job as the viewer sees it. A payload that the application shows in part would be stored in part, so its field stays
/// empty. The new job has no key: it would take the place of the other one.
async fn like(visit: &Visit, id: i64) -> Result<(Form, Option<Copied>), Failure> {
    let found = visit.scheduler().jobs().get(id).await?;
    let job = found.ok_or_else(|| Failure::NotFound(format!("There is no job {id}.")))?;
    let (payload, copied) = match visit.copy_of(&job).await? {
        Copy::Whole(payload) => (pretty_text(&payload), Copied::Whole(id)),
        Copy::Redacted { stored, shown } if is_exact(&stored) => (pretty(&shown), Copied::Redacted(id)),
        Copy::Redacted { .. } | Copy::None => (String::new(), Copied::WithoutPayload(id)),
    };
    let form = Form {
        task: job.task,
        payload,
        queue: job.queue.unwrap_or_default(),
        priority: job.priority.to_string(),
        max_attempts: job.max_attempts.map(|most| most.to_string()).unwrap_or_default(),
        flags: job.flags.unwrap_or_default().join(", "),
        version: job.version.map(|version| version.to_string()).unwrap_or_default(),
        ..Form::default()
    };
    Ok((form, Some(copied)))
}

async fn again(visit: &Visit, of: Option<i64>, form: &Form, why: &str) -> Result<Next, Failure> {
    let page = page(visit, form, of.map(Copied::Whole), Some(why)).await?;
    Ok(Next::Again(Box::new(page), StatusCode::BAD_REQUEST))
}

async fn page(
    visit: &Visit,
    form: &Form,
    copied: Option<Copied>,
    why: Option<&str>,
) -> Result<Page, Failure> {
    let tasks = visit.scheduler().tasks().list().await?;
    Ok(ask_job::page(form, copied, why, &tasks))
}
