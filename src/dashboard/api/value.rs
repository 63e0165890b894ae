//! A value as JSON.

use serde::Serialize;

use crate::dashboard::failure::Failure;

pub(super) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Invalid(format!("this has no JSON: {error}")))
}
