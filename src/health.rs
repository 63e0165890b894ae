//! Whether a scheduler works, for probes: as values, as handlers of actix-web, and from outside.
//!
//! - [`Scheduler::health`](crate::Scheduler::health) returns the [`Health`] of a scheduler in this process. It costs no
//!   statement and waits for nothing.
//! - `live` and `ready`, with the feature `actix-web`, are handlers for a liveness and a readiness probe. `configure` adds both.
//! - [`inspect`] judges by what the database holds, as the command `mainspring health` does.

pub use crate::probe::{Health, MAX_CLOCK_DIFFERENCE_SECONDS, Probe, Reason};
pub use crate::store::health::{Inspection, inspect};

#[cfg(feature = "actix-web")]
mod routes;

#[cfg(feature = "actix-web")]
#[cfg_attr(docsrs, doc(cfg(feature = "actix-web")))]
pub use self::routes::{configure, live, prometheus, ready};
