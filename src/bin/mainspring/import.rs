//! `import`: the jobs of another queue move here.

use std::io::Write;

use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use diesel::connection::SimpleConnection;
use mainspring::import::{self, LeftJob, LeftLine, MovedJobs, Report};
use mainspring::{Schema, Session, StoreError};

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output::{self, counted};
use crate::progress::Progress;
use crate::source::Place;

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Move the jobs of Graphile Worker here, and what it knows of its crontab.
    ///
    /// Its schema must be in the same database, made by a version from 0.16 to 0.18. All is moved in one transaction: waiting
    /// jobs, those whose attempts are spent (they become dead ones), and when each line of the crontab was executed last. What
    /// is moved is deleted there. What cannot be moved is left and listed with the reason, such as jobs that a worker has
    /// locked. The command can be repeated, and moves nothing twice.
    ///
    /// Stop Graphile's workers first. No payload is printed. The role must own both schemas.
    #[command(after_help = GRAPHILE_EXAMPLES)]
    Graphile(GraphileArguments),
    /// Print SQL that creates the functions of Graphile Worker, such as graphile_worker.add_job, to be carried out by Mainspring.
    ///
    /// So triggers and programs that call them go on working. The schema of Graphile Worker must be dropped or renamed before.
    /// Needs no database.
    #[command(after_help = FUNCTIONS_EXAMPLES)]
    GraphileFunctions(FunctionsArguments),
}

const GRAPHILE_EXAMPLES: &str = "\
Examples:
  mainspring import graphile --dry-run
  mainspring import graphile --graphile-schema old_worker
  mainspring import graphile --json | jq '.left_jobs[].detail'

Exit codes: 0 all was moved, 1 nothing was moved, 3 some jobs or lines were left, as the output says.";

const FUNCTIONS_EXAMPLES: &str = "\
Examples:
  mainspring import graphile-functions | psql -1 -v ON_ERROR_STOP=1
  mainspring import graphile-functions > migrations/7_graphile_functions.sql";

// The schema that the text names.
const GRAPHILE_WORKER: &str = "graphile_worker";

/// The options of `import graphile-functions`.
#[derive(Debug, Args)]
pub(crate) struct FunctionsArguments {
    /// The schema to be created.
    #[arg(long, value_name = "NAME", default_value = GRAPHILE_WORKER, value_parser = schema)]
    graphile_schema: Schema,
}

/// The options of `import graphile`.
#[derive(Debug, Args)]
pub(crate) struct GraphileArguments {
    /// The schema of Graphile Worker.
    #[arg(long, value_name = "NAME", default_value = GRAPHILE_WORKER, value_parser = schema)]
    graphile_schema: Schema,
    /// Only print what would be moved and left. Changes nothing, and locks nothing.
    #[arg(long, value_enum, num_args = 0, default_missing_value = "counts")]
    dry_run: Option<DryRun>,
    #[command(flatten)]
    listing: ListingOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DryRun {
    Counts,
}

fn schema(name: &str) -> Result<Schema, StoreError> {
    Schema::new(name)
}

pub(crate) fn run(command: ImportCommand, place: &Place<'_>, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        ImportCommand::Graphile(arguments) => graphile(&arguments, place, out),
        ImportCommand::GraphileFunctions(arguments) => {
            Ok(write!(out, "{}", functions(&arguments.graphile_schema, place.schema))?)
        }
    }
}

// A quoted name stays as it is where the one of Mainspring's schema is put in.
fn functions(into: &Schema, mainspring: &Schema) -> String {
    let text = include_str!("import/functions.sql");
    let name = match into.name() {
        GRAPHILE_WORKER => GRAPHILE_WORKER.to_owned(),
        name => format!("\"{}\"", name.replace('"', "\"\"")),
    };
    mainspring.rewrite(&text.replace(GRAPHILE_WORKER, &name)).into_owned()
}

fn graphile(arguments: &GraphileArguments, place: &Place<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let mut database = place.database()?.verified()?;
    let progress = Progress::of_unknown_length("importing", None);
    let report = database.session().transaction(|session| import(session, arguments));
    drop(progress);
    let report = report?;
    if arguments.listing.json {
        output::json(out, &report)?;
    } else {
        tell(out, arguments.dry_run, &report)?;
    }
    out.flush()?;
    unless_all_moved(&report)
}

fn import(session: &mut Session<'_>, arguments: &GraphileArguments) -> Result<Report, Failure> {
    // A million jobs take minutes, for which no role's limit is made.
    let unlimited = session.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL jit = off");
    unlimited.map_err(|error| Failure::Refused(error.to_string()))?;
    Ok(match arguments.dry_run {
        None => import::graphile(session, &arguments.graphile_schema)?,
        Some(DryRun::Counts) => import::preview_graphile(session, &arguments.graphile_schema)?,
    })
}

fn unless_all_moved(report: &Report) -> Result<(), Failure> {
    let (jobs, lines) = (report.left_in_place(), report.left_lines.len());
    if jobs == 0 && lines == 0 {
        return Ok(());
    }
    Err(Failure::Partial(format!(
        "left {} and {}",
        counted(jobs, "job"),
        counted(lines as i64, "crontab line")
    )))
}

fn tell(out: &mut impl Write, dry_run: Option<DryRun>, report: &Report) -> Result<(), Failure> {
    let (moved, left) = match dry_run {
        None => ("moved", "left"),
        Some(DryRun::Counts) => ("would move", "would leave"),
    };
    let (jobs, lines) = (counted(report.moved_jobs(), "job"), counted(report.lines, "crontab line"));
    writeln!(out, "{moved} {jobs} and {lines}")?;
    if !report.moved.is_empty() {
        output::table(out, ["TASK", "STATE", "JOBS"], report.moved.iter().map(moved_cells).collect())?;
    }
    if !report.left_jobs.is_empty() {
        writeln!(out, "\n{left} {}", counted(report.left_in_place(), "job"))?;
        let headings = ["ID", "TASK", "QUEUE", "KEY", "REASON", "LOCKED BY", "SINCE"];
        output::table(out, headings, report.left_jobs.iter().map(left_cells).collect())?;
        let more = report.left_in_place() - report.left_jobs.len() as i64;
        if more > 0 {
            writeln!(out, "and {more} more")?;
        }
    }
    if !report.left_lines.is_empty() {
        writeln!(out, "\n{left} {}", counted(report.left_lines.len() as i64, "crontab line"))?;
        output::table(out, ["IDENTIFIER", "REASON"], report.left_lines.iter().map(line_cells).collect())?;
    }
    Ok(())
}

fn moved_cells(moved: &MovedJobs) -> [String; 3] {
    [moved.task.clone(), moved.state.clone(), moved.count.to_string()]
}

fn left_cells(job: &LeftJob) -> [String; 7] {
    let text = |text: &Option<String>| output::shortened(text.as_deref().unwrap_or_default());
    [
        job.id.to_string(),
        text(&job.task),
        text(&job.queue),
        text(&job.key),
        job.detail.clone(),
        text(&job.locked_by),
        job.locked_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default(),
    ]
}

fn line_cells(line: &LeftLine) -> [String; 2] {
    [output::shortened(&line.identifier), line.detail.clone()]
}
