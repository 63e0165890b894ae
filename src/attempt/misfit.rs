//! What is wrong with a payload that does not fit its task's type: path, expected type and found type. Never a value, since
//! errors are logged, and stored where more people may read than payloads.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

mod fault;
mod node;

use self::node::Node;
pub(super) use self::node::RAW_VALUE;
use crate::job::payload::{cut, kind_of};
use crate::redacted::look::{self, Found, Place};
#[cfg(feature = "sealed")]
use crate::sealed::{SealError, place};

/// At most so many characters of the path, and of what was expected.
const LONGEST: usize = 200;

/// Why the value of a step, a job or a signal cannot be read.
pub(super) enum Unread {
    /// It does not fit the type. The text is to stand after the name of the type.
    Misfit(String),
    #[cfg(feature = "sealed")]
    NotOpened(SealError),
}

/// Reads a value that belongs to no payload.
pub(super) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Unread> {
    #[cfg(feature = "sealed")]
    let sealed = place::Payload::none();
    serde_json::from_slice(json).map_err(|_| {
        #[cfg(feature = "sealed")]
        if let Some(problem) = sealed.problem() {
            return Unread::NotOpened(problem);
        }
        Unread::Misfit(misfit::<T>(&String::from_utf8_lossy(json)))
    })
}

/// Returns what is wrong with the payload as a `T`, to stand after the name of its task.
pub(super) fn misfit<T: DeserializeOwned>(payload: &str) -> String {
    let value: Value = match serde_json::from_str(payload) {
        Ok(value) => value,
        // It names a line and a column.
        Err(error) => return format!(": {error}"),
    };
    let (read, seen) = look::of_payload(|| serde_path_to_error::deserialize::<_, T>(Node(&value)));
    let Err(error) = read else {
        return ": it is read as something else".to_owned();
    };
    let fault = error.inner();
    let path = path_text(error.path(), fault.name.as_deref(), &seen.redacted);
    let place = if path.is_empty() { path } else { format!(" at `{}`", cut(&path, LONGEST)) };
    let found = fault.found.or_else(|| at(&value, error.path()).map(kind_of));
    let found = found.map_or_else(String::new, |found| format!(", found {found}"));
    format!("{place}: {}{found}", cut(&fault.expected, LONGEST))
}

/// Reads a payload as a `T`. Returns what a look has found on the way, if the payload fits.
pub(super) fn look_at<T: DeserializeOwned>(payload: &Value) -> Option<Found> {
    let (read, found) = look::of_payload(|| T::deserialize(Node(payload)));
    read.is_ok().then_some(found)
}

// Without the name that is at fault, which comes last, and without what is inside a redacted value: keys are values too.
fn path_text(path: &Path, fault: Option<&str>, redacted: &[Place]) -> String {
    let shown = redacted.iter().filter(|place| leads_to(place, path)).map(Vec::len).min();
    let text = path.iter().take(shown.unwrap_or(usize::MAX)).map(|segment| match segment {
        Segment::Seq { index } => format!("[{index}]"),
        Segment::Map { key: name } | Segment::Enum { variant: name } => format!(".{name}"),
        Segment::Unknown => ".?".to_owned(),
    });
    let text: String = text.collect();
    let text = fault.and_then(|name| text.strip_suffix(&format!(".{name}"))).unwrap_or(&text);
    text.strip_prefix('.').unwrap_or(text).to_owned()
}

// Whether the path ends at the place, or inside it.
fn leads_to(place: &Place, path: &Path) -> bool {
    let is_step = |(step, segment): (&String, &Segment)| match segment {
        Segment::Seq { index } => *step == index.to_string(),
        Segment::Map { key: name } | Segment::Enum { variant: name } => step == name,
        Segment::Unknown => true,
    };
    place.len() <= path.iter().len() && place.iter().zip(path).all(is_step)
}

fn at<'a>(value: &'a Value, path: &Path) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Seq { index } => value.get(index),
        Segment::Map { key } => value.get(key),
        Segment::Enum { variant } => value.get(variant),
        Segment::Unknown => None,
    })
}
