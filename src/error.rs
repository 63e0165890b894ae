//! What can go wrong, each variant because a caller would act differently. Logs nothing.

mod conversions;
mod kinds;
mod problem;
mod scheduler;
mod sentences;
mod store;

pub(crate) use self::conversions::shows_outage;
pub(crate) use self::problem::Problem;
pub use self::scheduler::SchedulerError;
pub use self::store::{JobPlace, StoreError};
pub use crate::database_error::DatabaseError;
pub(crate) use crate::database_error::text_of;
pub use crate::stored::Stored;
