//! The spans of Mainspring, with the names that OpenTelemetry has for messaging. Without the feature `tracing` they are empty, and
//! cost nothing. Without a subscriber each costs one relaxed read. Does not know who opens them.

#[cfg(not(feature = "tracing"))]
mod absent;
#[cfg(feature = "tracing")]
mod present;

#[cfg(not(feature = "tracing"))]
pub(crate) use self::absent::{Span, current_context};
#[cfg(feature = "tracing")]
pub(crate) use self::present::{Span, current_context};
