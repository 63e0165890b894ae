//! `jobs ..`: jobs and finished ones as tables or as JSON, and what a person may do to them.

use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use mainspring::Session;
use mainspring::history::{self, HistoryRow};
use mainspring::jobs::{self, Act, AttemptError, Job, JobStatus};
use serde::Serialize;
use serde_json::Value;

mod arguments;
mod selection;

pub(crate) use arguments::JobsCommand;
use arguments::{HistoryArguments, ListArguments, ReasonArguments, ShowArguments};
use selection::Asked;

use crate::database::read;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(conn: &mut Session<'_>, command: JobsCommand, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        JobsCommand::List(arguments) => list(conn, &arguments, out),
        JobsCommand::Show(arguments) => show(conn, &arguments, out),
        JobsCommand::History(arguments) => list_history(conn, &arguments, out),
        JobsCommand::Retry(one) => {
            let act = Asked::new("retry", Act::Retry(one.due.moment()?)).usually_for(JobStatus::Dead);
            one.jobs.act(conn, &one.listing, out, &act)
        }
        JobsCommand::Reschedule(one) => {
            let act = Asked::new("reschedule", Act::Reschedule(one.changes()?));
            one.jobs.act(conn, &one.listing, out, &act)
        }
        JobsCommand::Cancel(one) => with_reason(conn, one, "cancel", Act::Cancel, out),
        JobsCommand::Complete(one) => with_reason(conn, one, "complete", Act::Complete, out),
        JobsCommand::Fail(one) => with_reason(conn, one, "fail", Act::Fail, out),
        JobsCommand::Delete(one) => one.jobs.act(conn, &one.listing, out, &Asked::new("delete", Act::Delete)),
    }
}

fn with_reason(
    conn: &mut Session<'_>,
    arguments: ReasonArguments,
    verb: &'static str,
    act: fn(Option<String>) -> Act,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let act = Asked::new(verb, act(arguments.reason));
    arguments.jobs.act(conn, &arguments.listing, out, &act)
}

fn list(conn: &mut Session<'_>, arguments: &ListArguments, out: &mut impl Write) -> Result<(), Failure> {
    let jobs = read(conn, |conn| jobs::list(conn, &arguments.filter()))?;
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

// One job, with its payload where that was requested, both under the names of `find_job`.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    job: Job,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

fn show(conn: &mut Session<'_>, arguments: &ShowArguments, out: &mut impl Write) -> Result<(), Failure> {
    let job =
        read(conn, |conn| jobs::get(conn, arguments.id))?.ok_or_else(|| Failure::no_job(arguments.id))?;
    let payload = if arguments.payload { jobs::payload(conn, arguments.id)? } else { None };
    let payload = payload.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
    let mut shown = Shown { job, payload };
    if arguments.listing.json {
        return output::json(out, &shown);
    }
    let errors = std::mem::take(&mut shown.job.errors);
    let fields = serde_json::to_value(&shown)?;
    let fields = fields.as_object().into_iter().flatten().filter(|(name, _)| *name != "errors");
    output::table(out, ["FIELD", "VALUE"], fields.map(field_cells).collect())?;
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
    conn: &mut Session<'_>,
    arguments: &HistoryArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let jobs = read(conn, |conn| history::list(conn, &arguments.filter()))?;
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

fn moment(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}
