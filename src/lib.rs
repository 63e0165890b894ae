#![doc = include_str!("../README.md")]
//!
//! # Map of the crate
//!
//! | what | where |
//! |---|---|
//! | Define work | [`Task`], [`JobOptions`], [`KeyMode`], [`Backoff`], [`Wait`], [`Redacted`] |
//! | Handle a job | [`JobContext`], [`JobResult`], [`JobError`], [`BatchResult`], [`IntoJobResult`], [`Middleware`], [`CronFire`], [`WorkerActor`] |
//! | Add a job | [`Enqueue`], [`NewJob`], [`EnqueueMany`], [`Remove`], [`QueueActor`], [`Workflow`], [`Batch`]; from a program that only adds [`Client`], [`BlockingClient`] |
//! | Set up and run | [`Scheduler`], [`SchedulerBuilder`], [`StartPolicy`], [`SettleDurability`], [`RunSummary`], [`Event`], [`EventStream`] |
//! | Recur | [`Cron`], [`Crontab`], [`CronEntry`], [`CronExpression`]; [`NewSchedule`], [`ScheduleChanges`], [`Overlap`], [`CatchUp`] |
//! | Read and change what is stored | [`jobs`], [`queues`], [`schedules`], [`tasks`], [`workers`], [`workflows`], [`history`], [`status`], [`health`], [`doctor`], [`stats`], [`gauges`], [`audit`], [`import`]; the handles [`Jobs`], [`JobsOf`], [`Queues`], [`Schedules`], [`Tasks`], [`Workers`], [`Workflows`], [`Tenant`], [`TenantSchedules`], [`WorkerThread`] |
//! | See and change it in a browser | [`guide::dashboard`] |
//! | Connect and migrate | [`database`], [`Schema`], [`Session`], [`AsSession`] |
//! | Understand failures | [`StoreError`], [`SchedulerError`], [`CronError`] |
//! | Read on | [`guide`] |
//!
//! The types of [`actix`], [`chrono`], [`chrono_tz`] and [`diesel`] appear in signatures, so these crates are re-exported.
#![cfg_attr(docsrs, feature(doc_cfg))]

// Vocabulary: what things are. No database, no actors.
mod backoff;
mod clock;
mod config;
mod cron;
mod database_error;
mod error;
mod event;
mod flags;
mod histogram;
mod job;
mod job_error;
mod lifecycle;
mod lock;
mod pooling;
mod probe;
mod redacted;
mod run_summary;
mod schedule;
mod schema;
#[cfg(feature = "sealed")]
mod sealed;
mod spans;
mod stored;
#[cfg(feature = "testing")]
mod test_hooks;
mod text;
pub mod trace;
// Store: the only place that speaks SQL.
mod store;
// Engine: what to do next. No actors, no SQL.
mod engine;
mod events;
mod exports;
mod fence;
mod leases;
mod orphans;
mod phase;
mod prefetch;
mod progress;
mod running;
mod telemetry;
mod vitals;
// One execution of a job, and what all actors share.
mod attempt;
mod shared;
mod signals;
// Actors: who acts when.
mod actors;
// Facade.
pub mod health;
mod scheduler;
// Leaves, each behind a feature.
#[cfg(feature = "dashboard")]
#[cfg_attr(docsrs, doc(cfg(feature = "dashboard")))]
pub mod dashboard;
#[cfg(feature = "embedded")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded")))]
pub mod embedded;
#[cfg(feature = "actix-web")]
#[cfg_attr(docsrs, doc(cfg(feature = "actix-web")))]
pub mod responses;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;

pub mod guide;

#[cfg(test)]
#[path = "../tests/it/support/database.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the integration tests")]
mod server;

#[cfg(test)]
#[path = "../tests/it/support/rows.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the integration tests")]
mod rows;

// Work: what applications define, handle and add.
pub use actors::queue::{EnqueueMany, QueueActor, Remove};
pub use actors::worker::WorkerActor;
pub use attempt::{CronFire, JobContext, JobFuture, JobOutcome, Middleware, Next, OutcomeError};
pub use backoff::Backoff;
pub use job::{Batch, Enqueue, JobOptions, KeyMode, NewJob, OnFailure, Task, Wait, Workflow};
pub use job_error::{
    BatchResult, IntoBatchResult, IntoJobResult, JobError, JobErrorKind, JobFailure, JobResult, JobValue,
    StepError,
};
pub use redacted::Redacted;
pub use store::HandlerConnection;
// The scheduler.
pub use config::{SettleDurability, StartPolicy};
pub use event::{Event, JobFacts};
pub use events::EventStream;
pub use run_summary::RunSummary;
pub use running::WorkerThread;
pub use scheduler::{
    BlockingClient, Client, Follow, JobUpdate, Jobs, JobsOf, Queues, Scheduler, SchedulerBuilder, Schedules,
    Tasks, Tenant, TenantSchedules, Waited, Workers, Workflows,
};
// Recurring work.
pub use cron::{Cron, CronEntry, CronError, CronExpression, Crontab};
pub use schedule::{CatchUp, NewSchedule, Overlap, ScheduleChanges};
// What is stored: verbs on a connection.
#[cfg(feature = "dashboard")]
pub use dashboard::dashboard;
pub use lifecycle::JobState;
pub use schema::Schema;
#[cfg(feature = "sealed")]
#[cfg_attr(docsrs, doc(cfg(feature = "sealed")))]
pub use sealed::{KeyRing, Keys, SealError, Sealed};
#[cfg(feature = "sealed")]
#[cfg_attr(docsrs, doc(cfg(feature = "sealed")))]
pub use store::reseal;
pub use store::{
    AsSession, Session, audit, database, doctor, errors, gauges, history, import, jobs, queues, schedules,
    stats, status, tasks, workers, workflows,
};
// Failures.
pub use error::{DatabaseError, JobPlace, SchedulerError, StoreError, Stored};
// Crates whose types appear in signatures.
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub use tracing;
pub use {actix, chrono, chrono_tz, diesel};
