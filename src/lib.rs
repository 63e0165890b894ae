//! Mainspring: a durable job queue and cron scheduler that lives inside an actix-web application and
//! keeps its state in the application's own PostgreSQL.
//!
//! The crate is being built from the database upwards. What is here today: the schema, its
//! migrations, and enqueueing with keys from Rust and from SQL. The actors that run jobs are not here yet.

#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
mod job;
mod store;

pub use error::StoreError;
pub use job::{Enqueue, JobOptions, KeyMode, Task};
pub use store::{add, migrate, remove};
