//! Follows a job: its state, its progress, and at the end its outcome. Looks are shared with those of waits.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Serialize;
use tokio::time::sleep;

use super::jobs::Jobs;
use super::wait::{FIRST_PAUSE, LONGEST_PAUSE};
use crate::attempt::JobOutcome;
use crate::error::SchedulerError;
use crate::events::Watch;

/// What has become of a job that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobUpdate {
    /// Its state, and once it is over, its error or its value.
    #[serde(flatten)]
    pub outcome: JobOutcome,
    /// How many attempts were started, without those that were given back; 0 for a job of which only its value is known.
    pub attempts: i16,
    /// How far the running attempt has come, 0 to 100 percent.
    pub progress: Option<i16>,
    /// The note of that report.
    pub progress_note: Option<String>,
}

/// The updates of one job: a [`Stream`], returned by [`Jobs::follow`].
#[must_use = "a stream does nothing unless it is polled"]
pub struct Follow {
    job: i64,
    updates: Pin<Box<dyn Stream<Item = Result<JobUpdate, SchedulerError>> + Send>>,
}

impl Jobs {
    /// Follows a job, whichever process runs it. The first update is its present state. Others come when its state or its progress has
    /// changed, and the last one has its outcome. Changes that follow each other closely are one update.
    ///
    /// The end of a job that this process runs is noticed within milliseconds. Other changes are looked for after 20 ms, then after pauses
    /// that double up to one second. It holds no connection, and all who follow and wait in a process share their looks. An outage of the
    /// database after the first update is waited out; before that it is an error.
    ///
    /// ```no_run
    /// use futures_util::StreamExt;
    ///
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// let mut updates = scheduler.jobs().follow(4711);
    /// while let Some(update) = updates.next().await {
    ///     let update = update?;
    ///     println!("{:?}, {:?} %", update.outcome.state, update.progress);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The stream ends after the outcome, or after an error: [`StoreError::NotFound`](crate::StoreError::NotFound) if there is no such job, or none any more,
    /// [`SchedulerError::Stopped`] when this scheduler stops, and what the database refuses.
    ///
    /// [`responses::follow`](crate::responses::follow) sends it to a browser.
    pub fn follow(&self, id: i64) -> Follow {
        let ending = self.verbs().shared().events.endings().watch(id);
        let following = Following { jobs: self.clone(), id, ending, last: None, phase: Phase::Watches };
        Follow { job: id, updates: Box::pin(unfold(following, Following::step)) }
    }
}

impl Follow {
    #[cfg(feature = "actix-web")]
    pub(crate) fn job(&self) -> i64 {
        self.job
    }
}

impl Stream for Follow {
    type Item = Result<JobUpdate, SchedulerError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.updates.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").field("job", &self.job).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Watches,
    Over,
}

struct Following {
    jobs: Jobs,
    id: i64,
    ending: Watch,
    last: Option<JobUpdate>,
    phase: Phase,
}

impl Following {
    async fn step(mut self) -> Option<(Result<JobUpdate, SchedulerError>, Self)> {
        if self.phase == Phase::Over {
            return None;
        }
        let mut pause = if self.last.is_some() { FIRST_PAUSE } else { Duration::ZERO };
        loop {
            tokio::select! {
                () = self.ending.may_have_ended() => {}
                () = sleep(pause) => {}
            }
            match self.look().await {
                Ok(update) if self.last.as_ref() == Some(&update) => {}
                Ok(update) => {
                    if update.outcome.state.is_over() {
                        self.phase = Phase::Over;
                    }
                    self.last = Some(update.clone());
                    return Some((Ok(update), self));
                }
                Err(SchedulerError::Store(error)) if error.is_out_of_reach() && self.last.is_some() => {}
                Err(error) => {
                    self.phase = Phase::Over;
                    return Some((Err(error), self));
                }
            }
            pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        }
    }

    async fn look(&self) -> Result<JobUpdate, SchedulerError> {
        match self.jobs.look(self.id).await? {
            Some(job) => {
                let (attempts, progress, progress_note) =
                    (job.attempts, job.progress, job.progress_note.clone());
                let outcome = self.jobs.outcome_of(job).await?;
                Ok(JobUpdate { outcome, attempts, progress, progress_note })
            }
            None => {
                let outcome = self.jobs.outcome_of_gone(self.id).await?;
                Ok(JobUpdate { outcome, attempts: 0, progress: None, progress_note: None })
            }
        }
    }
}
