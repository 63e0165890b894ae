//! The store: the only place that speaks SQL. Its verbs are free functions. They take a session first, and return facts.
//!
//! | module | verbs |
//! |---|---|
//! | `database`, `connect`, `migrate` | connect, migrate, verify |
//! | `enqueue`, `start` | add jobs, remove one by its key; add jobs that this process starts at once |
//! | `admit` | promote scheduled jobs, admit parked ones, wake other processes |
//! | `unmovable` | find the jobs that stand in the way of a statement, and set them apart |
//! | `claimability`, `claim` | what decides a claim; claim jobs, fetch their payloads |
//! | `settle`, `progress`, `steps` | settle, complete, reclaim; write progress; store steps, and read them |
//! | `presence`, `tasks` | register, beat, rescue, unregister; publish and list tasks, find those that no worker knows |
//! | `cron`, `schedules` | fire lines of the crontab; fire and change stored schedules |
//! | `jobs`, `queues`, `workers`, `workflows`, `health`, `history`, `status`, `retention` | what people and maintenance read and change |
//! | `audit` | add to the log of what people have done, and list it |
//! | `import` | move the jobs of another queue |
//! | `doctor` | find what hurts a database |
//!
//! The rest is machinery: `session` and `statement` run SQL in a schema, `explain` finds out why it failed, `connector`,
//! `conninfo`, `hosts`, `settings`, `pools`, `threads`, `gate`, `awaited`, `pool`, `handler` and `witness` keep connections,
//! `libpq` and `notifications` listen.

mod act_result;
pub(crate) mod admit;
mod attempt_errors;
pub mod audit;
mod awaited;
#[cfg(feature = "dashboard")]
pub(crate) mod changes;
pub(crate) mod claim;
pub(crate) mod claimability;
pub(crate) mod connect;
pub(crate) mod connector;
mod conninfo;
mod counts;
pub mod database;
pub mod doctor;
mod encoding;
pub(crate) mod enqueue;
pub mod errors;
mod explain;
pub(crate) mod gate;
pub mod gauges;
mod handler;
pub(crate) mod handover;
pub(crate) mod health;
pub mod history;
mod hosts;
pub mod import;
pub mod jobs;
mod json_moment;
mod json_rows;
mod labels;
mod libpq;
pub(crate) mod like;
pub(crate) mod looks;
pub(crate) mod migrate;
pub(crate) mod moment;
pub(crate) mod notifications;
#[cfg(feature = "dashboard")]
pub(crate) mod operations;
pub(crate) mod pool;
pub(crate) mod pooler;
mod pools;
mod portions;
pub(crate) mod presence;
pub(crate) mod progress;
mod query;
pub mod queues;
pub(crate) mod refusals;
#[cfg(feature = "sealed")]
pub mod reseal;
pub(crate) mod results;
pub(crate) mod retention;
pub mod schedules;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod settle;
pub(crate) mod start;
mod statement;
pub mod stats;
pub mod status;
pub(crate) mod steps;
pub mod tasks;
#[cfg(feature = "testing")]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod threads;
#[cfg(feature = "dashboard")]
pub(crate) mod ties;
mod tls;
pub(crate) mod unmovable;
pub(crate) mod waits;
mod witness;
pub mod workers;
pub mod workflows;

pub(crate) use enqueue::remove;
pub use handler::HandlerConnection;
pub(crate) use pool::Store;
pub use session::{AsSession, Session};
pub(crate) use settings::Durability;
