//! The store: the only place that speaks SQL. Free functions, the connection first, facts back.

pub mod admin;
pub(crate) mod admit;
pub(crate) mod claim;
pub(crate) mod claimability;
pub(crate) mod connect;
pub(crate) mod cron;
pub(crate) mod enqueue;
pub mod inspect;
mod migrate;
pub(crate) mod notifications;
pub(crate) mod pool;
pub(crate) mod presence;
pub(crate) mod progress;
pub mod queues;
pub(crate) mod retention;
pub mod schedules;
pub(crate) mod settle;
pub(crate) mod start;
mod statement;
#[cfg(test)]
mod tests;

pub use connect::connect;
pub use enqueue::{insert_many, remove};
pub use migrate::{migrate, verify};
pub use pool::HandlerConnection;
pub(crate) use pool::{Durability, Store};
