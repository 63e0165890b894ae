//! `queues`: lists queues, pauses and resumes them and tasks; their limits are in a file of their own. All running schedulers notice at once.

use std::io::Write;

use clap::{Args, Subcommand, ValueEnum};
use mainspring::Session;
use mainspring::queues::{self, QueueStatus};

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::limits::{self, LimitTarget, SetArguments, Target, count, rate_cell};
use crate::output;
use crate::source::{Query, Source};

#[derive(Debug, Subcommand)]
pub(crate) enum QueuesCommand {
    /// List the queues that have due or running jobs, are paused or have limits of their own.
    #[command(
        after_help = "Examples:\n  mainspring queues list\n  mainspring queues list --json | jq '.[] | select(.paused)'"
    )]
    List(ListingOptions),
    /// Show one queue: its limits, where they come from, and how many jobs wait and run.
    #[command(after_help = "Example:\n  mainspring queues show tenant:7")]
    Show {
        /// The queue's name.
        queue: String,
        #[command(flatten)]
        options: ListingOptions,
    },
    /// Set how many jobs of a queue, of each queue of a family, or of a task run at once over all processes, and how many pass in a
    /// period.
    ///
    /// What is not given takes its default: one job of a queue at a time, any number of a task, at any rate. Whether the
    /// queue is paused stays as it is.
    #[command(after_help = SET_EXAMPLES)]
    Set(SetArguments),
    /// Remove the limits and the pause of a queue, or the limits of a task or of a family of queues. Jobs stay.
    #[command(
        after_help = "Examples:\n  mainspring queues remove mails\n  mainspring queues remove --task mail.send"
    )]
    Remove(LimitTarget),
    /// List the families of queues, and the limits of their queues.
    #[command(after_help = "Example:\n  mainspring queues families")]
    Families(ListingOptions),
    /// List the limits that tasks have over all processes.
    #[command(after_help = "Example:\n  mainspring queues task-limits")]
    TaskLimits(ListingOptions),
    /// Let no job of a queue start until it is resumed; running jobs go on.
    #[command(
        after_help = "Examples:\n  mainspring queues pause mails\n  mainspring queues pause --task report.publish"
    )]
    Pause(Target),
    /// End a pause.
    #[command(
        after_help = "Examples:\n  mainspring queues resume mails\n  mainspring queues resume --task report.publish"
    )]
    Resume(Target),
}

/// The confirmation that really everything is meant.
#[derive(Debug, Args)]
pub(crate) struct Everything {
    /// Everything: all tasks, queues and schedules, in all processes.
    #[arg(long, value_enum, required = true, num_args = 0, default_missing_value = "all")]
    all: Scope,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scope {
    All,
}

const HEADINGS: [&str; 7] = ["QUEUE", "LIMIT", "RATE", "FROM", "PAUSED", "WAITING", "RUNNING"];

const SET_EXAMPLES: &str = "\
Examples:
  mainspring queues set mails --limit 5
  mainspring queues set mails --limit 5 --rate 100/1m
  mainspring queues set mails --limit 5 --if-absent
  mainspring queues set --task mail.send --limit 10 --rate 100/s
  mainspring queues set --family 'tenant:*' --limit 3
  mainspring queues set mails                  (one job at a time)";

pub(crate) fn run(command: QueuesCommand, source: &mut Source, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        QueuesCommand::List(options) => list(source, &options, out),
        QueuesCommand::Show { queue, options } => {
            let query = Query::new("queue").with("name", Some(&queue));
            let shown: QueueStatus = source.read(query, |conn| queues::show(conn, &queue))?;
            if options.json {
                return output::json(out, &shown);
            }
            output::table(out, HEADINGS, vec![cells(shown)])
        }
        QueuesCommand::Set(arguments) => limits::set(&mut source.session()?, arguments, out),
        QueuesCommand::Remove(target) => limits::remove(&mut source.session()?, target, out),
        QueuesCommand::Families(options) => limits::list_families(source, &options, out),
        QueuesCommand::TaskLimits(options) => limits::list(source, &options, out),
        QueuesCommand::Pause(target) => {
            let (what, changed) = target.apply(
                source,
                "pause-queue",
                |conn, queue| queues::pause(conn, queue),
                |conn, task| queues::pause_task(conn, task),
            )?;
            Ok(writeln!(out, "{what} {}", if changed { "is paused" } else { "was paused already" })?)
        }
        QueuesCommand::Resume(target) => {
            let (what, changed) = target.apply(
                source,
                "resume-queue",
                |conn, queue| queues::resume(conn, queue),
                |conn, task| queues::resume_task(conn, task),
            )?;
            Ok(writeln!(out, "{what} {}", if changed { "is resumed" } else { "was not paused" })?)
        }
    }
}

/// Pauses everything.
pub(crate) fn pause_all(conn: &mut Session<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let changed = queues::pause_all(conn)?;
    Ok(writeln!(out, "everything {}", if changed { "is paused" } else { "was paused already" })?)
}

/// Ends the pause of everything.
pub(crate) fn resume_all(conn: &mut Session<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let changed = queues::resume_all(conn)?;
    Ok(writeln!(out, "everything {}", if changed { "is resumed" } else { "was not paused" })?)
}

fn list(source: &mut Source, options: &ListingOptions, out: &mut impl Write) -> Result<(), Failure> {
    let queues: Vec<QueueStatus> = source.read(Query::new("queues"), |conn| queues::list(conn))?;
    if options.json {
        return output::json(out, &queues);
    }
    output::table(out, HEADINGS, queues.into_iter().map(cells).collect())
}

fn cells(queue: QueueStatus) -> [String; 7] {
    [
        queue.name,
        queue.concurrency.to_string(),
        rate_cell(queue.rate_limit, queue.rate_period_seconds),
        queue.source,
        if queue.paused { "yes".into() } else { "no".into() },
        count(queue.waiting),
        count(queue.running),
    ]
}
