//! The arguments of the commands, as clap reads them, and how their values are written.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use mainspring::{KeyMode, Schema, StoreError};

use crate::api::ApiArguments;
use crate::audit::{self, AuditArguments};
use crate::cron::CronCommand;
use crate::database::MigrateArguments;
use crate::doctor::DoctorArguments;
use crate::errors::{self, ErrorsArguments};
use crate::explain::ExplainJobArguments;
use crate::health::HealthArguments;
use crate::import::ImportCommand;
use crate::jobs::JobsCommand;
use crate::queues::{Everything, QueuesCommand};
use crate::reseal::{self, ResealOptions};
use crate::schedules::SchedulesCommand;
#[cfg(feature = "dashboard")]
use crate::serve::{self, DashboardArguments};
use crate::stats::{self, StatsArguments};
use crate::tasks::TasksCommand;
use crate::times::DueArguments;
use crate::top::{self, TopArguments};
use crate::workers::{CleanupArguments, WorkersCommand};
use crate::workflows::WorkflowsCommand;

const EXAMPLES: &str = "\
Examples:
  mainspring migrate --database-url postgres://localhost/app
  export DATABASE_URL=postgres://localhost/app
  mainspring status
  mainspring enqueue report.publish '{\"reportId\": \"r1\"}' --in 5m --key schedule:7
  mainspring jobs list --state dead --json | jq '.[].last_error'
  mainspring queues set mails --limit 5 --rate 100/1m
  mainspring cron next '*/5 * * * *' --zone Europe/Berlin

The log goes to the standard error, as RUST_LOG says (default: warn).
Exit codes: 0 done, 1 could not be done, 2 not understood, 3 done but for some of the ids, as the output says. Those of
doctor count what it has found.";

/// A durable job queue and cron scheduler in your PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "mainspring", version, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Arguments {
    /// The database: postgres://user@host:port/name, or another libpq connection string.
    ///
    /// A password in this option can be read by all users of this machine: ps shows it. Set DATABASE_URL instead, or give
    /// a URL without a password, and keep that in PGPASSWORD or ~/.pgpass.
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// The schema that holds the jobs. Each schema of a database is a scheduler of its own.
    #[arg(long, global = true, env = "MAINSPRING_SCHEMA", default_value = "mainspring", value_name = "NAME", value_parser = schema)]
    pub(crate) schema: Schema,
    /// The private database in this folder, as the demo's in target/mainspring-demo, instead of any URL.
    ///
    /// A server that runs there is joined; otherwise it is started for as long as the command takes.
    #[cfg(feature = "embedded")]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) private: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub(crate) api: ApiArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

fn schema(name: &str) -> Result<Schema, StoreError> {
    Schema::new(name)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create the schema, or bring it up to date.
    ///
    /// Prints the migrations that were applied. Safe to run at any time, from many places at once. The
    /// first time, the role needs CREATE on the database.
    #[command(after_help = "Example:\n  mainspring migrate --database-url postgres://localhost/app")]
    Migrate(MigrateArguments),
    /// Show an overview: jobs by state, tasks, queues, workers.
    ///
    /// Counting stops at 10000 jobs of a state and at 1000 of a task, queue or worker, and lists stop at
    /// 1000 lines, so that this is cheap however many jobs there are.
    #[command(after_help = "Examples:\n  mainspring status\n  mainspring status --json | jq .jobs.dead")]
    Status(ListingOptions),
    /// Judge from outside whether schedulers work. Exits with 0 if so, and with 1 if not.
    ///
    /// Looks at the schema, the workers' heartbeats, what they report with them, and the clock of this machine. Passes if at
    /// least one living worker has no problem.
    #[command(
        after_help = "Examples:\n  mainspring health\n  mainspring health --worker \"$HOSTNAME\" --json"
    )]
    Health(HealthArguments),
    /// Look for what hurts the schema, its database and its server, and print a cure for each finding.
    ///
    /// It only reads, and takes milliseconds however many jobs there are. The exit code is the number of findings, at most 100,
    /// or 125 if it could not look. A role sees more with pg_monitor.
    #[command(
        after_help = "Examples:\n  mainspring doctor\n  mainspring doctor --json | jq '.findings[].code'"
    )]
    Doctor(DoctorArguments),
    /// Show what jobs did in a span of time: how many, how long they waited and ran.
    ///
    /// Processes add their numbers every ten seconds. Half of the jobs took at most what P50 says, 99 of 100 what P99 says,
    /// within a tenth.
    #[command(after_help = stats::EXAMPLES)]
    Stats(StatsArguments),
    /// Show what there was at the last sample: jobs by state and task, workers, dead rows. Reads one row.
    ///
    /// A scheduler samples every ten seconds, and every minute while nothing happens. `about` marks what the planner estimates.
    #[command(after_help = "Examples:\n  mainspring gauges\n  mainspring gauges --json | jq .lost_workers")]
    Gauges(ListingOptions),
    /// Follow what jobs do now: states, rates, waits, queues, workers. Over a pipe, print a line for each look.
    ///
    /// Rates are those of the last minute, and waits and runs those of the last minutes. The key `q` ends it.
    #[command(after_help = top::EXAMPLES)]
    Top(TopArguments),
    /// Serve the dashboard of the database alone, until Ctrl-C or SIGTERM. It runs no jobs.
    #[cfg(feature = "dashboard")]
    #[command(after_help = serve::EXAMPLES)]
    Dashboard(DashboardArguments),
    /// Show how jobs have failed, by groups of errors that differ only in numbers and quoted texts.
    ///
    /// Processes add their errors every ten seconds. The error of a job with all its attempts is in `jobs show`.
    #[command(after_help = errors::EXAMPLES)]
    Errors(ErrorsArguments),
    /// Show what people have done in the dashboard: who, what, why, and with what result. The latest comes first.
    #[command(after_help = audit::EXAMPLES)]
    Audit(AuditArguments),
    /// Add a job, and print its id.
    #[command(after_help = ENQUEUE_EXAMPLES)]
    Enqueue(EnqueueArguments),
    /// Print why a job does not run, or where it stands.
    ///
    /// Every reason that holds now is a line. It reads only, locks nothing, and is cheap however many jobs there are.
    #[command(
        after_help = "Examples:\n  mainspring explain 4711\n  mainspring explain 4711 --json | jq '.[].reason'"
    )]
    Explain(ExplainJobArguments),
    /// Look at jobs, and change them by hand.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Look at workflows and batches, retry and cancel them, and send signals.
    #[command(subcommand)]
    Workflows(WorkflowsCommand),
    /// List queues, set their limits, pause and resume them, and tasks.
    #[command(subcommand)]
    Queues(QueuesCommand),
    /// Let no process claim, admit or fire anything until `resume --all`; running jobs go on.
    ///
    /// For a copy of production that must not run, and for maintenance. Queues and tasks have pauses of their own, see
    /// `queues pause`.
    #[command(after_help = "Example:\n  mainspring pause --all")]
    Pause(Everything),
    /// End the pause of everything. What was due meanwhile runs, or is made up for as after a downtime.
    #[command(after_help = "Example:\n  mainspring resume --all")]
    Resume(Everything),
    /// Look at what workers have published of their tasks.
    #[command(subcommand)]
    Tasks(TasksCommand),
    /// Look at workers, and take the jobs of those that are gone.
    #[command(subcommand)]
    Workers(WorkersCommand),
    /// Delete what is no longer needed: workers that are gone, unused queues and, with an option, old dead jobs.
    #[command(after_help = CLEANUP_EXAMPLES)]
    Cleanup(CleanupArguments),
    /// Move the jobs of another queue here.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Seal stored values again with another key.
    ///
    /// It looks at all payloads, steps, results, signals and properties, and changes those values whose key is not the current one. The
    /// old keys must be given as well. A value that cannot be opened is left and listed. Jobs that run are left too. A command that is
    /// interrupted has lost nothing, and the next one goes on.
    #[command(after_help = reseal::EXAMPLES)]
    Reseal(ResealOptions),
    /// Look at cron expressions.
    #[command(subcommand)]
    Cron(CronCommand),
    /// Make, change and look at the schedules in the database.
    #[command(subcommand)]
    Schedules(SchedulesCommand),
    /// Print the completions of a shell, to be stored where the shell looks for them.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

