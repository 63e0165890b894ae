//! The front of the scheduler: it is set up by a builder, and used by handles. The actors do the work, on threads of the
//! scheduler's own. So it starts under any runtime, and never holds up the application's threads.

mod audit;
mod blocking_client;
mod builder;
mod client;
mod connect;
mod follow;
mod handle;
mod health;
mod job_steps;
mod jobs;
mod jobs_of;
mod last_handle;
mod migration;
mod once;
mod outcomes;
mod patience;
mod payloads;
mod process_signals;
mod queues;
mod redaction;
mod registration;
mod retries;
mod schedules;
mod settings;
mod start_limits;
mod stats;
mod stop;
mod tasks;
mod tenant;
mod tenant_names;
mod tenant_schedules;
mod thread;
mod transaction;
#[cfg(feature = "testing")]
mod under_test;
mod verbs;
mod wait;
mod waits;
mod workers;
mod workflows;

pub use self::blocking_client::BlockingClient;
pub use self::builder::SchedulerBuilder;
pub use self::client::Client;
pub use self::follow::{Follow, JobUpdate};
pub use self::handle::Scheduler;
pub use self::jobs::Jobs;
pub use self::jobs_of::JobsOf;
pub use self::queues::Queues;
#[cfg(feature = "dashboard")]
pub(crate) use self::redaction::Redaction;
pub use self::schedules::Schedules;
pub use self::tasks::Tasks;
pub use self::tenant::Tenant;
pub use self::tenant_schedules::TenantSchedules;
#[cfg(feature = "testing")]
pub(crate) use self::under_test::CONNECTIONS as CONNECTIONS_UNDER_TEST;
pub use self::wait::Waited;
pub use self::workers::Workers;
pub use self::workflows::Workflows;
