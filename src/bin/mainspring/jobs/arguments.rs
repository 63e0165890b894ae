//! The arguments of the commands about jobs.

use clap::{Args, Subcommand, ValueEnum};
use mainspring::history::HistoryFilter;
use mainspring::jobs::{JobFilter, JobOrder, Reschedule};

use super::selection::{Selection, WhichJobs};
use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::times::DueArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// List jobs in the order of their ids, finished ones where `--state` says so.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArguments),
    /// Show everything about one job but its payload.
    #[command(
        after_help = "Examples:\n  mainspring jobs show 4711\n  mainspring jobs show 4711 --payload --json"
    )]
    Show(ShowArguments),
    /// List finished jobs, the last finished first.
    ///
    /// The history is read from end to end, which takes about a second for some million jobs.
    #[command(after_help = HISTORY_EXAMPLES)]
    History(HistoryArguments),
    /// Let dead jobs live again, with all their attempts and no death.
    #[command(after_help = RETRY_EXAMPLES)]
    Retry(RetryArguments),
    /// Change when, how urgently and how often jobs are tried. Dead ones live again.
    #[command(after_help = RESCHEDULE_EXAMPLES)]
    Reschedule(RescheduleArguments),
    /// Cancel jobs: waiting ones are gone, running ones are requested to end.
    #[command(after_help = CANCEL_EXAMPLES)]
    Cancel(ReasonArguments),
    /// End jobs that do not run as if they had succeeded.
    #[command(after_help = "Example:\n  mainspring jobs complete 4711 --reason 'sent by hand'")]
    Complete(ReasonArguments),
    /// End waiting jobs as if their last attempt had failed: they are dead, with the reason.
    #[command(after_help = "Example:\n  mainspring jobs fail 4711 --reason 'wrong address'")]
    Fail(ReasonArguments),
    /// Let jobs that wait for others, or are held, wait for nothing more: they run when their time has come.
    ///
    /// With conditions and without --state it changes those that wait for others. For held jobs give --state held.
    #[command(after_help = RELEASE_EXAMPLES)]
    Release(PlainArguments),
    /// Delete jobs that do not run, without a line in the history.
    #[command(after_help = DELETE_EXAMPLES)]
    Delete(PlainArguments),
    /// Forget the steps of a job that does not run: its next attempt does each of them again.
    #[command(after_help = "Example:\n  mainspring jobs clear-steps 4711")]
    ClearSteps(ClearStepsArguments),
}

const LIST_EXAMPLES: &str = "\
Examples:
  mainspring jobs list --state dead
  mainspring jobs list --task report.publish --limit 1000 --json
  mainspring jobs list --state dead --since 2027-01-01T09:00:00Z
  mainspring jobs list --after 4711      (the page behind job 4711)
  mainspring jobs list --state all --queue-like '*:tenant-7' --first newest --since 1h";

const HISTORY_EXAMPLES: &str = "\
Examples:
  mainspring jobs history --limit 20
  mainspring jobs history --outcome cancelled --json | jq '.[].reason'
  mainspring jobs history --id 4711";

const RETRY_EXAMPLES: &str = "\
Examples:
  mainspring jobs retry 4711 4712
  mainspring jobs retry 4711 --in 1h
  mainspring jobs retry --task report.publish --since 2h
  mainspring jobs retry --queue mails --most 1000 --yes";

const CANCEL_EXAMPLES: &str = "\
Examples:
  mainspring jobs cancel 4711 4712 --reason 'ordered twice'
  mainspring jobs cancel --queue mails --state scheduled --reason 'campaign is off'";

const DELETE_EXAMPLES: &str = "\
Examples:
  mainspring jobs delete 4711 4712
  mainspring jobs delete --state dead --until 30d --yes";

const RELEASE_EXAMPLES: &str = "\
Examples:
  mainspring jobs release 4711 4712
  mainspring jobs release --task album.publish --yes
  mainspring jobs release --state held --task image.resize";