const CLEANUP_EXAMPLES: &str = "\
Examples:
  mainspring cleanup
  mainspring cleanup --dead-older-than 30d --json";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  mainspring completions bash > ~/.local/share/bash-completion/completions/mainspring
  mainspring completions fish > ~/.config/fish/completions/mainspring.fish";

#[derive(Debug, Args)]
pub(crate) struct ListingOptions {
    /// Print JSON for programs instead of a table for people.
    #[arg(long)]
    pub(crate) json: bool,
}

const ENQUEUE_EXAMPLES: &str = "\
Examples:
  mainspring enqueue session.cleanup
  mainspring enqueue report.publish '{\"reportId\": \"r1\"}' --in 1h30m --queue reports
  mainspring enqueue report.publish --run-at 2027-01-01T09:00:00+01:00 --key schedule:7
  mainspring enqueue report.publish - < payload.json";

#[derive(Debug, Args)]
pub(crate) struct EnqueueArguments {
    /// The task's name.
    pub(crate) task: String,
    /// The payload; `-` reads it from the standard input.
    #[arg(
        value_name = "JSON",
        default_value = "{}",
        hide_default_value = true,
        allow_negative_numbers = true
    )]
    pub(crate) payload: String,
    #[command(flatten)]
    pub(crate) due: DueArguments,
    /// The queue to run in, one job after the other [default: that of the task].
    #[arg(long)]
    pub(crate) queue: Option<String>,
    /// Smaller runs first [default: that of the task].
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) priority: Option<i16>,
    /// After how many failed attempts the job is dead [default: that of the task].
    #[arg(long, value_parser = clap::value_parser!(i16).range(1..))]
    pub(crate) max_attempts: Option<i16>,
    /// Unique over living jobs [default: none].
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// What happens when another living job holds the key.
    #[arg(long, value_enum, default_value = "replace", requires = "key")]
    pub(crate) key_mode: KeyModeName,
    /// A label by which processes may leave the job alone; may be given several times [default: none].
    #[arg(long = "flag", value_name = "FLAG")]
    pub(crate) flags: Vec<String>,
    /// The version of the task that the payload is of [default: the one that workers have published].
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) payload_version: Option<i32>,
}

/// The names of the key modes.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum KeyModeName {
    /// The waiting job takes every field of the new one.
    Replace,
    /// The same, but a job that was not attempted yet keeps its time.
    PreserveRunAt,
    /// The job that holds the key stays as it is.
    UnsafeDedupe,
}

impl From<KeyModeName> for KeyMode {
    fn from(name: KeyModeName) -> Self {
        match name {
            KeyModeName::Replace => Self::Replace,
            KeyModeName::PreserveRunAt => Self::PreserveRunAt,
            KeyModeName::UnsafeDedupe => Self::UnsafeDedupe,
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn clap_finds_no_fault_with_the_arguments() {
        <super::Arguments as clap::CommandFactory>::command().debug_assert();
    }
}
