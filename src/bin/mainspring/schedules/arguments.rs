//! The arguments of the commands about schedules, and the changes that they describe.

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand, ValueEnum};
use mainspring::schedules::ScheduleFilter;
use mainspring::{CatchUp, Overlap, ScheduleChanges};

use super::numbers::inexact_number;
use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::redaction::refuse_mark;
use crate::times::{duration, moment};

#[derive(Debug, Subcommand)]
pub(crate) enum SchedulesCommand {
    /// List schedules in the order of their names, with their next and last fires.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArguments),
    /// Show one schedule with its next five fires and the last ones.
    #[command(after_help = "Example:\n  mainspring schedules show nightly --json")]
    Show(ShowArguments),
    /// Make a schedule. It fires from its next moment on.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArguments),
    /// Change the fields that are given; the others stay as they are.
    #[command(after_help = UPDATE_EXAMPLES)]
    Update(UpdateArguments),
    /// Stop a schedule from firing. What is due meanwhile is not made up for.
    #[command(after_help = "Example:\n  mainspring schedules pause nightly")]
    Pause(Name),
    /// Let a paused schedule fire again, from its next moment on.
    #[command(after_help = "Example:\n  mainspring schedules resume nightly")]
    Resume(Name),
    /// Delete a schedule. The jobs it has added stay.
    #[command(after_help = "Example:\n  mainspring schedules delete nightly")]
    Delete(Name),
    /// Fire a schedule now, paused or not, and print the id of the job.
    #[command(after_help = "Example:\n  mainspring schedules trigger nightly")]
    Trigger(Name),
}

const LIST_EXAMPLES: &str = "\
Examples:
  mainspring schedules list
  mainspring schedules list --task report.publish --json | jq '.[].next_fires[0]'
  mainspring schedules list --prefix acme/       (the schedules of one tenant)
  mainspring schedules list --after nightly      (the page behind that name)";

const CREATE_EXAMPLES: &str = "\
Examples:
  mainspring schedules create nightly report.publish '30 2 * * *' '{\"reportId\": \"r1\"}' --zone Europe/Berlin
  mainspring schedules create sync crm.sync '*/5 * * * *' --overlap skip --catch-up none --jitter 30s";

