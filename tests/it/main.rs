//! Integration tests, all against a real PostgreSQL.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod administration;
mod batches;
mod bulk;
mod cancelling;
mod cli;
mod costs;
mod cron;
mod embedded;
mod endings;
mod enqueue;
mod events;
mod exactly_once;
mod fairness;
mod firing;
mod gates;
mod guide;
mod handlers;
mod house;
mod keys;
mod lanes;
mod lifecycle;
mod limits;
mod liveness;
mod migrations;
mod queues;
mod restarts;
mod roles;
mod running;
mod runtimes;
mod schedules;
mod server;
mod starting;
mod superseded;
mod wakes;
mod walks;
