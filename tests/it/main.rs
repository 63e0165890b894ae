//! Integration tests, all against a real PostgreSQL.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod cli;
mod cron;
mod embedded;
mod enqueue;
mod house;
mod keys;
mod lifecycle;
mod migrations;
mod queues;
mod running;
mod server;
