//! `jobs ..`: jobs and finished ones as tables or as JSON, and what a person may do to them.

use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use mainspring::history::{self, HistoryRow};
use mainspring::jobs::{self, Act, AttemptError, Job, JobFilter, JobOrder, JobStatus, JobStep};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod arguments;
mod asked;
mod operations;
mod selection;

pub(crate) use arguments::JobsCommand;
use arguments::{
    ClearStepsArguments, HistoryArguments, ListArguments, Payload, ReasonArguments, ShowArguments,
};
use asked::Asked;
pub(crate) use selection::tell_each;

use crate::failure::Failure;
use crate::output;
use crate::redaction::redacted;
use crate::source::{Query, Source};

pub(crate) fn run(source: &mut Source, command: JobsCommand, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        JobsCommand::List(arguments) => list(source, &arguments, out),
        JobsCommand::Show(arguments) => show(source, &arguments, out),
        JobsCommand::History(arguments) => list_history(source, &arguments, out),
        JobsCommand::Retry(one) => {
            let act = Asked::new("retry", Act::Retry(one.due.moment()?)).usually_for(JobStatus::Dead);
            one.jobs.act(source, &one.listing, out, &act)
        }
        JobsCommand::Reschedule(one) => {
            let act = Asked::new("reschedule", Act::Reschedule(one.changes()?));
            one.jobs.act(source, &one.listing, out, &act)
        }
        JobsCommand::Cancel(one) => with_reason(source, one, "cancel", Act::Cancel, out),
        JobsCommand::Complete(one) => with_reason(source, one, "complete", Act::Complete, out),
        JobsCommand::Fail(one) => with_reason(source, one, "fail", Act::Fail, out),
        JobsCommand::Release(one) => {
            let act = Asked::new("release", Act::Release).usually_for(JobStatus::Waiting);
            one.jobs.act(source, &one.listing, out, &act)
        }
        JobsCommand::Delete(one) => {
            one.jobs.act(source, &one.listing, out, &Asked::new("delete", Act::Delete))
        }
        JobsCommand::ClearSteps(one) => clear_steps(source, &one, out),
    }
}

fn with_reason(
    source: &mut Source,
    arguments: ReasonArguments,
    verb: &'static str,
    act: fn(Option<String>) -> Act,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let act = Asked::new(verb, act(arguments.reason));
    arguments.jobs.act(source, &arguments.listing, out, &act)
}

fn list(source: &mut Source, arguments: &ListArguments, out: &mut impl Write) -> Result<(), Failure> {
    let filter = arguments.filter();
    let jobs: Vec<Job> = source.read(query(&filter), |conn| jobs::list(conn, &filter))?;
    if arguments.listing.json {
        return output::json(out, &jobs);
    }
    let headings = [
        "ID",
        "STATE",
        "TASK",
        "QUEUE",
        "PRIORITY",
        "RUN AT",
        "ATTEMPTS",
        "DEATHS",
        "KEY",
        "PROGRESS",
        "LAST ERROR",
    ];
    output::table(out, headings, jobs.into_iter().map(cells).collect())
}

fn cells(job: Job) -> [String; 11] {
    [
        job.id.to_string(),
        job.state.as_str().to_owned(),
        job.task,
        job.queue.unwrap_or_default(),
        job.priority.to_string(),
        moment(job.run_at),
        job.max_attempts.map_or_else(|| job.attempts.to_string(), |most| format!("{}/{most}", job.attempts)),
        job.deaths.to_string(),
        job.key.unwrap_or_default(),
        job.progress.map(|percent| format!("{percent} %")).unwrap_or_default(),
        output::shortened(&job.last_error.unwrap_or_default()),
    ]
}

