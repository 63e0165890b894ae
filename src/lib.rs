//! Mainspring: a durable job queue and cron scheduler that lives inside an actix-web application and
//! keeps its state in the application's own PostgreSQL.

mod backoff;
mod config;
mod cron;
mod error;
mod job;
mod job_error;
mod lifecycle;
mod store;

pub use config::{SettleDurability, StartPolicy};
pub use cron::{CronEntry, CronError, CronExpression, Crontab};
pub use error::StoreError;
pub use job::{Enqueue, JobOptions, KeyMode, NewJob, Task};
pub use job_error::{JobError, JobResult};
pub use lifecycle::{JobState, may_follow};
pub use store::{HandlerConnection, connect, inspect, migrate, remove, verify};
