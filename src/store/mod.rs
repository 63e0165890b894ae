//! The store: the only place that speaks SQL. Free functions, the connection first, facts back.

mod act_result;
pub(crate) mod admit;
pub(crate) mod claim;
pub(crate) mod claimability;
pub(crate) mod connect;
pub(crate) mod connector;
mod counts;
pub(crate) mod cron;
pub mod database;
pub(crate) mod enqueue;
mod explain;
mod handler;
pub mod history;
pub mod jobs;
mod json_rows;
pub(crate) mod migrate;
pub(crate) mod notifications;
pub(crate) mod pool;
mod portions;
pub(crate) mod presence;
pub(crate) mod progress;
pub mod queues;
pub(crate) mod retention;
pub mod schedules;
pub(crate) mod session;
pub(crate) mod settle;
pub(crate) mod start;
mod statement;
pub mod status;
#[cfg(test)]
mod tests;
pub mod workers;

pub(crate) use connector::Durability;
pub(crate) use enqueue::remove;
pub use handler::HandlerConnection;
pub(crate) use pool::Store;
pub use session::{AsSession, Session};
