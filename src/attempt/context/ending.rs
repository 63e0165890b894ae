//! Whether an attempt should end early, because its job was cancelled or the scheduler stops.

use std::time::Duration;

use super::JobContext;
use crate::job_error::JobError;
use crate::phase::Phase;

impl JobContext {
    pub(crate) fn cancellation(&self) -> Option<String> {
        self.0.shared.signals.cancellation(self.attempt_key())
    }

    /// Returns an error where the job should end early, for the good places in a long handler:
    ///
    /// ```
    /// # use mainspring::{JobContext, JobResult};
    /// async fn import(lines: Vec<String>, job: JobContext) -> JobResult {
    ///     for line in lines {
    ///         job.checkpoint()?;
    ///         store(line).await?;
    ///     }
    ///     Ok(())
    /// }
    /// # async fn store(_: String) -> std::io::Result<()> { Ok(()) }
    /// # let _ = import;
    /// ```
    ///
    /// # Errors
    ///
    /// - [`JobError::cancel`] when the job was cancelled: it ends as `cancelled`.
    /// - [`JobError::snooze`] for zero seconds when the scheduler stops: another process runs the job at once, from its beginning, and
    ///   no attempt is spent.
    pub fn checkpoint(&self) -> Result<(), JobError> {
        if let Some(reason) = self.cancellation() {
            return Err(JobError::cancel(reason));
        }
        if self.is_stopping() { Err(JobError::snooze(Duration::ZERO)) } else { Ok(()) }
    }

    /// Waits until [`Self::checkpoint`] would return an error, and returns it. For `tokio::select!` with work that waits:
    ///
    /// ```
    /// # use mainspring::{JobContext, JobResult};
    /// async fn ask(job: JobContext) -> JobResult {
    ///     tokio::select! {
    ///         answer = answer() => answer,
    ///         end = job.end_requested() => Err(end),
    ///     }
    /// }
    /// # async fn answer() -> JobResult { Ok(()) }
    /// # let _ = ask;
    /// ```
    pub async fn end_requested(&self) -> JobError {
        loop {
            if let Err(end) = self.checkpoint() {
                return end;
            }
            tokio::select! {
                () = self.cancelled() => {}
                () = self.stopping() => {}
            }
        }
    }

    /// Returns `true` if the job was cancelled. It may still succeed within the
    /// [grace period](crate::SchedulerBuilder::cancel_grace_period). An error ends it as `cancelled`.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancellation().is_some()
    }

    /// Waits until the job is cancelled.
    pub async fn cancelled(&self) {
        self.0.shared.signals.cancelled(self.attempt_key()).await;
    }

    /// Whether the scheduler stops. A long job may come to an early end then; otherwise it
    /// has the grace period.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.shared.is_stopping()
    }

    /// Waits until the scheduler stops.
    pub async fn stopping(&self) {
        self.0.shared.phase.reached(Phase::Stopping).await;
    }
}
