//! Limits of queues, and of tasks over all processes: which one is meant, how it is set, listed and printed.

use std::io::Write;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mainspring::queues::{self, QueueFamily, QueueSettings, Rate, TaskLimit, TaskLimitStatus};
use mainspring::status::DETAIL_COUNT_CAP;
use mainspring::{Session, StoreError};
use serde_json::json;

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output;
use crate::source::{Changed, Query, Source};

pub(crate) const TASK_LIMIT_HEADINGS: [&str; 5] = ["LIMITED TASK", "LIMIT", "RATE", "READY", "RUNNING"];

#[derive(Debug, Args)]
pub(crate) struct SetArguments {
    #[command(flatten)]
    target: LimitTarget,
    /// How many jobs may run at once over all processes, 1 to 1000000 [default: 1 of a queue, any number of a task].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    limit: Option<u32>,
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
    /// A task instead of a queue: its jobs in all queues, and those in none.
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
}

/// What may have limits.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct LimitTarget {
    /// The queue's name.
    queue: Option<String>,
    /// A task instead of a queue: its jobs in all queues, and those in none.
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
    /// All queues without limits of their own whose names begin so, now and later: 'tenant:*', say.
    #[arg(long, value_name = "PREFIX*")]
    family: Option<String>,
}

enum Limited {
    Queue(String),
    Task(String),
    Family(String),
}

impl LimitTarget {
    // clap requires one of the three.
    fn chosen(self) -> Limited {
        match (self.task, self.family) {
            (Some(task), _) => Limited::Task(task),
            (None, Some(family)) => Limited::Family(family),
            (None, None) => Limited::Queue(self.queue.unwrap_or_default()),
        }
    }
}

impl Limited {
    fn described(&self) -> String {
        let (kind, name) = match self {
            Self::Queue(name) => ("queue", name),
            Self::Task(name) => ("task", name),
            Self::Family(name) => ("family", name),
        };
        format!("{kind} {}", output::printable(name))
    }
}

pub(crate) fn set(
    conn: &mut Session<'_>,
    SetArguments { target, limit, rate, if_absent }: SetArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut settings = QueueSettings::concurrency(limit.unwrap_or(1));
    settings.rate = rate;
    let mut task_limit = TaskLimit::new();
    (task_limit.concurrency, task_limit.rate) = (limit, rate);
    let target = target.chosen();
    let is_set = match (&target, if_absent) {
        (Limited::Queue(name), None) => queues::set(conn, name, &settings).map(|()| true),
        (Limited::Task(name), None) => queues::set_task_limit(conn, name, &task_limit).map(|()| true),
        (Limited::Family(name), None) => queues::set_family(conn, name, &settings).map(|()| true),
        (Limited::Queue(name), Some(_)) => queues::set_if_absent(conn, name, &settings),
        (Limited::Task(name), Some(_)) => queues::set_task_limit_if_absent(conn, name, &task_limit),
        (Limited::Family(name), Some(_)) => queues::set_family_if_absent(conn, name, &settings),
    }?;
    let done = if is_set { "is set" } else { "was set before, and stays as it is" };
    Ok(writeln!(out, "{} {done}", target.described())?)
}

/// Removes limits.
pub(crate) fn remove(
    conn: &mut Session<'_>,
    target: LimitTarget,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let target = target.chosen();
    let is_removed = match &target {
        Limited::Queue(name) => queues::remove(conn, name),
        Limited::Task(name) => queues::remove_task_limit(conn, name),
        Limited::Family(name) => queues::remove_family(conn, name),
    }?;
    let done = if is_removed { "has the defaults again" } else { "had nothing to remove" };
    Ok(writeln!(out, "{} {done}", target.described())?)
}

/// Lists families of queues.
pub(crate) fn list_families(
    source: &mut Source,
    options: &ListingOptions,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let families: Vec<QueueFamily> = source.read(Query::new("families"), |conn| queues::families(conn))?;
    if options.json {
        return output::json(out, &families);
    }
    let cells = |family: QueueFamily| {
        let rate = rate_cell(family.rate_limit, family.rate_period_seconds);
        [family.family, family.concurrency.to_string(), rate]
    };
    output::table(out, ["FAMILY", "LIMIT", "RATE"], families.into_iter().map(cells).collect())
}

/// Lists the limits of tasks.
pub(crate) fn list(
    source: &mut Source,
    options: &ListingOptions,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let limits: Vec<TaskLimitStatus> =
        source.read(Query::new("task-limits"), |conn| queues::task_limits(conn))?;
    if options.json {
        return output::json(out, &limits);
    }
    output::table(out, TASK_LIMIT_HEADINGS, limits.into_iter().map(task_limit_cells).collect())
}

pub(crate) fn task_limit_cells(limit: TaskLimitStatus) -> [String; 5] {
    [
        limit.task,
        limit.concurrency.map(|jobs| jobs.to_string()).unwrap_or_default(),
        rate_cell(limit.rate_limit, limit.rate_period_seconds),
        count(limit.ready),
        limit.running.map(|jobs| jobs.to_string()).unwrap_or_default(),
    ]
}

/// A rate as it is written on the command line.
pub(crate) fn rate_cell(jobs: Option<i32>, period_seconds: Option<f64>) -> String {
    let rate = jobs.zip(period_seconds).map(|(jobs, seconds)| {
        let period = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        format!("{jobs}/{}", humantime::format_duration(period).to_string().replace(' ', ""))
    });
    rate.unwrap_or_default()
}

pub(crate) fn count(number: i64) -> String {
    format!("{number}{}", if number >= DETAIL_COUNT_CAP { "+" } else { "" })
}

impl Target {
    // clap requires one of the two. The API has no pauses of tasks.
    pub(crate) fn apply(
        self,
        source: &mut Source,
        path: &'static str,
        queue: impl FnOnce(&mut Session<'_>, &str) -> Result<bool, StoreError>,
        task: impl FnOnce(&mut Session<'_>, &str) -> Result<bool, StoreError>,
    ) -> Result<(String, bool), Failure> {
        if let Some(name) = self.task {
            return Ok((format!("task {}", output::printable(&name)), task(&mut source.session()?, &name)?));
        }
        let name = self.queue.unwrap_or_default();
        let verb = |conn: &mut Session<'_>| Ok(Changed { changed: queue(conn, &name)? });
        let Changed { changed } = source.act(path, &json!({"name": name}), verb)?;
        Ok((format!("queue {}", output::printable(&name)), changed))
    }
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
