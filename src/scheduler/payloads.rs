//! Payloads of lines and schedules are judged by the types of this process's handlers before anything is stored.

use serde_json::{Map, Value, json};

use crate::cron::CronEntry;
use crate::error::StoreError;
use crate::job::payload::text_of;
use crate::job::{KnownTasks, payload_misfit};
use crate::schedule::NewSchedule;
use crate::store::schedules::ScheduleRow;

/// Returns what is wrong with the payloads of crontab lines, each line by its identifier.
pub(super) fn line_problem(lines: &[CronEntry], known: &KnownTasks) -> Option<String> {
    let problem = |line: &CronEntry| {
        let problem =
            known.payload_problem(&line.task, &fired(line.payload.clone(), None), line.options.version)?;
        Some(format!("cron `{}`: {problem}", line.identifier))
    };
    let problems: Vec<String> = lines.iter().filter_map(problem).collect();
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// The field of a schedule that holds the version of its payload.
pub(super) const VERSION: &str = "version";

/// Returns the schedule with the version of its task here, if it has none. Refuses one whose payload its task cannot read.
pub(super) fn checked(schedule: NewSchedule, known: &KnownTasks) -> Result<NewSchedule, StoreError> {
    let fields = schedule.fields();
    let payload = match fields.get("payload") {
        Some(Value::Object(payload)) => payload.clone(),
        None | Some(Value::Null) => Map::new(),
        // The database refuses it.
        Some(_) => return Ok(schedule),
    };
    let given = fields.get(VERSION).and_then(Value::as_i64).and_then(|version| i32::try_from(version).ok());
    let version = given.or_else(|| known.version_of(schedule.task()));
    let fired = fired(payload, Some(schedule.name()));
    refuse(known.payload_problem(schedule.task(), &fired, version))?;
    Ok(match (given, version) {
        (None, Some(version)) => schedule.version(version),
        _ => schedule,
    })
}

/// Refuses a schedule that was changed to a payload which its task cannot read.
pub(super) fn check_changed(row: &ScheduleRow, known: &KnownTasks) -> Result<(), StoreError> {
    // What a value cannot hold exactly is not judged.
    let Value::Object(payload) = &row.payload else { return Ok(()) };
    refuse(known.payload_problem(&row.task, &fired(payload.clone(), Some(&row.name)), row.version))
}

fn refuse(problem: Option<String>) -> Result<(), StoreError> {
    problem.map_or(Ok(()), |problem| Err(payload_misfit(&problem).into()))
}

// As a fire writes it, see sql/schedules/fire_payload.sql.
fn fired(mut payload: Map<String, Value>, schedule: Option<&str>) -> String {
    let mut fire = json!({"ts": "2000-01-01T00:00:00Z", "backfilled": false});
    if let (Some(name), Some(fire)) = (schedule, fire.as_object_mut()) {
        fire.insert("schedule".to_owned(), name.into());
    }
    payload.insert("_cron".to_owned(), fire);
    text_of(&Value::Object(payload))
}
