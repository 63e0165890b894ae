//! `schedules`: creates, changes and shows schedules. The library decides what a change means.

use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use mainspring::Session;
use mainspring::schedules::{self, ScheduleFire, ScheduleRow};
use mainspring::{CronExpression, NewSchedule};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::failure::Failure;
use crate::output;
use crate::redaction::redact;
use crate::source::{Query, Source};

mod arguments;
mod numbers;

pub(crate) use arguments::SchedulesCommand;
use arguments::{CreateArguments, ListArguments, ShowArguments, UpdateArguments};

pub(crate) fn run(
    source: &mut Source,
    command: SchedulesCommand,
    out: &mut impl Write,
) -> Result<(), Failure> {
    match command {
        SchedulesCommand::List(arguments) => list(source, &arguments, out),
        SchedulesCommand::Show(arguments) => show(source, &arguments, out),
        SchedulesCommand::Create(arguments) => create(source, &arguments, out),
        SchedulesCommand::Update(arguments) => update(source, &arguments, out),
        SchedulesCommand::Pause(one) => {
            let verb = |conn: &mut Session<'_>| schedules::pause(conn, &one.name).map(|()| IgnoredAny);
            source.act("pause-schedule", &json!({"name": one.name}), verb)?;
            tell(out, "paused", &one.name)
        }
        SchedulesCommand::Resume(one) => {
            let verb = |conn: &mut Session<'_>| schedules::resume(conn, &one.name).map(|()| IgnoredAny);
            source.act("resume-schedule", &json!({"name": one.name}), verb)?;
            tell(out, "resumed", &one.name)
        }
        SchedulesCommand::Delete(one) => {
            let verb = |conn: &mut Session<'_>| schedules::delete(conn, &one.name).map(|()| IgnoredAny);
            source.act("delete-schedule", &json!({"name": one.name}), verb)?;
            tell(out, "deleted", &one.name)
        }
        SchedulesCommand::Trigger(one) => {
            let body = json!({"name": one.name});
            let verb = |conn: &mut Session<'_>| schedules::trigger(conn, &one.name);
            let fire: ScheduleFire = source.act("trigger-schedule", &body, verb)?;
            match fire.job_id {
                Some(id) => Ok(writeln!(out, "{id}")?),
                None => Err(Failure::Refused(format!(
                    "{}: a job of the schedule is waiting or running, and its overlap policy is skip",
                    one.name
                ))),
            }
        }
    }
}

fn tell(out: &mut impl Write, done: &str, name: &str) -> Result<(), Failure> {
    Ok(writeln!(out, "{done} {}", output::printable(name))?)
}

fn create(source: &mut Source, arguments: &CreateArguments, out: &mut impl Write) -> Result<(), Failure> {
    let CreateArguments { name, task, expression, .. } = arguments;
    let schedule = NewSchedule::new(name, task, expression).with(arguments.changes()?);
    let verb = |conn: &mut Session<'_>| schedules::create(conn, &schedule).map(|()| look(conn, name));
    let row = source.act("create-schedule", &schedule, verb)?;
    tell(out, "created", name)?;
    warn(row);
    Ok(())
}

fn update(source: &mut Source, arguments: &UpdateArguments, out: &mut impl Write) -> Result<(), Failure> {
    let (name, changes) = (&arguments.name, arguments.changes()?);
    let verb = |conn: &mut Session<'_>| schedules::update(conn, name, &changes).map(|()| look(conn, name));
    let row = source.act("update-schedule", &json!({"name": name, "changes": changes}), verb)?;
    tell(out, "updated", name)?;
    warn(row);
    Ok(())
}

// What was done stays done, also where the schedule cannot be read.
fn look(conn: &mut Session<'_>, name: &str) -> Option<ScheduleRow> {
    schedules::get(conn, name).ok().flatten()
}

fn warn(row: Option<ScheduleRow>) {
    if let Some(ScheduleRow { task, warning: Some(warning), .. }) = row {
        let (task, warning) = (output::printable(&task), output::printable(&warning));
        eprintln!("mainspring: warning: jobs of the task {task} will not succeed: {warning}");
    }
}

/// A schedule, and its last fires.
#[derive(Deserialize)]
struct WithFires {
    schedule: ScheduleRow,
    fires: Vec<ScheduleFire>,
}

fn unknown(name: &str) -> Failure {
    Failure::Refused(format!("there is no schedule `{name}`"))
}