// One job with its steps, and with its payload where that was requested.
#[derive(Serialize, Deserialize)]
struct Shown {
    #[serde(flatten)]
    job: Job,
    #[serde(default)]
    steps: Vec<JobStep>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

fn show(source: &mut Source, arguments: &ShowArguments, out: &mut impl Write) -> Result<(), Failure> {
    let ShowArguments { id, payload, .. } = *arguments;
    let query = Query::new("job").with("id", Some(id)).with("payload", payload.map(|Payload::Shown| true));
    let mut shown = source.find(
        query,
        || Failure::no_job(id),
        |conn| {
            let Some(job) = jobs::get(conn, id)? else { return Ok(None) };
            let payload = match payload {
                Some(Payload::Shown) => jobs::payload(conn, id)?,
                None => None,
            };
            let payload = payload.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
            let payload = payload.map(|payload| redacted(conn, &job.task, payload)).transpose()?;
            Ok(Some(Shown { job, steps: jobs::steps(conn, id)?, payload }))
        },
    )?;
    if arguments.listing.json {
        return output::json(out, &shown);
    }
    let errors = std::mem::take(&mut shown.job.errors);
    let steps = std::mem::take(&mut shown.steps);
    let fields = serde_json::to_value(&shown)?;
    let fields = fields.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| !["errors", "steps"].contains(&name.as_str()));
    output::table(out, ["FIELD", "VALUE"], fields.map(field_cells).collect())?;
    if !steps.is_empty() {
        writeln!(out)?;
        output::table(out, ["STEP", "NAME", "DONE AT"], steps.into_iter().map(step_cells).collect())?;
    }
    if errors.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    output::table(
        out,
        ["ATTEMPT", "FAILED AT", "WORKER", "ERROR"],
        errors.into_iter().map(error_cells).collect(),
    )
}

fn step_cells(step: JobStep) -> [String; 3] {
    [step.position.to_string(), step.name, moment(step.finished_at)]
}

/// How many steps are forgotten.
#[derive(Deserialize)]
struct Cleared {
    cleared: i64,
}

fn clear_steps(
    source: &mut Source,
    arguments: &ClearStepsArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let ClearStepsArguments { id } = *arguments;
    let Cleared { cleared } = source.act("clear-steps", &json!({"id": id}), |conn| {
        Ok(Cleared { cleared: jobs::clear_steps(conn, id)? })
    })?;
    Ok(writeln!(out, "{cleared} steps of job {id} are forgotten")?)
}

fn error_cells(error: AttemptError) -> [String; 4] {
    let worker = error.worker.unwrap_or_else(|| error.worker_id.to_string());
    [error.attempt.to_string(), moment(error.at), worker, error.error]
}

fn field_cells((name, value): (&String, &Value)) -> [String; 2] {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    [name.replace('_', " "), text]
}

fn list_history(
    source: &mut Source,
    arguments: &HistoryArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let filter = arguments.filter();
    let query = Query::new("history").with("id", filter.id).with("task", filter.task.as_ref());
    let query = query.with("queue", filter.queue.as_ref()).with("outcome", filter.outcome.as_ref());
    let query = query.with("limit", Some(filter.limit));
    let jobs: Vec<HistoryRow> = source.read(query, |conn| history::list(conn, &filter))?;
    if arguments.listing.json {
        return output::json(out, &jobs);
    }
    let headings =
        ["ID", "OUTCOME", "TASK", "QUEUE", "FINISHED AT", "TOOK", "ATTEMPTS", "KEY", "WORKER", "REASON"];
    output::table(out, headings, jobs.into_iter().map(history_cells).collect())
}

fn history_cells(job: HistoryRow) -> [String; 10] {
    let took = job.started_at.map(|started| (job.finished_at - started).num_milliseconds());
    [
        job.id.to_string(),
        job.outcome,
        job.task,
        job.queue.unwrap_or_default(),
        moment(job.finished_at),
        took.map(|millis| format!("{millis} ms")).unwrap_or_default(),
        job.attempts.to_string(),
        job.key.unwrap_or_default(),
        job.worker_id.map(|id| id.to_string()).unwrap_or_default(),
        output::shortened(&job.reason.unwrap_or_default()),
    ]
}

// The filter as the API reads it.
fn query(filter: &JobFilter) -> Query {
    let order = matches!(filter.order, JobOrder::NewestFirst).then_some("newest_first");
    Query::new("jobs")
        .with_all(operations::conditions(filter))
        .with("after_id", filter.after_id)
        .with("before_id", filter.before_id)
        .with("order", order)
        .with("limit", Some(filter.limit))
}

fn moment(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}