const RESCHEDULE_EXAMPLES: &str = "\
Examples:
  mainspring jobs reschedule 4711 --in 2h
  mainspring jobs reschedule 4711 4712 --run-at 2027-01-01T09:00:00Z --priority -10
  mainspring jobs reschedule 4711 --attempts 0 --max-attempts 5";

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    jobs: WhichJobs,
    /// Only jobs with a greater id.
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    after: Option<i64>,
    /// Only jobs with a smaller id.
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    before: Option<i64>,
    /// Which jobs come first.
    #[arg(long, value_enum, default_value_t = Order::Oldest)]
    first: Order,
    /// At most this many jobs, 1 to 10000.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    pub(crate) listing: ListingOptions,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    /// Those with the smallest ids.
    Oldest,
    /// Those with the greatest ids.
    Newest,
}

impl ListArguments {
    pub(crate) fn filter(&self) -> JobFilter {
        let mut filter = self.jobs.filter();
        filter.after_id = self.after;
        filter.before_id = self.before;
        filter.order = match self.first {
            Order::Oldest => JobOrder::OldestFirst,
            Order::Newest => JobOrder::NewestFirst,
        };
        filter.limit = self.limit;
        filter
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Payload {
    Shown,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The job's id.
    #[arg(allow_negative_numbers = true)]
    pub(crate) id: i64,
    /// Show the payload too.
    #[arg(long, value_enum, num_args = 0, default_missing_value = "shown")]
    pub(crate) payload: Option<Payload>,
    #[command(flatten)]
    pub(crate) listing: ListingOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ClearStepsArguments {
    /// The job's id.
    #[arg(allow_negative_numbers = true)]
    pub(crate) id: i64,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    /// Only the job with this id.
    #[arg(long, allow_negative_numbers = true)]
    id: Option<i64>,
    /// Only jobs of this task.
    #[arg(long)]
    task: Option<String>,
    /// Only jobs of this queue.
    #[arg(long)]
    queue: Option<String>,
    /// Only jobs that ended so.
    #[arg(long, value_parser = ["succeeded", "cancelled"])]
    outcome: Option<String>,
    /// At most this many jobs, 1 to 10000.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    pub(crate) listing: ListingOptions,
}

impl HistoryArguments {
    pub(crate) fn filter(&self) -> HistoryFilter {
        let mut filter = HistoryFilter::new();
        filter.id = self.id;
        filter.task.clone_from(&self.task);
        filter.queue.clone_from(&self.queue);
        filter.outcome.clone_from(&self.outcome);
        filter.limit = self.limit;
        filter
    }
}

#[derive(Debug, Args)]
pub(crate) struct RetryArguments {
    #[command(flatten)]
    pub(crate) jobs: Selection,
    #[command(flatten)]
    pub(crate) due: DueArguments,
    #[command(flatten)]
    pub(crate) listing: ListingOptions,
}

#[derive(Debug, Args)]
pub(crate) struct RescheduleArguments {
    #[command(flatten)]
    pub(crate) jobs: Selection,
    #[command(flatten)]
    due: DueArguments,
    /// Smaller runs first.
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i16>,
    /// How many attempts count as made; 0 gives a job all of them.
    #[arg(long, value_parser = clap::value_parser!(i16).range(0..))]
    attempts: Option<i16>,
    /// After how many failed attempts the jobs are dead.
    #[arg(long, value_parser = clap::value_parser!(i16).range(1..))]
    max_attempts: Option<i16>,
    #[command(flatten)]
    pub(crate) listing: ListingOptions,
}

impl RescheduleArguments {
    /// The changes, at least one.
    pub(crate) fn changes(&self) -> Result<Reschedule, Failure> {
        let mut changes = Reschedule::new();
        changes.run_at = self.due.moment()?;
        changes.priority = self.priority;
        changes.attempts = self.attempts;
        changes.max_attempts = self.max_attempts;
        if changes == Reschedule::new() {
            let ways = "--run-at, --in, --priority, --attempts or --max-attempts";
            return Err(Failure::Usage(format!("nothing to change: give {ways}")));
        }
        Ok(changes)
    }
}

#[derive(Debug, Args)]
pub(crate) struct ReasonArguments {
    #[command(flatten)]
    pub(crate) jobs: Selection,
    /// Why, at most 1000 characters; kept with the job or in the history.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) listing: ListingOptions,
}

#[derive(Debug, Args)]
pub(crate) struct PlainArguments {
    #[command(flatten)]
    pub(crate) jobs: Selection,
    #[command(flatten)]
    pub(crate) listing: ListingOptions,
}
