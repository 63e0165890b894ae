//! The store: the only place that speaks SQL. Free functions, the connection first, facts back.

mod enqueue;
mod migrate;
#[cfg_attr(not(test), expect(dead_code, reason = "the actor that listens comes next"))]
mod notifications;

pub use enqueue::{add, remove};
pub use migrate::migrate;
