//! Reads a payload as its task's type: without what cron adds, upgraded from an older version, and an absent payload as the type's
//! empty form. Does not know who runs the task.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::cron_fire::CronFire;
use super::declared::declares;
use super::misfit::misfit;
use super::panics::caught;
use crate::job::Task;
use crate::job::payload::text_of;
use crate::job_error::{FailureKind, JobError};
#[cfg(feature = "sealed")]
use crate::sealed::place;

pub(super) const CRON: &str = "_cron";

/// How an absent payload may stand in the row. SQL stores an object, a unit struct is written as null.
const ABSENT: [&str; 2] = ["{}", "null"];

/// How serde writes types that hold nothing: units and `None`, structs and maps, sequences.
const EMPTY_FORMS: [&str; 3] = ["null", "{}", "[]"];

/// Reads the payload, which is of this version. The error holds the job: no attempt can help, and another release may. It names the
/// path, the expected and the found type of what is wrong, and no value. Finding that takes a second and slower pass.
pub(crate) fn decode<T: Task + DeserializeOwned>(payload: &str, version: i32) -> Result<T, JobError> {
    #[cfg(feature = "sealed")]
    let sealed = place::Payload::of(T::NAME);
    let mut own = without_cron::<T>(payload);
    if version < T::VERSION {
        own = upgraded::<T>(own, version)?;
    }
    if let Some(task) = read(&own) {
        return Ok(task);
    }
    let empty = ABSENT.contains(&own.trim()).then(|| EMPTY_FORMS.iter().find_map(|form| read(form)));
    // A type may ask for the fire without declaring it, as one with a flattened field does.
    empty.flatten().or_else(|| read(payload)).ok_or_else(|| {
        #[cfg(feature = "sealed")]
        if let Some(problem) = sealed.problem() {
            return JobError::hold(format!("payload of the task `{}` cannot be opened: {problem}", T::NAME));
        }
        JobError::hold(format!("payload does not fit the task `{}`{}", T::NAME, misfit::<T>(&own)))
    })
}

// An upgrade that leaves the payload as it is keeps its text, and so each digit of its numbers.
fn upgraded<T: Task>(own: Cow<'_, str>, from: i32) -> Result<Cow<'_, str>, JobError> {
    let (name, to) = (T::NAME, T::VERSION);
    let problem = |error: &dyn fmt::Display| {
        format!("payload of the task `{name}` cannot be upgraded from version {from} to {to}: {error}")
    };
    let old: Value = serde_json::from_str(&own).map_err(|error| JobError::hold(problem(&error)))?;
    let new = T::upgrade(from, old.clone()).map_err(|error| match error {
        JobError(FailureKind::Failed(reason)) => JobError::hold(problem(&reason)),
        other => other,
    })?;
    Ok(if new == old { own } else { Cow::Owned(text_of(&new)) })
}

/// Returns what is wrong with a payload of this version that is to be stored for the task, also a panic of its type.
pub(super) fn payload_problem<T: Task + DeserializeOwned>(payload: &str, version: i32) -> Option<String> {
    match caught(|| decode::<T>(payload, version).map(drop)) {
        Ok(read) => read.err().map(|error| error.to_string()),
        Err(panic) => Some(format!("payload of the task `{}` cannot be read: its type {panic}", T::NAME)),
    }
}

fn read<T: DeserializeOwned>(json: &str) -> Option<T> {
    serde_json::from_str(json).ok()
}

// What cron has added is in the context. A type that declares the field gets it nevertheless.
fn without_cron<T: DeserializeOwned>(payload: &str) -> Cow<'_, str> {
    let is_fired = payload.contains("\"_cron\"") && CronFire::of_payload(payload).is_some();
    if !is_fired || declares::<T>(CRON) {
        return Cow::Borrowed(payload);
    }
    let rest = serde_json::from_str(payload).and_then(|mut fields: BTreeMap<Cow<'_, str>, &RawValue>| {
        fields.remove(CRON);
        serde_json::to_string(&fields)
    });
    rest.map_or(Cow::Borrowed(payload), Cow::Owned)
}

#[cfg(test)]
mod tests;
