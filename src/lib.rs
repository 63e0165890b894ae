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
mod schema;
// Store: the only place that speaks SQL.
mod store;
// Engine: what to do next. No actors, no SQL.
mod engine;
mod events;
mod leases;
mod lock;
mod prefetch;
mod progress;
// One execution of a job, and what all actors share.
mod attempt;
mod shared;
mod signals;
// Actors: who acts when.
mod actors;
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
#[path = "../tests/it/support/database.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the integration tests")]
mod server;

pub use actors::queue::{EnqueueMany, QueueActor, Remove};
pub use actors::worker::WorkerActor;
pub use attempt::{CronFire, JobContext};
pub use backoff::Backoff;
pub use config::{SettleDurability, StartPolicy};
pub use cron::{Cron, CronEntry, CronError, CronExpression, Crontab};
pub use error::{SchedulerError, StoreError};
pub use event::{Event, JobFacts};
pub use events::EventStream;
pub use job::{Enqueue, JobOptions, KeyMode, NewJob, Task};
pub use job_error::{BatchResult, JobError, JobResult};
pub use lifecycle::{JobState, may_follow};
pub use schedule::{CatchUp, NewSchedule, Overlap, ScheduleChanges};
pub use scheduler::{Jobs, Queues, Scheduler, SchedulerBuilder, Schedules, Workers};
pub use schema::Schema;
#[doc(hidden)]
pub use store::database::{connect, migrate, verify};
#[doc(hidden)]
pub use store::jobs::{insert_many, remove};
#[doc(hidden)]
pub mod admin {
    pub use crate::store::jobs::{delete_dead as delete_dead_older_than, *};
    pub use crate::store::queues::remove_unused as remove_unused_queues;
    pub use crate::store::workers::{release as release_workers, release_lost as release_lost_workers};
}
#[doc(hidden)]
pub mod inspect {
    pub use crate::store::history::{HistoryFilter, list as list_history};
    pub use crate::store::jobs::{JobFilter, get as find_job, list as list_jobs, payload};
    pub use crate::store::status::read as status;
}
pub use store::{
    AsSession, HandlerConnection, Session, database, history, jobs, queues, schedules, status, workers,
};
