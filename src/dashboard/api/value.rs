//! A value as JSON, and a body of JSON as a value.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::dashboard::acts::log_deed;
use crate::dashboard::failure::Failure;
use crate::dashboard::routes::Deed;

/// A body that names what it is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) name: String,
}

/// A body or a query that names a job or an operation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identified {
    pub(super) id: i64,
}

/// Returns the limit of a list if it is one from 1 to `most`.
pub(super) fn within(limit: u32, most: u32) -> Result<u32, Failure> {
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    Err(Failure::Invalid(format!("limit must be an integer from 1 to {most}, got {limit}")))
}

pub(super) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Invalid(format!("this has no JSON: {error}")))
}

pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::Invalid(format!("the body does not fit: {error}")))
}

/// Logs an act on what has this name or id.
pub(super) fn log_on(deed: Deed, of: &str, was_done: bool) {
    log_deed(deed, of, if was_done { "done" } else { "not done" });
}
