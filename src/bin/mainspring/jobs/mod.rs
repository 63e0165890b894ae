//! `jobs ..`: jobs and finished ones as tables or as JSON, and what a person may do to them.

use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use mainspring::history::{self, HistoryRow};
use mainspring::jobs::{self, JobAct, JobRow};
use mainspring::{JobState, Session, StoreError};
use serde::Serialize;
use serde_json::Value;

mod arguments;
mod selection;

pub(crate) use arguments::JobsCommand;
use arguments::{HistoryArguments, ListArguments, ReasonArguments, ShowArguments};
use selection::Act;

use crate::database::read;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(conn: &mut Session<'_>, command: JobsCommand, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        JobsCommand::List(arguments) => list(conn, &arguments, out),
        JobsCommand::Show(arguments) => show(conn, &arguments, out),
        JobsCommand::History(arguments) => list_history(conn, &arguments, out),
        JobsCommand::Retry(one) => {
            let run_at = one.due.moment()?;
            let perform = |conn: &mut Session<'_>, ids: &[i64]| jobs::retry(conn, ids, run_at);
            let act = Act { verb: "retry", usual_state: Some(JobState::Dead), perform: &perform };
            one.jobs.act(conn, &one.listing, out, &act)
        }
        JobsCommand::Reschedule(one) => {
            let changes = one.changes()?;
            let perform = |conn: &mut Session<'_>, ids: &[i64]| jobs::reschedule(conn, ids, &changes);
            let act = Act { verb: "reschedule", usual_state: None, perform: &perform };
            one.jobs.act(conn, &one.listing, out, &act)
        }
        JobsCommand::Cancel(one) => {
            with_reason(conn, &one, "cancel", |conn, ids, reason| jobs::cancel(conn, ids, reason), out)
        }
        JobsCommand::Complete(one) => {
            with_reason(conn, &one, "complete", |conn, ids, reason| jobs::complete(conn, ids, reason), out)
        }
        JobsCommand::Fail(one) => {
            with_reason(conn, &one, "fail", |conn, ids, reason| jobs::fail(conn, ids, reason), out)
        }
        JobsCommand::Delete(one) => {
            let perform = |conn: &mut Session<'_>, ids: &[i64]| jobs::delete(conn, ids);
            let act = Act { verb: "delete", usual_state: None, perform: &perform };
            one.jobs.act(conn, &one.listing, out, &act)
        }
    }
}

type ActWithReason = fn(&mut Session<'_>, &[i64], Option<&str>) -> Result<Vec<JobAct>, StoreError>;

fn with_reason(
    conn: &mut Session<'_>,
    arguments: &ReasonArguments,
    verb: &str,
    act: ActWithReason,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let perform = |conn: &mut Session<'_>, ids: &[i64]| act(conn, ids, arguments.reason.as_deref());
    let act = Act { verb, usual_state: None, perform: &perform };
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

fn cells(job: JobRow) -> [String; 11] {
    [
        job.id.to_string(),
        job.state.as_str().to_owned(),
        job.task,
        job.queue.unwrap_or_default(),
        job.priority.to_string(),
        moment(job.run_at),
        format!("{}/{}", job.attempts, job.max_attempts),
        job.deaths.to_string(),
        job.key.unwrap_or_default(),
        job.progress.map(|percent| format!("{percent} %")).unwrap_or_default(),
        output::shortened(&job.last_error.unwrap_or_default()),
    ]
}

// One job, with its payload where that was requested, both under the names of `jobs_view`.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    job: JobRow,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

fn show(conn: &mut Session<'_>, arguments: &ShowArguments, out: &mut impl Write) -> Result<(), Failure> {
    let unknown =
        || Failure::Refused(format!("there is no job {}: it is finished, or never was", arguments.id));
    let job = jobs::get(conn, arguments.id)?.ok_or_else(unknown)?;
    let payload = if arguments.payload { jobs::payload(conn, arguments.id)? } else { None };
    let payload = payload.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
    let shown = Shown { job, payload };
    if arguments.listing.json {
        return output::json(out, &shown);
    }
    let fields = serde_json::to_value(&shown)?;
    let fields = fields.as_object().into_iter().flatten().map(field_cells).collect();
    output::table(out, ["FIELD", "VALUE"], fields)
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
