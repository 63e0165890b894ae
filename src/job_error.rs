//! What handlers return.

mod error;
mod result;

pub(crate) use self::error::FailureKind;
pub use self::error::{JobError, JobErrorKind, JobFailure};
pub use self::result::{BatchResult, IntoBatchResult, IntoJobResult, JobResult};
