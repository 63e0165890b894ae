//! The labels of rows as JSON. After a restore without constraints there may be what is none among them.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads the labels, without what is none.
pub(super) fn listed<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    let Some(values) = Option::<Vec<Value>>::deserialize(from)? else { return Ok(None) };
    let label = |value| if let Value::String(label) = value { Some(label) } else { None };
    Ok(Some(values.into_iter().filter_map(label).collect()))
}
