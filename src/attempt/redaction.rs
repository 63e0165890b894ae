//! What may be shown of a payload: the mark stands in the place of the redacted values of its task's type. Runs where a person looks at
//! a payload, and never on the way of a job.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::cron_fire::CronFire;
use super::declared::declares;
use super::decode::CRON;
use super::misfit::look_at;
use super::panics::caught;
use crate::redacted::MARK;
use crate::redacted::look::{Found, Place};

mod walk;

pub(super) use self::walk::redacts;

/// Returns the payload as it may be shown. Returns `None` if the type cannot read it: then nothing is known of its values.
pub(super) fn shown<T: DeserializeOwned>(payload: &Value) -> Option<Value> {
    if is_empty(payload) {
        return Some(payload.clone());
    }
    forms::<T>(payload)
        .into_iter()
        .find_map(|form| caught(|| look_at::<T>(&form)).ok().flatten())
        .and_then(|found| strike(&found, payload))
}

/// The same for a batch of such entries, or for one of them.
pub(super) fn entries_shown<E: DeserializeOwned>(payload: &Value) -> Option<Value> {
    match payload {
        Value::Array(entries) => entries.iter().map(shown::<E>).collect(),
        entry => shown::<E>(entry),
    }
}

// Such a payload is read as the type's empty form.
fn is_empty(payload: &Value) -> bool {
    match payload {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The forms in which the type may read it, in their order: without a fire, as it is, and as a schedule's next fire would have it.
fn forms<T: DeserializeOwned>(payload: &Value) -> Vec<Value> {
    let mut forms = vec![payload.clone()];
    let Value::Object(fields) = payload else { return forms };
    if !fields.contains_key(CRON) {
        let mut fired = fields.clone();
        fired.insert(
            CRON.to_owned(),
            json!({"ts": "2000-01-01T00:00:00Z", "backfilled": false, "schedule": ""}),
        );
        forms.push(Value::Object(fired));
    } else if CronFire::of_payload(&payload.to_string()).is_some() && !declares::<T>(CRON) {
        let mut own = fields.clone();
        own.remove(CRON);
        forms.insert(0, Value::Object(own));
    }
    forms
}

/// Puts the mark in the place of all that was found. Returns `None` if some of it is not there, or if it is all.
fn strike(found: &Found, payload: &Value) -> Option<Value> {
    let mut shown = payload.clone();
    for secret in &found.copied {
        if !holds(payload, secret) {
            return None;
        }
        replace(&mut shown, secret);
    }
    for place in found.redacted.iter().chain(&found.unread) {
        // The outer of two redacted values may have gone first.
        if let Some(value) = at(&mut shown, place) {
            *value = MARK.into();
        }
    }
    (shown != MARK).then_some(shown)
}

fn at<'a>(payload: &'a mut Value, place: &Place) -> Option<&'a mut Value> {
    place.iter().try_fold(payload, |value, step| match value {
        Value::Array(values) => values.get_mut(step.parse::<usize>().ok()?),
        Value::Object(fields) => fields.get_mut(step),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

// A key may be the secret: its object goes.
fn is_secret(value: &Value, secret: &Value) -> bool {
    let is_key = |fields: &serde_json::Map<_, _>| secret.as_str().is_some_and(|key| fields.contains_key(key));
    value == secret || value.as_object().is_some_and(is_key)
}

fn holds(value: &Value, secret: &Value) -> bool {
    is_secret(value, secret)
        || match value {
            Value::Array(values) => values.iter().any(|value| holds(value, secret)),
            Value::Object(fields) => fields.values().any(|value| holds(value, secret)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
}

fn replace(value: &mut Value, secret: &Value) {
    if is_secret(value, secret) {
        *value = MARK.into();
        return;
    }
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, secret)),
        Value::Object(fields) => fields.values_mut().for_each(|value| replace(value, secret)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
