//! A test kit for applications that use Mainspring: a database for each test, a scheduler that runs jobs when the test asks, and a
//! clock that the test moves. The [chapter about tests](mod@crate::guide::testing) shows each of them.
//!
//! Handlers run as in production: on the same threads, with the same middleware, leases, retries and history.
//!
//! ```
//! use mainspring::testing::{TestScheduler, assert_enqueued};
//! use mainspring::{Enqueue, JobContext, JobResult, Scheduler, SchedulerBuilder, Task};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! struct PublishReport { report: String }
//! impl Task for PublishReport { const NAME: &'static str = "report.publish"; }
//!
//! async fn publish(task: PublishReport, _: JobContext) -> JobResult {
//!     if task.report.is_empty() { Err("no report")? }
//!     Ok(())
//! }
//!
//! // As the application builds it, in production too.
//! fn scheduler(database_url: &str) -> SchedulerBuilder {
//!     Scheduler::builder(database_url).handler(publish)
//! }
//!
//! # #[actix_web::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let jobs = TestScheduler::start(scheduler).await?;
//! jobs.scheduler().enqueue(Enqueue::new(PublishReport { report: "r7".into() })).await?;
//! assert_enqueued!(jobs, PublishReport { report: "r7" });
//! let attempt = jobs.run_one::<PublishReport>().await?;
//! assert!(attempt.has_succeeded(), "{attempt}");
//! # Ok(())
//! # }
//! ```

mod crash;
mod crontab;
mod database;
mod enqueued;
mod error;
mod payloads;
mod permits;
mod report;
mod run;
mod scheduler;
mod server;
mod time;
mod wait;

pub use self::crontab::LineFires;
pub use self::database::TestDatabase;
#[doc(hidden)]
pub use self::enqueued::{__assert_enqueued, ExpectedField};
pub use self::enqueued::{EnqueuedJobs, assert_enqueued};
pub use self::error::TestError;
pub use self::payloads::{assert_reads, assert_round_trip};
pub use self::report::{Attempt, AttemptOutcome, Report};
pub use self::scheduler::TestScheduler;
