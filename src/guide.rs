//! The guide: a chapter for each capability. Its examples are compiled, and run where they need no database.
//!
//! The pages stand in the repository too, where names of the API cannot be links: the links are defined here.

#[doc = include_str!("../docs/guide/handlers.md")]
///
/// [`JobContext`]: crate::JobContext
/// [`Enqueue`]: crate::Enqueue
/// [`Backoff`]: crate::Backoff
/// [`JobContext::transaction`]: crate::JobContext::transaction
/// [`Scheduler::events`]: crate::Scheduler::events
/// [`Event::Missed`]: crate::Event::Missed
pub mod handlers {}

#[doc = include_str!("../docs/guide/queues.md")]
pub mod queues {}

#[doc = include_str!("../docs/guide/time.md")]
///
/// [`JobContext::cron`]: crate::JobContext::cron
/// [`Event::CronFired`]: crate::Event::CronFired
/// [`Crontab`]: crate::Crontab
/// [`describe`]: crate::CronExpression::describe
/// [`iter_after_in`]: crate::CronExpression::iter_after_in
/// [`schedules`]: mod@crate::schedules
pub mod time {}

#[doc = include_str!("../docs/guide/sql.md")]
pub mod sql {}

#[doc = include_str!("../docs/guide/administration.md")]
///
/// [`mainspring::jobs`]: crate::jobs
/// [`mainspring::workers`]: crate::workers
pub mod administration {}
