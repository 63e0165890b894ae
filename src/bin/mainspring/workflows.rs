//! `workflows ..`: lists and shows workflows and batches, retries and cancels them, and sends signals.

use std::io::Write;

use chrono::SecondsFormat;
use clap::{Args, Subcommand, ValueEnum};
use mainspring::Session;
use mainspring::jobs;
use mainspring::workflows::{self, WorkflowFilter, WorkflowJob, WorkflowStatus};
use serde_json::{Value, json};

mod graph;

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::jobs::tell_each;
use crate::output;
use crate::source::{Changed, Query, Source};

#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowsCommand {
    /// List workflows and batches with their counts, the latest first. A callback is not counted.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArguments),
    /// Show a workflow as a graph: a line for each job, indented behind those of the same call that it waits for.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArguments),
    /// Retry the dead jobs of a workflow. Jobs that wait for them go on when they succeed.
    #[command(after_help = "Example:\n  mainspring workflows retry 17")]
    Retry(OneWorkflow),
    /// Cancel every unfinished job of a workflow, and its callback.
    #[command(after_help = "Example:\n  mainspring workflows cancel 17 --reason 'ordered twice'")]
    Cancel(CancelArguments),
    /// Send a signal to the jobs that wait for it, now or later. Only the first value counts.
    #[command(after_help = "Example:\n  mainspring workflows signal order:17:approved '{\"by\": \"anna\"}'")]
    Signal(SignalArguments),
}

const LIST_EXAMPLES: &str = "\
Examples:
  mainspring workflows list
  mainspring workflows list --name 'order 17'
  mainspring workflows list --before 4711 --json   (the page behind that id)";

const SHOW_EXAMPLES: &str = "\
Examples:
  mainspring workflows show 17
  mainspring workflows show 17 --dot | dot -Tsvg > workflow.svg";

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only workflows of this name.
    #[arg(long)]
    name: Option<String>,
    /// Only workflows with smaller ids.
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// At most this many, 1 to 1000.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    #[command(flatten)]
    listing: ListingOptions,
}

#[derive(Debug, Args)]
pub(crate) struct OneWorkflow {
    /// The workflow's id.
    #[arg(value_name = "WORKFLOW", allow_negative_numbers = true)]
    id: i64,
    #[command(flatten)]
    listing: ListingOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    one: OneWorkflow,
    /// Print the graph for Graphviz.
    #[arg(long, value_enum, num_args = 0, default_missing_value = "graphviz", conflicts_with = "json")]
    dot: Option<Drawing>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Drawing {
    Graphviz,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArguments {
    #[command(flatten)]
    one: OneWorkflow,
    /// Why, for the history.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SignalArguments {
    /// The signal's name.
    name: String,
    /// What is stored with it, as JSON [default: null].
    #[arg(
        value_name = "JSON",
        default_value = "null",
        hide_default_value = true,
        allow_negative_numbers = true
    )]
    value: String,
}

pub(crate) fn run(
    source: &mut Source,
    command: WorkflowsCommand,
    out: &mut impl Write,
) -> Result<(), Failure> {
    match command {
        WorkflowsCommand::List(arguments) => list(source, arguments, out),
        WorkflowsCommand::Show(arguments) => show(source, &arguments, out),
        WorkflowsCommand::Retry(OneWorkflow { id, listing }) => {
            let retry = |conn: &mut Session<'_>| workflows::retry(conn, id);
            tell_each(out, &listing, &source.act("retry-workflow", &json!({"id": id}), retry)?)
        }
        WorkflowsCommand::Cancel(CancelArguments { one: OneWorkflow { id, listing }, reason }) => {
            let cancel = |conn: &mut Session<'_>| workflows::cancel(conn, id, reason.as_deref());
            tell_each(
                out,
                &listing,
                &source.act("cancel-workflow", &json!({"id": id, "reason": reason}), cancel)?,
            )
        }
        WorkflowsCommand::Signal(arguments) => signal(source, &arguments, out),
    }
}

fn list(source: &mut Source, arguments: ListArguments, out: &mut impl Write) -> Result<(), Failure> {
    let mut filter = WorkflowFilter::new();
    (filter.name, filter.before, filter.limit) = (arguments.name, arguments.before, arguments.limit);
    let query = Query::new("workflows").with("name", filter.name.as_ref());
    let query = query.with("before", filter.before).with("limit", Some(filter.limit));
    let rows: Vec<WorkflowStatus> = source.read(query, |conn| workflows::list(conn, &filter))?;
    if arguments.listing.json {
        return output::json(out, &rows);
    }
    let headings = ["ID", "STATE", "NAME", "JOBS", "DONE", "DEAD", "WAITING", "RUNNING", "ADDED"];
    output::table(out, headings, rows.into_iter().map(cells).collect())
}

fn cells(row: WorkflowStatus) -> [String; 9] {
    [
        row.id.to_string(),
        row.state.to_string(),
        row.name,
        row.total.to_string(),
        row.done.to_string(),
        row.dead.to_string(),
        row.waiting.to_string(),
        row.running.to_string(),
        row.created_at.to_rfc3339_opts(SecondsFormat::Secs, true),
    ]
}

fn show(source: &mut Source, arguments: &ShowArguments, out: &mut impl Write) -> Result<(), Failure> {
    let id = arguments.one.id;
    let query = Query::new("workflow").with("id", Some(id));
    let missing = || Failure::Refused(format!("there is no workflow {id}"));
    let workflow: WorkflowStatus = source.find(query, missing, |conn| workflows::get(conn, id))?;
    let jobs = all_jobs(source, id)?;
    if arguments.one.listing.json {
        return output::json(out, &json!({"workflow": workflow, "jobs": jobs}));
    }
    match arguments.dot {
        Some(Drawing::Graphviz) => graph::dot(out, &workflow, &jobs),
        None => graph::text(out, &workflow, &jobs),
    }
}

fn all_jobs(source: &mut Source, id: i64) -> Result<Vec<WorkflowJob>, Failure> {
    let mut all: Vec<WorkflowJob> = Vec::new();
    loop {
        let after = all.last().map(|job| job.id);
        let query = Query::new("workflow-jobs").with("id", Some(id)).with("after", after);
        let page: Vec<WorkflowJob> = source.read(query, |conn| workflows::jobs(conn, id, after))?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn signal(source: &mut Source, arguments: &SignalArguments, out: &mut impl Write) -> Result<(), Failure> {
    let value: Value = serde_json::from_str(&arguments.value)
        .map_err(|error| Failure::Usage(format!("the value must be JSON: {error}")))?;
    let name = &arguments.name;
    let Changed { changed } = source.act("send-signal", &json!({"name": name, "value": value}), |conn| {
        Ok(Changed { changed: jobs::signal(conn, name, &value)? })
    })?;
    let done = if changed { "is sent" } else { "was sent before, and its first value stands" };
    Ok(writeln!(out, "{} {done}", output::printable(name))?)
}
