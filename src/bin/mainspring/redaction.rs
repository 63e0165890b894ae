//! Redacted values: the program has no type of any task, so it shows a payload only where workers have published that no value of it is
//! redacted.

use mainspring::schedules::ScheduleRow;
use mainspring::{AsSession, Redacted, StoreError, tasks};
use serde_json::Value;

use crate::failure::Failure;

/// Returns the payload of the task, or the mark.
pub(crate) fn redacted(conn: &mut impl AsSession, task: &str, payload: Value) -> Result<Value, StoreError> {
    let is_shown = !tasks::unredacted(conn, &[task])?.is_empty();
    Ok(if is_shown { payload } else { mark().into() })
}

/// Puts the mark in the place of payloads of schedules.
pub(crate) fn redact(conn: &mut impl AsSession, rows: &mut [ScheduleRow]) -> Result<(), StoreError> {
    let tasks: Vec<&str> = rows.iter().map(|row| row.task.as_str()).collect();
    let shown = tasks::unredacted(conn, &tasks)?;
    for row in rows.iter_mut().filter(|row| !shown.contains(&row.task)) {
        row.payload = mark().into();
    }
    Ok(())
}

/// Refuses a payload in which the mark stands in the place of a value.
pub(crate) fn refuse_mark(payload: &Value) -> Result<(), Failure> {
    if !has_mark(payload) {
        return Ok(());
    }
    let mark = mark();
    Err(Failure::Usage(format!(
        "the payload has `{mark}`, which stands for a value that is not shown: write the value"
    )))
}

fn has_mark(value: &Value) -> bool {
    match value {
        Value::String(text) => *text == mark(),
        Value::Array(values) => values.iter().any(has_mark),
        Value::Object(fields) => fields.values().any(has_mark),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn mark() -> String {
    Redacted::new(()).to_string()
}
