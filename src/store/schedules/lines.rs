//! The crontab lines of a program, which are schedules that the program owns: stored when it starts, fired by the
//! processes that have them, and stopped when no process has them any more.

use std::time::Duration;

use diesel::sql_types::{BigInt, Integer, Text};
use serde_json::{Value, json};

use crate::cron::CronEntry;
use crate::error::StoreError;
use crate::job::payload::text_of;
use crate::store::retention::retire_lines;
use crate::store::session::AsSession;
use crate::store::statement::{Statement, millis};

/// Stores the lines of a process that started this long ago, and stops lines that no process has any more. Returns the names
/// of those that cannot be stored now, and why.
pub(crate) fn register_lines(
    conn: &mut impl AsSession,
    worker_id: i32,
    lines: &[CronEntry],
    since_start: Duration,
) -> Result<Vec<(String, String)>, StoreError> {
    let lines = Value::Array(lines.iter().map(row_of).collect());
    let unstored = Statement::<(Text, Text)>::new(
        "SELECT line_name, problem FROM mainspring.register_lines({}, {}::jsonb, {} * interval '1 millisecond')",
    )
    .bind::<Integer, _>(worker_id)
    .bind::<Text, _>(text_of(&lines))
    .bind::<BigInt, _>(millis(since_start))
    .load(conn)?;
    retire_lines(conn)?;
    Ok(unstored)
}

// As the SQL function mainspring.register_lines reads it.
fn row_of(line: &CronEntry) -> Value {
    let options = &line.options;
    let flags = if options.flags.is_empty() { Value::Null } else { json!(options.flags) };
    json!({
        "name": line.identifier,
        "task": line.task,
        "expression": line.expression.to_string(),
        "zone": line.zone.name(),
        "payload": line.payload,
        "queue": options.queue,
        "priority": options.priority,
        "max_attempts": options.max_attempts,
        "key": options.key,
        "key_mode": options.key.is_some().then(|| options.key_mode.as_str()),
        "flags": flags,
        "version": options.version,
        "catch_up": line.catch_up,
        "fill": line.fill.map(|fill| format!("{} seconds", fill.num_seconds())),
    })
}

#[cfg(test)]
mod tests;
