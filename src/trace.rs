//! Traces: the context that travels in the row of a job, from the span that added it to the spans of its attempts.
//!
//! [`TraceContext`] is always there. The feature `tracing` adds the spans of Mainspring, and a
#![cfg_attr(feature = "tracing", doc = "[`Propagator`]")]
#![cfg_attr(not(feature = "tracing"), doc = "`Propagator`")]
//! that connects them over processes. See [Observe it](crate::guide::observability).

mod context;
#[cfg(feature = "tracing")]
mod propagator;

pub use self::context::{Relation, TraceContext};
#[cfg(feature = "tracing")]
pub(crate) use self::propagator::propagator;
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub use self::propagator::{Propagator, set_propagator};
