//! One execution of a job: payload, context, handler, outcome. Nothing here knows an actor.

mod batch;
mod context;
mod cron_fire;
mod declared;
mod decode;
mod fenced;
mod give_back;
mod handler;
mod misfit;
pub(crate) mod panics;
pub(crate) mod payload;
mod poll;
mod registry;
pub(crate) mod report;
mod run;

pub use self::context::JobContext;
pub use self::cron_fire::CronFire;
pub(crate) use self::handler::{AnyActor, Function, Handles, JobFuture, no_reply};
pub(crate) use self::registry::TaskRegistry;
pub(crate) use self::run::execute;
