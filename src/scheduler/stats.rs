//! What jobs did, as a running scheduler's database has it and as this process has counted it.

use std::sync::Arc;
use std::time::Duration;

use super::handle::Scheduler;
use super::verbs::Verbs;
use crate::error::SchedulerError;
use crate::store::errors::{self, ErrorGroup};
use crate::store::gauges::{self, Gauges};
use crate::store::stats::{self, Minute, Stats};

impl Scheduler {
    /// Returns what jobs did since that long ago, in all processes; see [`stats::since`].
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Stopped`] when the scheduler is stopped, and [`SchedulerError::Store`] when the database fails.
    ///
    /// ```no_run
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// use std::time::Duration;
    ///
    /// for task in scheduler.stats(Duration::from_secs(3600)).await? {
    ///     println!("{}: {} failed, 99 of 100 waited at most {:?}", task.name, task.counts.failed, task.wait.quantile(0.99));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stats(&self, ago: Duration) -> Result<Vec<Stats>, SchedulerError> {
        Verbs::new(&self.0.shared).run(move |conn| stats::since(conn, ago)).await
    }

    /// Returns what each task did in each minute since that long ago, in all processes; see [`stats::by_minute`].
    ///
    /// # Errors
    ///
    /// As [`stats`](Self::stats).
    ///
    /// ```no_run
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// use std::time::Duration;
    ///
    /// for minute in scheduler.stats_by_minute(Duration::from_secs(3600)).await? {
    ///     println!("{} {}: {} succeeded", minute.begins_at, minute.task, minute.counts.succeeded);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stats_by_minute(&self, ago: Duration) -> Result<Vec<Minute>, SchedulerError> {
        Verbs::new(&self.0.shared).run(move |conn| stats::by_minute(conn, ago)).await
    }

    /// Returns what there was at the last sample that this process knows: jobs by state and task, the age of the oldest ready jobs,
    /// parked jobs, workers. It is at most a few seconds older than [`gauges::read`](crate::gauges::read) returns, costs no
    /// statement, and works while the database is away. `None` during the first moments after the start.
    ///
    /// ```no_run
    /// # fn example(scheduler: mainspring::Scheduler) {
    /// use mainspring::JobState;
    ///
    /// if let Some(gauges) = scheduler.gauges() {
    ///     println!("{} dead jobs at {}", gauges.jobs_in(JobState::Dead), gauges.sampled_at);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn gauges(&self) -> Option<Arc<Gauges>> {
        self.0.shared.telemetry.gauges()
    }

    /// Returns the last sample of all processes, as the database has it; see [`gauges::read`].
    ///
    /// # Errors
    ///
    /// As [`stats`](Self::stats).
    ///
    /// ```no_run
    /// # async fn example(client: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// if let Some(gauges) = client.last_sample().await? {
    ///     println!("{} workers at {}", gauges.workers, gauges.sampled_at);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn last_sample(&self) -> Result<Option<Gauges>, SchedulerError> {
        Verbs::new(&self.0.shared).run(|conn| gauges::read(conn)).await
    }

    /// Returns what this process has counted since its start, and the last gauges that it knows, in the text format of Prometheus
    /// 0.0.4. Costs no statement, and works while the database is away. The [guide](crate::guide::observability) lists the
    /// names. With the feature `actix-web`, [`health::prometheus`](crate::health) is a handler that replies with it.
    ///
    /// ```no_run
    /// # fn example(scheduler: mainspring::Scheduler) {
    /// println!("{}", scheduler.prometheus());
    /// # }
    /// ```
    #[must_use]
    pub fn prometheus(&self) -> String {
        self.0.shared.prometheus()
    }

    /// Returns the groups of errors whose errors were stored since that long ago, the most frequent first; see
    /// [`errors::since`].
    ///
    /// # Errors
    ///
    /// As [`stats`](Self::stats).
    ///
    /// ```no_run
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// use std::time::Duration;
    ///
    /// for group in scheduler.errors(Duration::from_secs(3600)).await? {
    ///     println!("{} x {}: {}", group.count(), group.task, group.summary);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn errors(&self, ago: Duration) -> Result<Vec<ErrorGroup>, SchedulerError> {
        Verbs::new(&self.0.shared).run(move |conn| errors::since(conn, ago)).await
    }

    /// Returns one group of errors with the numbers of all the time that is kept; see [`errors::get`].
    ///
    /// # Errors
    ///
    /// As [`stats`](Self::stats).
    ///
    /// ```no_run
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// if let Some(group) = scheduler.error_group("3f2a9c51d07e").await? {
    ///     println!("{} x {}, first at {}", group.count(), group.summary, group.first_seen);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn error_group(
        &self,
        fingerprint: impl Into<String>,
    ) -> Result<Option<ErrorGroup>, SchedulerError> {
        let fingerprint = fingerprint.into();
        Verbs::new(&self.0.shared).run(move |conn| errors::get(conn, &fingerprint)).await
    }

    /// Returns what jobs did in this process since it started. Costs no statement, and works while the database is away.
    #[must_use]
    pub fn own_stats(&self) -> Vec<Stats> {
        self.0.shared.telemetry.now()
    }
}
