//! The health of a running scheduler, as its actors have noted it.

use super::handle::Scheduler;
use super::verbs::Verbs;
use crate::error::SchedulerError;
use crate::probe::Health;
use crate::store::doctor::{self, Options, Report};
use crate::store::health::{Inspection, inspect};

impl Scheduler {
    /// Returns what is wrong with this scheduler, if anything is. It costs no statement and waits for nothing, so a probe may
    /// call it as often as it likes. What changes shows within 10 seconds, with the default settings; see the
    /// [guide](crate::guide::observability).
    ///
    /// ```no_run
    /// # fn example(scheduler: mainspring::Scheduler) {
    /// let health = scheduler.health();
    /// if !health.ready().passed() {
    ///     for reason in &health.reasons {
    ///         eprintln!("{}: {reason}", reason.code());
    ///     }
    /// }
    /// # }
    /// ```
    pub fn health(&self) -> Health {
        self.0.shared.health()
    }

    /// Judges from outside whether schedulers work, this one or others: by what the database shows; see [`inspect`]. With a name, only
    /// the workers of that name are judged.
    ///
    /// # Errors
    ///
    /// As [`examine`](Self::examine).
    ///
    /// ```no_run
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// for reason in scheduler.inspect(None).await?.probe.reasons {
    ///     println!("{}: {reason}", reason.code());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn inspect(&self, worker: Option<&str>) -> Result<Inspection, SchedulerError> {
        let worker = worker.map(str::to_owned);
        Verbs::new(&self.0.shared).run(move |conn| inspect(conn, worker.as_deref())).await
    }

    /// Looks for what hurts the schema, its database or its server, on a connection of the scheduler; see [`doctor::examine`]. It sends
    /// some fifty small queries, so once in half a minute is often enough.
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Stopped`] when the scheduler is stopped, and [`SchedulerError::Store`] when the database fails.
    ///
    /// ```no_run
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// for finding in scheduler.examine(mainspring::doctor::Options::new()).await?.findings {
    ///     println!("{}: {finding}", finding.code);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn examine(&self, options: Options) -> Result<Report, SchedulerError> {
        Verbs::new(&self.0.shared).run(move |conn| doctor::examine(conn, &options)).await
    }

    /// Examines one part.
    #[cfg(feature = "dashboard")]
    pub(crate) async fn examine_part(&self, part: doctor::Part) -> Result<Report, SchedulerError> {
        let options = Options::new();
        Verbs::new(&self.0.shared).run(move |conn| doctor::examine_part(conn, part, &options)).await
    }
}
