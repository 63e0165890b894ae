//! Mainspring: a durable job queue and cron scheduler that lives inside an actix-web application and
//! keeps its state in the application's own PostgreSQL.

// Vocabulary: what things are. No database, no actors.
mod backoff;
mod config;
mod cron;
mod error;
mod event;
mod flags;
mod job;
mod job_error;
mod lifecycle;
mod schedule;
// Store: the only place that speaks SQL.
mod store;
// Actors: who decides when.
mod actors;
mod registry;
// Facade.
mod scheduler;
// Leaves, each behind a feature.
#[cfg(feature = "embedded")]
pub mod embedded;

// The README's example must compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

pub mod guide;

#[cfg(test)]
#[path = "../tests/it/server.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the integration tests")]
mod server;

pub use actors::queue::{EnqueueMany, QueueActor, Remove};
pub use actors::worker::WorkerActor;
pub use actors::{CronFire, EventStream, JobContext};
pub use backoff::Backoff;
pub use config::{SettleDurability, StartPolicy};
pub use cron::{Cron, CronEntry, CronError, CronExpression, Crontab};
pub use error::{SchedulerError, StoreError};
pub use event::{Event, JobFacts};
pub use job::{Enqueue, JobOptions, KeyMode, NewJob, Task};
pub use job_error::{BatchResult, JobError, JobResult};
pub use lifecycle::{JobState, may_follow};
pub use schedule::{CatchUp, NewSchedule, Overlap, ScheduleChanges};
pub use scheduler::{Queues, Scheduler, SchedulerBuilder, Schedules};
pub use store::{
    HandlerConnection, admin, connect, insert_many, inspect, migrate, queues, remove, schedules, verify,
};
