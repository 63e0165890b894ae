//! `status`: an overview of jobs, tasks, queues and workers, as tables or as JSON.

use std::io::Write;

use chrono::SecondsFormat;
use mainspring::queues::QueueStatus;
use mainspring::status::{COUNT_CAP, DETAIL_COUNT_CAP, ScheduleProblem, StateCounts, Status, TaskStatus};
use mainspring::workers::WorkerStatus;

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::limits::{TASK_LIMIT_HEADINGS, task_limit_cells};
use crate::output;
use crate::source::{Query, Source};

pub(crate) const WORKER_HEADINGS: [&str; 5] = ["WORKER", "ID", "HEARTBEAT", "RUNNING", "TASKS"];

pub(crate) fn show(
    source: &mut Source,
    options: &ListingOptions,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let status: Status = source.read(Query::new("status"), |conn| mainspring::status::read(conn))?;
    if options.json {
        return output::json(out, &status);
    }
    tell(out, status)
}

fn tell(out: &mut impl Write, status: Status) -> Result<(), Failure> {
    writeln!(out, "schema version {}", output::printable(&status.schema_version))?;
    if let Some(since) = status.paused_since {
        let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        writeln!(out, "everything is paused since {since}: `mainspring resume --all` ends it")?;
    }
    match status.oldest_ready_age_seconds {
        Some(seconds) => writeln!(out, "oldest ready job due for {}", age(seconds))?,
        None => writeln!(out, "no job is ready")?,
    }
    section(out, ["JOBS", "COUNT"], state_cells(status.jobs))?;
    if status.workers.is_empty() {
        writeln!(out, "\nno worker is registered")?;
    }
    let workers = status.workers.into_iter().map(worker_cells).collect();
    section(out, WORKER_HEADINGS, workers)?;
    let queues = status.queues.into_iter().map(queue_cells).collect();
    section(out, ["QUEUE", "LIMIT", "WAITING", "RUNNING"], queues)?;
    let tasks = status.tasks.into_iter().map(task_cells).collect();
    section(out, ["READY TASK", "COUNT", "OLDEST", "WORKERS"], tasks)?;
    let limits = status.task_limits.into_iter().map(task_limit_cells).collect();
    section(out, TASK_LIMIT_HEADINGS, limits)?;
    let schedules = status.schedules.into_iter().map(schedule_cells).collect();
    section(out, ["SCHEDULE", "OWNER", "SINCE", "PROBLEM"], schedules)?;
    if status.schedule_warnings > 0 {
        let warnings = status.schedule_warnings;
        writeln!(
            out,
            "\nschedules whose jobs will not succeed: {warnings}; see `mainspring schedules list`"
        )?;
    }
    Ok(())
}

fn section<const COLUMNS: usize>(
    out: &mut impl Write,
    headings: [&str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    output::table(out, headings, rows)
}

fn state_cells(jobs: StateCounts) -> Vec<[String; 2]> {
    let StateCounts { waiting, scheduled, parked, ready, running, held, dead, .. } = jobs;
    let before = [("waiting", waiting), ("scheduled", scheduled), ("parked", parked)];
    let after = [("ready", ready), ("running", running), ("held", held), ("dead", dead)];
    before.into_iter().chain(after).map(|(state, jobs)| [state.to_owned(), count(jobs, COUNT_CAP)]).collect()
}

pub(crate) fn worker_cells(worker: WorkerStatus) -> [String; 5] {
    let lost = if worker.lost { " (lost)" } else { "" };
    let heartbeat = format!("{} ago{lost}", age(worker.heartbeat_age_seconds));
    [
        worker.name,
        worker.id.to_string(),
        heartbeat,
        count(worker.running, DETAIL_COUNT_CAP),
        worker.tasks.join(", "),
    ]
}

pub(crate) fn queue_cells(queue: QueueStatus) -> [String; 4] {
    let limit = if queue.paused { "paused".to_owned() } else { queue.concurrency.to_string() };
    [queue.name, limit, count(queue.waiting, DETAIL_COUNT_CAP), count(queue.running, DETAIL_COUNT_CAP)]
}

fn task_cells(task: TaskStatus) -> [String; 4] {
    let workers = if task.workers == 0 { "none knows it".to_owned() } else { task.workers.to_string() };
    [task.task, count(task.ready, DETAIL_COUNT_CAP), age(task.oldest_ready_age_seconds), workers]
}

fn schedule_cells(schedule: ScheduleProblem) -> [String; 4] {
    let since =
        schedule.since.map(|since| since.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default();
    [schedule.name, schedule.owner, since, output::shortened(&schedule.problem)]
}

pub(crate) fn count(number: i64, cap: i64) -> String {
    format!("{number}{}", if number >= cap { "+" } else { "" })
}

pub(crate) fn age(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds:.1} s"),
        60.0..3_600.0 => format!("{:.1} min", seconds / 60.0),
        3_600.0..86_400.0 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.1} d", seconds / 86_400.0),
    }
}
