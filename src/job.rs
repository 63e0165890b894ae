//! Jobs, before they are stored: their tasks, options and payloads. No database, no actors.

pub(crate) mod bounds;
mod enqueue;
mod key_mode;
mod options;
pub(crate) mod payload;
mod task;

pub use self::enqueue::{Enqueue, NewJob};
pub use self::key_mode::KeyMode;
pub use self::options::JobOptions;
pub(crate) use self::options::common_setters;
pub use self::task::Task;
