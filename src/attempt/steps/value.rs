//! The value of a step as JSON. What a handler gets has been through JSON in each attempt, also in the one that does the step: so the
//! first attempt sees what the others will.

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::attempt::misfit::{Unread, read};
use crate::job_error::StepError;

/// Returns a value as it is stored.
pub(in crate::attempt) fn encode<T: Serialize>(step: &str, value: &T) -> Result<Vec<u8>, StepError> {
    let unwritable =
        |error| StepError::refused(step, format!("has a value that cannot be written as JSON: {error}"));
    serde_json::to_vec(value).map_err(unwritable)
}

/// Reads a value that was stored. The error has the path and the types of what is wrong, and no value.
pub(in crate::attempt) fn decode<T: DeserializeOwned>(step: &str, value: &[u8]) -> Result<T, StepError> {
    let step = step.to_owned();
    read(value).map_err(|unread| match unread {
        Unread::Misfit(fault) => StepError::Unreadable { step, type_name: type_name::<T>(), fault },
        #[cfg(feature = "sealed")]
        Unread::NotOpened(error) => StepError::NotOpened { step, error },
    })
}
