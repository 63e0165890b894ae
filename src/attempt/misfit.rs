//! What is wrong with a payload that does not fit its task's type: path, expected type and found type. Never a value, since
//! errors are logged, and stored where more people may read than payloads.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

mod fault;
mod node;

use self::node::Node;
use crate::job::payload::{cut, kind_of};

/// At most so many characters of the path, and of what was expected.
const LONGEST: usize = 200;

/// Reads JSON as a `T`, or returns what is wrong with it, to stand after the name of the type.
pub(super) fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|_| misfit::<T>(json))
}

/// Returns what is wrong with the payload as a `T`, to stand after the name of its task.
pub(super) fn misfit<T: DeserializeOwned>(payload: &str) -> String {
    let value: Value = match serde_json::from_str(payload) {
        Ok(value) => value,
        // It names a line and a column.
        Err(error) => return format!(": {error}"),
    };
    let Err(error) = serde_path_to_error::deserialize::<_, T>(Node(&value)) else {
        return ": it is read as something else".to_owned();
    };
    let fault = error.inner();
    let path = path_text(error.path(), fault.name.as_deref());
    let place = if path.is_empty() { path } else { format!(" at `{}`", cut(&path, LONGEST)) };
    let found = fault.found.or_else(|| at(&value, error.path()).map(kind_of));
    let found = found.map_or_else(String::new, |found| format!(", found {found}"));
    format!("{place}: {}{found}", cut(&fault.expected, LONGEST))
}

// Without the name that is at fault, which comes last.
fn path_text(path: &Path, fault: Option<&str>) -> String {
    let text = path.iter().map(|segment| match segment {
        Segment::Seq { index } => format!("[{index}]"),
        Segment::Map { key: name } | Segment::Enum { variant: name } => format!(".{name}"),
        Segment::Unknown => ".?".to_owned(),
    });
    let text: String = text.collect();
    let text = fault.and_then(|name| text.strip_suffix(&format!(".{name}"))).unwrap_or(&text);
    text.strip_prefix('.').unwrap_or(text).to_owned()
}

fn at<'a>(value: &'a Value, path: &Path) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Seq { index } => value.get(index),
        Segment::Map { key } => value.get(key),
        Segment::Enum { variant } => value.get(variant),
        Segment::Unknown => None,
    })
}
