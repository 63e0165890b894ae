//! The store: the only place that speaks SQL. Free functions, the connection first, facts back.

mod enqueue;
mod migrate;
mod statement;

pub use enqueue::remove;
pub use migrate::migrate;
