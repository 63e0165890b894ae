//! `workers ..` and `cleanup`: list and release workers, and delete what is no longer needed.

use std::io::Write;
use std::time::Duration;

use clap::{Args, Subcommand};
use mainspring::Session;
use mainspring::workers::{self, WorkerAct, WorkerStatus};
use mainspring::{jobs, queues};
use serde_json::json;

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use crate::source::{Query, Source};
use crate::status::{WORKER_HEADINGS, worker_cells};
use crate::times::span;

#[derive(Debug, Subcommand)]
pub(crate) enum WorkersCommand {
    /// List the workers: one for each running scheduler.
    #[command(after_help = "Example:\n  mainspring workers list --json | jq '.[] | select(.lost)'")]
    List(ListingOptions),
    /// Take all jobs from workers that are gone, so that others run them.
    ///
    /// Running schedulers do this by themselves when a worker's time-out is over. A worker that is still alive
    /// notices within seconds and goes on under a new id; what it was running may then run twice.
    #[command(after_help = "Example:\n  mainspring workers release 7 8")]
    Release(ReleaseArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseArguments {
    /// The workers' ids.
    #[arg(required = true)]
    ids: Vec<i32>,
    #[command(flatten)]
    listing: ListingOptions,
}

/// The options of `cleanup`.
#[derive(Debug, Args)]
pub(crate) struct CleanupArguments {
    /// Delete dead jobs that died longer ago, such as 90s, 12h or 30d [default: keep them].
    #[arg(long, value_name = "DURATION", value_parser = span)]
    dead_older_than: Option<Duration>,
    #[command(flatten)]
    listing: ListingOptions,
}

pub(crate) fn run(source: &mut Source, command: WorkersCommand, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        WorkersCommand::List(listing) => list(source, &listing, out),
        WorkersCommand::Release(arguments) => {
            let acts = workers::release(&mut source.session()?, &arguments.ids)?;
            tell(out, &arguments.listing, &acts)
        }
    }
}

fn list(source: &mut Source, listing: &ListingOptions, out: &mut impl Write) -> Result<(), Failure> {
    let workers: Vec<WorkerStatus> = source.read(Query::new("workers"), |conn| workers::list(conn))?;
    if listing.json {
        return output::json(out, &workers);
    }
    output::table(out, WORKER_HEADINGS, workers.into_iter().map(worker_cells).collect())
}

fn tell(out: &mut impl Write, listing: &ListingOptions, acts: &[WorkerAct]) -> Result<(), Failure> {
    if listing.json {
        output::json(out, &acts)?;
    } else {
        let cells =
            |act: &WorkerAct| [act.id.to_string(), act.result.describe().to_owned(), act.jobs.to_string()];
        output::table(out, ["ID", "RESULT", "JOBS"], acts.iter().map(cells).collect())?;
    }
    Failure::unless_all_done(acts.iter().map(|act| act.result))
}

/// Deletes what is no longer needed, and prints how much that was.
pub(crate) fn clean_up(
    conn: &mut Session<'_>,
    arguments: &CleanupArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let lost = workers::release_lost(conn)?;
    let released: i64 = lost.iter().map(|worker| worker.jobs).sum();
    let unused = queues::remove_unused(conn)?;
    let progress = Progress::of_unknown_length("deleting dead jobs", Some(&arguments.listing));
    let delete = |age| jobs::delete_dead(conn, age);
    let dead = arguments.dead_older_than.map(delete).transpose()?.unwrap_or_default();
    drop(progress);
    if arguments.listing.json {
        let done =
            json!({"workers": lost.len(), "released_jobs": released, "queues": unused, "dead_jobs": dead});
        return output::json(out, &done);
    }
    let rows = [
        ("lost workers removed", lost.len().to_string()),
        ("jobs taken from them", released.to_string()),
        ("unused queues removed", unused.to_string()),
        ("dead jobs deleted", dead.to_string()),
    ];
    output::table(out, ["WHAT", "COUNT"], rows.map(|(what, count)| [what.to_owned(), count]).into())
}
