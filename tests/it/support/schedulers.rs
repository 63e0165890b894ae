//! Schedulers that run the test job.

use std::sync::Arc;
use std::time::Duration;

use mainspring::{Scheduler, SchedulerBuilder};

use super::database::TestDatabase;
use super::gauge::Gauge;
use super::jobs::{Started, behave};
use super::waiting::{Reports, reports};

/// The longest that may be set. What happens sooner was not found by a poll.
pub const SLOW_POLL: Duration = Duration::from_secs(15);

/// A scheduler on the database whose jobs report their starts.
pub fn scheduler(database: &TestDatabase) -> (SchedulerBuilder, Reports<Started>) {
    scheduler_on(&database.url())
}

pub fn scheduler_on(url: &str) -> (SchedulerBuilder, Reports<Started>) {
    let (starts, started) = reports(url);
    let builder = Scheduler::builder(url).worker_threads(2).handler(behave);
    (builder.app_data(starts), started)
}

/// A scheduler on the database whose jobs count themselves in the gauge, and which hardly polls.
pub fn gauged(database: &TestDatabase, gauge: &Arc<Gauge>) -> SchedulerBuilder {
    let builder = Scheduler::builder(database.url()).handler(behave);
    builder.concurrency(8).worker_threads(2).poll_interval(SLOW_POLL).app_data(Arc::clone(gauge))
}
