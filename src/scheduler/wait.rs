//! Waits for the end of a job, whichever process runs it. An outcome of this process wakes the waiter; for those of other processes
//! it looks again and again.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::jobs::Jobs;
use crate::error::{SchedulerError, StoreError, Stored};
use crate::store::jobs::Job;

// The first pause between two looks, and the longest one: each is twice as long as the one before.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(20);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(1);
// How long a look may take though the time is over: the first one, and one that has an earlier one to fall back on.
const FIRST_LOOK: Duration = Duration::from_secs(1);
const LAST_LOOK: Duration = Duration::from_millis(100);
// Without a bound of the caller's that a clock can count.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How a wait for a job has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the job may not have succeeded"]
pub enum Waited {
    /// The job has ended: its state is `Succeeded`, `Cancelled` or `Dead`.
    Ended(Job),
    /// There is no such job: it was removed or deleted, the history does not keep it, or its enqueue is not committed yet.
    Gone,
    /// The time is over, and the job has not ended.
    TimedOut(Job),
}

impl Jobs {
    /// Waits until the job has ended, at most for `timeout`, whichever process runs it. A job that has ended before is returned at
    /// once. A wait holds no connection, and a job without a wait costs nothing.
    ///
    /// The end is noticed within milliseconds if this process runs the job. For jobs of other processes the wait looks after 20 ms,
    /// then after pauses that double up to one second. All waits of a process share their looks.
    ///
    /// An outage of the database is waited out, as long as the time lasts. Then `TimedOut` has the job as it was seen last. A job
    /// that was never seen is an error. The wait returns at most 100 ms after `timeout`, and never before the first look: that
    /// may take one second.
    ///
    /// A stop of this scheduler ends the wait within a second, with [`SchedulerError::Stopped`].
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use mainspring::{Waited, jobs::JobStatus};
    ///
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// match scheduler.jobs().wait(4711, Duration::from_secs(30)).await? {
    ///     Waited::Ended(job) if job.state == JobStatus::Succeeded => println!("done"),
    ///     Waited::Ended(job) => println!("{:?}: {:?}", job.state, job.last_error),
    ///     other => println!("{other:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait(&self, id: i64, timeout: Duration) -> Result<Waited, SchedulerError> {
        let shared = self.verbs().shared();
        let ending = shared.events.endings().watch(id);
        let deadline = Instant::now() + timeout.min(CENTURY);
        let mut pause = FIRST_PAUSE;
        let mut last = None;
        loop {
            let least = if last.is_some() { LAST_LOOK } else { FIRST_LOOK };
            let seen = self.look_until(id, deadline.max(Instant::now() + least)).await;
            let left = deadline.saturating_duration_since(Instant::now());
            match seen {
                Ok(Some(job)) if job.state.is_over() => return Ok(Waited::Ended(job)),
                Ok(Some(job)) if left.is_zero() => return Ok(Waited::TimedOut(job)),
                Ok(Some(job)) => last = Some(job),
                Ok(None) => return Ok(Waited::Gone),
                Err(SchedulerError::Store(error)) if error.is_out_of_reach() => match last.take() {
                    seen_before if !left.is_zero() => last = seen_before,
                    Some(job) => return Ok(Waited::TimedOut(job)),
                    None => return Err(error.into()),
                },
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = ending.may_have_ended() => {}
                () = sleep(pause.min(left)) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    async fn look_until(&self, id: i64, end: Instant) -> Result<Option<Job>, SchedulerError> {
        let began = Instant::now();
        let late = |_| StoreError::TimedOut { waited: began.elapsed(), stored: Stored::No };
        timeout_at(end, self.look(id)).await.map_err(late)?
    }

    pub(super) async fn look(&self, id: i64) -> Result<Option<Job>, SchedulerError> {
        let shared = self.verbs().shared();
        if shared.is_stopping() {
            return Err(SchedulerError::Stopped);
        }
        Ok(shared.looks.look(&shared.store, id).await?)
    }
}
