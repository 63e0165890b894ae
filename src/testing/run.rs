//! Runs jobs on request, by the way that all jobs go.

use super::error::TestError;
use super::report::{Attempt, Report};
use super::scheduler::TestScheduler;
use crate::job::Task;
use crate::store::testing::waiting_jobs;

/// A call that has run so many attempts reports that there is no end.
pub(super) const MOST_ATTEMPTS: u64 = 10_000;

impl TestScheduler {
    /// Runs one attempt of a job of the task `T`: of those that are ready, the one that would run next. Returns how it has ended; a
    /// failure of the handler is an outcome, and no error.
    ///
    /// # Errors
    ///
    /// [`TestError::NothingToRun`] if no job of the task is ready. It lists those that wait, and why. [`TestError::Scheduler`] when
    /// the database fails.
    pub async fn run_one<T: Task>(&self) -> Result<Attempt, TestError> {
        let _turn = self.turn.lock().await;
        self.fire_and_rescue().await?;
        let report = self.run_some(Some(T::NAME), 1).await?;
        match report.attempts.into_iter().find(|attempt| attempt.job.task == T::NAME) {
            Some(attempt) => Ok(attempt),
            None => Err(TestError::NothingToRun { task: T::NAME, found: self.waiting(T::NAME)? }),
        }
    }

    /// Fires the schedules that are due, and runs every job that is ready, until none is: also those that jobs add, and retries that
    /// are due at once. Returns how each attempt has ended; a failure is an outcome, and no error.
    ///
    /// Jobs that are due later stay, such as retries after their back-off: see [`advance`](Self::advance) and
    /// [`drain_scheduled`](Self::drain_scheduled).
    ///
    /// # Errors
    ///
    /// [`TestError::Endless`] after more than 10,000 attempts, [`TestError::Scheduler`] when the database fails.
    pub async fn drain(&self) -> Result<Report, TestError> {
        let _turn = self.turn.lock().await;
        let mut report = Report::default();
        self.drain_into(&mut report).await?;
        Ok(report)
    }

    /// Runs jobs as [`drain`](Self::drain) does, at most so many attempts.
    ///
    /// # Errors
    ///
    /// [`TestError::Scheduler`] when the database fails.
    pub async fn drain_at_most(&self, attempts: u64) -> Result<Report, TestError> {
        let _turn = self.turn.lock().await;
        self.fire_and_rescue().await?;
        self.run_some(None, attempts).await
    }

    /// Runs what is due until nothing is.
    pub(super) async fn drain_into(&self, report: &mut Report) -> Result<(), TestError> {
        self.fire_and_rescue().await?;
        // The one beyond them shows that there is more.
        let left = (MOST_ATTEMPTS + 1).saturating_sub(report.summary.attempts());
        report.append(self.run_some(None, left).await?);
        match report.summary.attempts() {
            attempts if attempts > MOST_ATTEMPTS => Err(TestError::Endless { attempts }),
            _ => Ok(()),
        }
    }

    async fn fire_and_rescue(&self) -> Result<(), TestError> {
        let scheduler = self.scheduler();
        scheduler.rescue_lost().await;
        Ok(scheduler.fire_due().await?)
    }

    async fn run_some(&self, task: Option<&'static str>, most: u64) -> Result<Report, TestError> {
        let before = self.record.len();
        let summary = self.scheduler().run_some(task, most).await?;
        Ok(Report::new(self.record.since(before), summary))
    }

    /// The jobs of a task that wait, in words.
    fn waiting(&self, task: &str) -> Result<String, TestError> {
        let jobs = self.with_session(|conn| waiting_jobs(conn, task))?;
        if jobs.is_empty() {
            return Ok("none is enqueued".into());
        }
        let each = jobs.iter().map(|job| format!("job {} is {}, due at {}", job.id, job.state, job.run_at.0));
        Ok(each.collect::<Vec<_>>().join("; "))
    }
}
