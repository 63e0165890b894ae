//! Jobs, before they are stored: their tasks, options and payloads. No database, no actors.

mod batch;
pub(crate) mod bounds;
mod constants;
mod enqueue;
mod key_mode;
mod known;
pub(crate) mod operation;
mod options;
pub(crate) mod payload;
mod task;
mod tenant;
mod wait;
pub(crate) mod workflow;

pub use self::batch::Batch;
pub(crate) use self::constants::Constants;
pub(crate) use self::enqueue::Defaults;
pub use self::enqueue::{Enqueue, NewJob};
pub use self::key_mode::KeyMode;
pub(crate) use self::known::{KnownTask, KnownTasks, PayloadType, payload_misfit};
pub use self::options::JobOptions;
pub(crate) use self::options::common_setters;
pub use self::task::Task;
pub(crate) use self::tenant::{queue_of_tenant, tenant_of_queue};
pub use self::wait::{OnFailure, Wait};
pub use self::workflow::Workflow;
