//! The store: the only place that speaks SQL. Free functions, the connection first, facts back.

mod enqueue;
mod migrate;

pub use enqueue::{add, remove};
pub use migrate::migrate;
