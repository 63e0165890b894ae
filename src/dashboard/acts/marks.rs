//! The mark of redacted values in payloads that viewers send. It is refused, so that it is never stored in the place of a value. A form
//! that was filled from a job may leave the payload as it is: then the new job gets the stored one.

use serde_json::Value;

use super::job_form::Form;
use crate::dashboard::failure::Failure;
use crate::dashboard::payloads::Copy;
use crate::dashboard::visit::Visit;
use crate::error::{Problem, StoreError};
use crate::redacted::MARK;

/// Refuses a payload that has the mark.
pub(in crate::dashboard) fn check(payload: &Value) -> Result<(), StoreError> {
    let expected =
        format!("must not have `{MARK}`, which stands for a value that is not shown: write the value");
    let refused = |place| Err(Problem::new("payload", expected, format_args!("it at `{place}`")).into());
    place_of(payload).map_or(Ok(()), refused)
}

/// Returns the payload that the form describes, or why it is refused. It is the stored one of the job that the form was filled from, if
/// task and payload are as they were.
///
/// Beside a change each redacted value must be written. Otherwise a viewer could have a handler send a value to where they read it.
pub(super) async fn whole(
    visit: &Visit,
    of: Option<i64>,
    form: &Form,
) -> Result<Result<String, StoreError>, Failure> {
    let written = serde_json::from_str::<Value>(&form.payload).ok();
    let Some(written) = written.filter(|written| place_of(written).is_some()) else {
        return Ok(Ok(form.payload.clone()));
    };
    let stored = match of {
        Some(id) => stored(visit, id, &form.task, &written).await?,
        None => None,
    };
    Ok(stored.map_or_else(|| check(&written).map(|()| form.payload.clone()), Ok))
}

/// The payload of the job as it is stored, if the job is of the task and the viewer sees this of it.
async fn stored(visit: &Visit, id: i64, task: &str, seen: &Value) -> Result<Option<String>, Failure> {
    let Some(job) = visit.scheduler().jobs().get(id).await?.filter(|job| job.task == task) else {
        return Ok(None);
    };
    Ok(match visit.copy_of(&job).await? {
        Copy::Redacted { stored, shown } => (shown == *seen).then_some(stored),
        Copy::Whole(stored) => {
            let is_seen = serde_json::from_str::<Value>(&stored).is_ok_and(|stored| stored == *seen);
            is_seen.then_some(stored)
        }
        Copy::None => None,
    })
}

/// The place of the first mark, in the form of paths in errors.
fn place_of(value: &Value) -> Option<String> {
    let inside = |step: String, value: &Value| place_of(value).map(|rest| format!("{step}{rest}"));
    match value {
        Value::String(text) => (text == MARK).then(String::new),
        Value::Array(values) => {
            values.iter().enumerate().find_map(|(at, value)| inside(format!("[{at}]"), value))
        }
        Value::Object(fields) => fields.iter().find_map(|(key, value)| inside(format!(".{key}"), value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