const UPDATE_EXAMPLES: &str = "\
Examples:
  mainspring schedules update nightly --expression '0 3 * * *'
  mainspring schedules update nightly --queue reports --no-ends-at";

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// The schedule's name.
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only schedules of this task.
    #[arg(long)]
    task: Option<String>,
    /// Only schedules whose names begin with this text.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only schedules whose names come after this one.
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
    /// At most this many schedules, 1 to 10000.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    pub(crate) listing: ListingOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The schedule's name.
    pub(crate) name: String,
    /// How many of its last fires, 0 to 10000.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) fires: u32,
    #[command(flatten)]
    pub(crate) listing: ListingOptions,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArguments {
    /// What the schedule is known by, 1 to 128 characters.
    pub(crate) name: String,
    /// The task of its jobs.
    pub(crate) task: String,
    /// When it fires: five crontab fields, six with seconds in front, or a name such as @daily.
    #[arg(value_name = "EXPR")]
    pub(crate) expression: String,
    /// The payload of its jobs, an object.
    #[arg(value_name = "JSON")]
    payload: Option<String>,
    /// Make it paused.
    #[arg(long, value_enum, num_args = 0, default_missing_value = "paused")]
    paused: Option<Pause>,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArguments {
    /// The schedule's name.
    pub(crate) name: String,
    /// When it fires.
    #[arg(long, value_name = "EXPR")]
    expression: Option<String>,
    /// The task of its jobs.
    #[arg(long)]
    task: Option<String>,
    /// The payload of its jobs, an object.
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,
    #[command(flatten)]
    fields: Fields,
    /// Run its jobs in the queue of the task, if it has one.
    #[arg(long, conflicts_with = "queue")]
    no_queue: bool,
    /// Give its jobs no key of their own.
    #[arg(long, conflicts_with = "key")]
    no_key: bool,
    /// Fire from now on.
    #[arg(long, conflicts_with = "starts_at")]
    no_starts_at: bool,
    /// Fire without an end.
    #[arg(long, conflicts_with = "ends_at")]
    no_ends_at: bool,
}

#[derive(Debug, Args)]
struct Fields {
    /// The zone whose wall clock counts, such as Europe/Berlin [default: UTC].
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The queue of its jobs [default: that of the task].
    #[arg(long)]
    queue: Option<String>,
    /// The priority of its jobs, smaller runs first [default: that of the task].
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i16>,
    /// After how many failed attempts a job is dead [default: that of the task].
    #[arg(long, value_parser = clap::value_parser!(i16).range(1..))]
    max_attempts: Option<i16>,
    /// The key of its jobs, with the overlap skip or replace [default: schedule:NAME].
    #[arg(long)]
    key: Option<String>,
    /// What a fire does while an earlier job is waiting or running [default: allow].
    #[arg(long, value_enum)]
    overlap: Option<OverlapName>,
    /// How many missed fires are made up for: none, last, or at most a number [default: last].
    #[arg(long, value_name = "none|last|N", value_parser = catch_up)]
    catch_up: Option<CatchUp>,
    /// Nothing fires before this moment, such as 2027-01-01T09:00:00Z [default: now].
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    starts_at: Option<DateTime<Utc>>,
    /// Nothing fires after this moment [default: never].
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    ends_at: Option<DateTime<Utc>>,
    /// Spread its jobs over this long after their fires, such as 30s [default: 0s].
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    jitter: Option<TimeDelta>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Pause {
    Paused,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OverlapName {
    /// It adds another job.
    Allow,
    /// It adds nothing.
    Skip,
    /// It takes the place of the waiting one.
    Replace,
}

fn catch_up(text: &str) -> Result<CatchUp, &'static str> {
    match text {
        "none" => Ok(CatchUp::None),
        "last" => Ok(CatchUp::Last),
        number => number.parse().map(CatchUp::All).map_err(|_| "expected none, last or a number up to 10000"),
    }
}

impl ListArguments {
    pub(crate) fn filter(&self) -> ScheduleFilter {
        let mut filter = ScheduleFilter::new();
        filter.task.clone_from(&self.task);
        filter.prefix.clone_from(&self.prefix);
        filter.after.clone_from(&self.after);
        filter.limit = self.limit;
        filter
    }
}

impl CreateArguments {
    pub(crate) fn changes(&self) -> Result<ScheduleChanges, Failure> {
        let changes = with_payload(self.fields.changes(), self.payload.as_deref())?;
        Ok(match self.paused {
            Some(Pause::Paused) => changes.paused(true),
            None => changes,
        })
    }
}

impl UpdateArguments {
    pub(crate) fn changes(&self) -> Result<ScheduleChanges, Failure> {
        let mut changes = with_payload(self.fields.changes(), self.payload.as_deref())?;
        changes = set(changes, self.expression.as_deref(), ScheduleChanges::expression);
        changes = set(changes, self.task.as_deref(), ScheduleChanges::task);
        changes = set(changes, self.no_queue.then_some(None), ScheduleChanges::queue);
        changes = set(changes, self.no_key.then_some(None), ScheduleChanges::key);
        changes = set(changes, self.no_starts_at.then_some(None), ScheduleChanges::starts_at);
        Ok(set(changes, self.no_ends_at.then_some(None), ScheduleChanges::ends_at))
    }
}

impl Fields {
    fn changes(&self) -> ScheduleChanges {
        let overlap = self.overlap.map(|name| match name {
            OverlapName::Allow => Overlap::Allow,
            OverlapName::Skip => Overlap::Skip,
            OverlapName::Replace => Overlap::Replace,
        });
        let jitter = self.jitter.map(|span| u32::try_from(span.num_seconds()).unwrap_or(u32::MAX));
        let mut changes = set(ScheduleChanges::new(), self.zone.as_deref(), ScheduleChanges::zone);
        changes = set(changes, self.queue.as_deref().map(Some), ScheduleChanges::queue);
        changes = set(changes, self.priority, ScheduleChanges::priority);
        changes = set(changes, self.max_attempts, ScheduleChanges::max_attempts);
        changes = set(changes, self.key.as_deref().map(Some), ScheduleChanges::key);
        changes = set(changes, overlap, ScheduleChanges::overlap);
        changes = set(changes, self.catch_up, ScheduleChanges::catch_up);
        changes = set(changes, self.starts_at.map(Some), ScheduleChanges::starts_at);
        changes = set(changes, self.ends_at.map(Some), ScheduleChanges::ends_at);
        set(changes, jitter, ScheduleChanges::jitter_seconds)
    }
}

fn set<V>(
    changes: ScheduleChanges,
    value: Option<V>,
    setter: impl FnOnce(ScheduleChanges, V) -> ScheduleChanges,
) -> ScheduleChanges {
    match value {
        Some(value) => setter(changes, value),
        None => changes,
    }
}

fn with_payload(changes: ScheduleChanges, payload: Option<&str>) -> Result<ScheduleChanges, Failure> {
    let Some(text) = payload else { return Ok(changes) };
    let payload = serde_json::from_str(text)
        .map_err(|error| Failure::Usage(format!("the payload must be JSON, got {error}")))?;
    refuse_mark(&payload)?;
    match inexact_number(text) {
        Some(number) => Err(Failure::Usage(format!(
            "the number {number} in the payload would lose digits: write it as a string"
        ))),
        None => Ok(changes.payload(payload)),
    }
}
