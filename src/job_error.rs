//! What handlers return.

mod error;
mod result;
mod step;
mod value;

pub(crate) use self::error::FailureKind;
pub use self::error::{JobError, JobErrorKind, JobFailure};
pub use self::result::{BatchResult, IntoBatchResult, IntoJobResult, JobResult};
pub use self::step::StepError;
pub use self::value::JobValue;
