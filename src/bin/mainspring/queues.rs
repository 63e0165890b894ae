//! `queues`: lists queues, sets their limits, pauses and resumes them and tasks. All running schedulers notice at once.

use std::io::Write;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use mainspring::Session;
use mainspring::queues::{self, QueueSettings, QueueStatus, Rate};
use mainspring::status::DETAIL_COUNT_CAP;

use crate::arguments::ListingOptions;
use crate::database::read;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum QueuesCommand {
    /// List the queues that have due or running jobs, are paused or have limits of their own.
    #[command(
        after_help = "Examples:\n  mainspring queues list\n  mainspring queues list --json | jq '.[] | select(.paused)'"
    )]
    List(ListingOptions),
    /// Set how many jobs of a queue run at once, and how many pass in a period.
    ///
    /// What is not given takes its default: one job at a time, at any rate. Whether the queue is paused stays as it is.
    #[command(after_help = SET_EXAMPLES)]
    Set(SetArguments),
    /// Remove the limits and the pause of a queue, which then has the defaults. Its jobs stay.
    #[command(after_help = "Example:\n  mainspring queues remove mails")]
    Remove {
        /// The queue's name.
        queue: String,
    },
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

const SET_EXAMPLES: &str = "\
Examples:
  mainspring queues set mails --limit 5
  mainspring queues set mails --limit 5 --rate 100/1m
  mainspring queues set mails --limit 5 --if-absent
  mainspring queues set mails                  (one job at a time)";

#[derive(Debug, Args)]
pub(crate) struct SetArguments {
    /// The queue's name.
    queue: String,
    /// How many of its jobs may run at once over all processes, 1 to 1000000.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true)]
    limit: u32,
    /// At most so many jobs a period, such as 100/1m or 5/s [default: any number].
    #[arg(long, value_name = "JOBS/PERIOD", value_parser = rate)]
    rate: Option<Rate>,
    /// Change nothing if limits were set before.
    #[arg(long, value_enum, num_args = 0, default_missing_value = "if-absent")]
    if_absent: Option<Unless>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Unless {
    IfAbsent,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Target {
    /// The queue's name.
    queue: Option<String>,
    /// A task instead of a queue: no process claims its jobs.
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
}

pub(crate) fn run(
    command: QueuesCommand,
    conn: &mut Session<'_>,
    out: &mut impl Write,
) -> Result<(), Failure> {
    match command {
        QueuesCommand::List(options) => list(conn, &options, out),
        QueuesCommand::Set(arguments) => set(conn, arguments, out),
        QueuesCommand::Remove { queue } => {
            let removed = queues::remove(conn, &queue)?;
            let done = if removed { "has the defaults again" } else { "had nothing to remove" };
            Ok(writeln!(out, "queue {} {done}", output::printable(&queue))?)
        }
        QueuesCommand::Pause(target) => {
            let (what, changed) = target.apply(
                conn,
                |conn, queue| queues::pause(conn, queue),
                |conn, task| queues::pause_task(conn, task),
            )?;
            Ok(writeln!(out, "{what} {}", if changed { "is paused" } else { "was paused already" })?)
        }
        QueuesCommand::Resume(target) => {
            let (what, changed) = target.apply(
                conn,
                |conn, queue| queues::resume(conn, queue),
                |conn, task| queues::resume_task(conn, task),
            )?;
            Ok(writeln!(out, "{what} {}", if changed { "is resumed" } else { "was not paused" })?)
        }
    }
}

fn set(
    conn: &mut Session<'_>,
    SetArguments { queue, limit, rate, if_absent }: SetArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut settings = QueueSettings::concurrency(limit);
    settings.rate = rate;
    let is_set = match if_absent {
        Some(Unless::IfAbsent) => queues::set_if_absent(conn, &queue, &settings)?,
        None => queues::set(conn, &queue, &settings).map(|()| true)?,
    };
    let done = if is_set { "is set" } else { "was set before, and stays as it is" };
    Ok(writeln!(out, "queue {} {done}", output::printable(&queue))?)
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

type Change = fn(&mut Session<'_>, &str) -> Result<bool, mainspring::StoreError>;

impl Target {
    // clap requires one of the two.
    fn apply(self, conn: &mut Session<'_>, queue: Change, task: Change) -> Result<(String, bool), Failure> {
        match (self.task, self.queue) {
            (Some(name), _) => Ok((format!("task {}", output::printable(&name)), task(conn, &name)?)),
            (None, name) => {
                let name = name.unwrap_or_default();
                Ok((format!("queue {}", output::printable(&name)), queue(conn, &name)?))
            }
        }
    }
}

fn list(conn: &mut Session<'_>, options: &ListingOptions, out: &mut impl Write) -> Result<(), Failure> {
    let queues = read(conn, |conn| queues::list(conn))?;
    if options.json {
        return output::json(out, &queues);
    }
    let headings = ["QUEUE", "LIMIT", "RATE", "FROM", "PAUSED", "WAITING", "RUNNING"];
    output::table(out, headings, queues.into_iter().map(cells).collect())
}

fn cells(queue: QueueStatus) -> [String; 7] {
    let rate = queue.rate_limit.zip(queue.rate_period_seconds);
    let rate = rate.map(|(jobs, seconds)| {
        let period = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        format!("{jobs}/{}", humantime::format_duration(period).to_string().replace(' ', ""))
    });
    [
        queue.name,
        queue.concurrency.to_string(),
        rate.unwrap_or_default(),
        queue.source,
        if queue.paused { "yes".into() } else { "no".into() },
        count(queue.waiting),
        count(queue.running),
    ]
}

fn count(number: i64) -> String {
    format!("{number}{}", if number >= DETAIL_COUNT_CAP { "+" } else { "" })
}

fn rate(text: &str) -> Result<Rate, &'static str> {
    let read = || {
        let (jobs, period) = text.split_once('/')?;
        // `5/s` is short for `5/1s`.
        let unit = period.starts_with(|letter: char| letter.is_ascii_alphabetic());
        let period = if unit { format!("1{period}") } else { period.to_owned() };
        Some(Rate { jobs: jobs.parse().ok()?, period: humantime::parse_duration(&period).ok()? })
    };
    read().ok_or("expected a number of jobs and a period: 100/1m, say, or 5/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_period() {
        assert_eq!(rate("100/1m"), Ok(Rate { jobs: 100, period: Duration::from_secs(60) }));
        assert_eq!(rate("5/s"), Ok(Rate { jobs: 5, period: Duration::from_secs(1) }));
        for refused in ["", "5", "/s", "5/", "-5/s", "5/x", "5.5/s", "5/-1s"] {
            assert!(rate(refused).is_err(), "{refused}");
        }
    }
}