fn list(source: &mut Source, arguments: &ListArguments, out: &mut impl Write) -> Result<(), Failure> {
    let filter = arguments.filter();
    let query =
        Query::new("schedules").with("task", filter.task.as_ref()).with("prefix", filter.prefix.as_ref());
    let query = query.with("after", filter.after.as_ref()).with("limit", Some(filter.limit));
    let rows: Vec<ScheduleRow> = source.read(query, |conn| {
        let mut rows = schedules::list(conn, &filter)?;
        redact(conn, &mut rows)?;
        Ok(rows)
    })?;
    if arguments.listing.json {
        return output::json(out, &rows);
    }
    let headings = [
        "NAME",
        "TASK",
        "EXPRESSION",
        "ZONE",
        "NEXT FIRE",
        "LAST FIRE",
        "OUTCOME",
        "JOB",
        "STATE",
        "WARNING",
    ];
    output::table(out, headings, rows.into_iter().map(cells).collect())
}

fn cells(row: ScheduleRow) -> [String; 10] {
    let next = match row.next_fires.first() {
        _ if row.error.is_some() => "faulty".to_owned(),
        _ if row.paused => "paused".to_owned(),
        _ if row.late_since.is_some() => "late".to_owned(),
        Some(next) => moment(*next),
        None => "over".to_owned(),
    };
    [
        row.name,
        row.task,
        row.expression,
        row.zone,
        next,
        row.last_fire_at.map(moment).unwrap_or_default(),
        row.last_outcome.unwrap_or_default(),
        row.last_job_id.map(|id| id.to_string()).unwrap_or_default(),
        row.last_job_state.unwrap_or_default(),
        output::shortened(&row.warning.unwrap_or_default()),
    ]
}

fn show(source: &mut Source, arguments: &ShowArguments, out: &mut impl Write) -> Result<(), Failure> {
    let name = &arguments.name;
    let query = Query::new("schedule").with("name", Some(name)).with("fires", Some(arguments.fires));
    let found = source.find(
        query,
        || unknown(name),
        |conn| {
            let Some(mut schedule) = schedules::get(conn, name)? else { return Ok(None) };
            redact(conn, std::slice::from_mut(&mut schedule))?;
            Ok(Some(WithFires { schedule, fires: schedules::fires(conn, name, arguments.fires)? }))
        },
    )?;
    let WithFires { schedule: row, fires } = found;
    if arguments.listing.json {
        return output::json(out, &json!({"schedule": row, "fires": fires}));
    }
    output::table(out, ["FIELD", "VALUE"], fields(&row))?;
    if fires.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    output::table(out, ["DUE", "SEEN TO", "OUTCOME", "JOB", ""], fires.into_iter().map(fire_cells).collect())
}

fn fields(row: &ScheduleRow) -> Vec<[String; 2]> {
    let words = CronExpression::parse(&row.expression).map(|expression| expression.describe());
    let state = if row.paused { "paused" } else { "active" };
    let mut fields = vec![
        ("name", row.name.clone()),
        ("state", row.error.clone().map_or_else(|| state.to_owned(), |error| format!("faulty: {error}"))),
        ("late since", row.late_since.map(moment).unwrap_or_default()),
        ("late because", row.late_reason.clone().unwrap_or_default()),
        ("warning", row.warning.clone().unwrap_or_default()),
        ("task", row.task.clone()),
        ("payload", output::shortened(&row.payload.to_string())),
        ("expression", row.expression.clone()),
        ("in words", words.unwrap_or_default()),
        ("zone", row.zone.clone()),
        ("queue", row.queue.clone().unwrap_or_default()),
        ("priority", row.priority.to_string()),
        ("max attempts", row.max_attempts.to_string()),
        ("overlap", row.overlap.as_str().to_owned()),
        ("key", row.key.clone().unwrap_or_default()),
        ("catch-up", row.catch_up.to_string()),
        ("starts at", row.starts_at.map(moment).unwrap_or_default()),
        ("ends at", row.ends_at.map(moment).unwrap_or_default()),
        ("jitter", format!("{} s", row.jitter_seconds)),
    ];
    fields.extend(row.next_fires.iter().map(|next| ("next fire", moment(*next))));
    fields.into_iter().map(|(name, value)| [name.to_owned(), value]).collect()
}

fn fire_cells(fire: ScheduleFire) -> [String; 5] {
    let by_hand = if fire.triggered { "triggered" } else { "" };
    let job = fire.job_id.map(|id| id.to_string()).unwrap_or_default();
    [moment(fire.due_at), moment(fire.fired_at), fire.outcome, job, by_hand.to_owned()]
}

fn moment(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}
