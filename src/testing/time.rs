//! Moves the one clock of a test: that of the database, by which jobs are due, and that of the scheduler.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::error::TestError;
use super::report::Report;
use super::run::MOST_ATTEMPTS;
use super::scheduler::TestScheduler;
use crate::error::StoreError;
use crate::store::presence::others;
use crate::store::testing::{move_clock, next_due, now, plan_from_now};

/// How far the clock of a test may be moved: beyond it the database cannot compute.
const FURTHEST: TimeDelta = TimeDelta::days(100 * 365);

impl TestScheduler {
    /// Returns the time of the test: that of the system, until the test moves it.
    ///
    /// # Errors
    ///
    /// [`TestError::Store`] when the database fails.
    pub fn now(&self) -> Result<DateTime<Utc>, TestError> {
        Ok(self.with_session(|conn| now(conn))?)
    }

    /// Moves the clock on, and runs what becomes due on the way, each at its time and in order: retries and other scheduled jobs,
    /// schedules, queues with a rate, the rescue of jobs whose worker has crashed, and retention. Returns how the attempts have ended.
    ///
    /// What is due before runs first. Jobs see the moved time where the database sets it, such as in their `run_at`. Code of the
    /// application that reads the system's clock sees real time, and so do time-outs of attempts.
    ///
    /// # Errors
    ///
    /// As [`drain`](Self::drain).
    pub async fn advance(&self, by: Duration) -> Result<Report, TestError> {
        let _turn = self.turn.lock().await;
        let by = TimeDelta::from_std(by).unwrap_or(FURTHEST).min(FURTHEST);
        let (mut report, begin) = (Report::default(), self.now()?);
        self.run_until(begin, begin + by, u64::MAX, &mut report).await?;
        self.move_to(begin + by)?;
        self.scheduler().maintain().await;
        self.drain_into(&mut report).await?;
        Ok(report)
    }

    /// Runs jobs as [`drain`](Self::drain) does, and then moves the clock to each job, schedule and retry that is due later, until
    /// no job waits for its time. A job that fails is tried again until it is dead.
    ///
    /// # Errors
    ///
    /// As [`drain`](Self::drain). Where a schedule fires forever that is [`TestError::Endless`]: use [`advance`](Self::advance).
    pub async fn drain_scheduled(&self) -> Result<Report, TestError> {
        let _turn = self.turn.lock().await;
        let (mut report, begin) = (Report::default(), self.now()?);
        self.run_until(begin, begin + FURTHEST, MOST_ATTEMPTS, &mut report).await?;
        Ok(report)
    }

    /// Sets the clock, and runs nothing. To begin a test at a certain time, such as the day before summer time begins.
    ///
    /// Schedules go on from there: no fire before was missed. Jobs that are due by then run with the next call that runs jobs.
    ///
    /// # Errors
    ///
    /// [`TestError::Store`] when the database fails, [`TestError::Scheduler`] when the schedules cannot be planned.
    pub async fn set_time(&self, time: DateTime<Utc>) -> Result<(), TestError> {
        let _turn = self.turn.lock().await;
        self.set_clock(time)?;
        self.with_session(|conn| plan_from_now(conn))?;
        self.scheduler().maintain().await;
        Ok(self.scheduler().fire_due().await?)
    }

    // Each round begins where something is due. The time of a test goes on while jobs run: what became due meanwhile counts too.
    async fn run_until(
        &self,
        begin: DateTime<Utc>,
        end: DateTime<Utc>,
        most_rounds: u64,
        report: &mut Report,
    ) -> Result<(), TestError> {
        let mut reached = begin;
        for _ in 0..most_rounds {
            self.drain_into(report).await?;
            let Some(next) = self.next_due(reached)?.filter(|next| *next <= end) else { return Ok(()) };
            self.move_to(next)?;
            // The history has a partition for each day.
            if next.date_naive() != reached.date_naive() {
                self.scheduler().maintain().await;
            }
            reached = next;
        }
        // A schedule fires for ever, though its jobs may not run.
        Err(TestError::Endless { attempts: report.summary.attempts() })
    }

    fn next_due(&self, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TestError> {
        let worker_id = self.scheduler().shared().worker_id();
        let found = self.with_session(|conn| {
            let (now, next_loss) = (now(conn)?, others(conn, worker_id)?.next_loss);
            let lost_at = next_loss.map(|wait| now + wait).filter(|at| *at > after);
            Ok::<_, StoreError>(next_due(conn, after)?.into_iter().chain(lost_at).min())
        });
        Ok(found?)
    }

    // The clock never goes back.
    fn move_to(&self, time: DateTime<Utc>) -> Result<(), TestError> {
        if time > self.now()? { self.set_clock(time) } else { Ok(()) }
    }

    fn set_clock(&self, time: DateTime<Utc>) -> Result<(), TestError> {
        let origin = self.scheduler().shared().config.origin;
        let moved = self.with_session(|conn| move_clock(conn, time, origin))?;
        self.moved_by(moved);
        Ok(())
    }
}
