//! Mainspring: a durable job queue and cron scheduler inside your actix-web application.

pub mod cron;
#[cfg(feature = "embedded")]
pub mod embedded;
