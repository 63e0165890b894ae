//! What a handler returned besides success, as JSON.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::error::JobError;

/// A larger one belongs where the application keeps its files.
const MOST_BYTES: usize = 1 << 20;

/// The value that a handler has returned, to be kept as the result of its job; or none, for `()` and any other type without content.
/// Made by [`IntoJobResult`](crate::IntoJobResult).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct JobValue(Option<Arc<[u8]>>);

impl JobValue {
    /// No value.
    pub const NONE: Self = Self(None);

    /// Returns the value as JSON. A type of size zero, such as `()`, and a value that is `null` are no value.
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON, or has more than 1 MiB. The attempt that returns it has failed.
    pub fn of<T: Serialize>(value: &T) -> Result<Self, JobError> {
        if size_of::<T>() == 0 {
            return Ok(Self::NONE);
        }
        let json = serde_json::to_vec(value).map_err(|error| {
            format!("the value that the handler returned cannot be written as JSON: {error}")
        })?;
        if json.len() > MOST_BYTES {
            let bytes = json.len();
            return Err(JobError::from(format!(
                "the value that the handler returned has {bytes} bytes as JSON, and may have {MOST_BYTES}: \
                 store it elsewhere, and return where it is"
            )));
        }
        Ok(Self((json != b"null").then(|| json.into())))
    }

    pub(crate) fn into_json(self) -> Option<Arc<[u8]>> {
        self.0
    }
}

/// With its size: a value belongs into no log.
impl fmt::Debug for JobValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(json) => write!(f, "JobValue({} bytes)", json.len()),
            None => f.write_str("JobValue(none)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_content_is_no_value() {
        #[derive(Serialize)]
        struct Done;
        assert_eq!(JobValue::of(&()).unwrap(), JobValue::NONE);
        assert_eq!(JobValue::of(&Done).unwrap(), JobValue::NONE);
        assert_eq!(JobValue::of(&None::<u8>).unwrap(), JobValue::NONE);
        assert_eq!(JobValue::of(&"").unwrap().into_json().as_deref(), Some(&b"\"\""[..]));
        assert_eq!(JobValue::of(&Vec::<u8>::new()).unwrap().into_json().as_deref(), Some(&b"[]"[..]));
    }

    #[test]
    fn a_value_has_a_mebibyte_at_most() {
        let of = |bytes: usize| JobValue::of(&"x".repeat(bytes - 2));
        assert!(of(MOST_BYTES).is_ok());
        let error = of(MOST_BYTES + 1).unwrap_err().to_string();
        assert!(error.contains("1048577") && !error.contains("xx"), "{error}");
        assert_eq!(format!("{:?}", of(9).unwrap()), "JobValue(9 bytes)");
    }
}
