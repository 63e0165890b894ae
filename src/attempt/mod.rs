//! One execution of a job: payload, context, handler, outcome. Nothing here knows an actor.

mod batch;
mod context;
mod cron_fire;
mod declared;
mod decode;
mod fenced;
mod give_back;
mod handler;
mod log_line;
mod log_target;
mod middleware;
mod misfit;
#[cfg(feature = "dashboard")]
mod operation;
mod outcome;
pub(crate) mod panics;
pub(crate) mod payload;
mod poll;
mod redaction;
mod registry;
pub(crate) mod report;
mod run;
mod span;
mod start;
mod steps;

pub use self::context::JobContext;
pub use self::cron_fire::CronFire;
#[cfg(feature = "testing")]
pub(crate) use self::decode::decode;
pub use self::handler::JobFuture;
pub(crate) use self::handler::{AnyActor, Function, Handles, no_reply};
pub use self::middleware::{Middleware, Next};
pub use self::outcome::{JobOutcome, OutcomeError};
pub(crate) use self::registry::TaskRegistry;
pub(crate) use self::run::execute;
