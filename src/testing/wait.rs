//! Waits for a state of a job that it has reached, reaches or has left.

use std::time::{Duration, Instant};

use super::error::TestError;
use super::scheduler::TestScheduler;
use crate::event::Event;
use crate::store::jobs::{JobStatus, get};

// Longer than a loaded machine takes, and shorter than a person waits.
const PATIENCE: Duration = Duration::from_secs(5);
// Moves of rows by SQL are no events.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

impl TestScheduler {
    /// Waits until the job is in that state, at most for five seconds. It cannot miss: it returns at once if the job has been
    /// `Running`, or in any state that ended an attempt, since the test began.
    ///
    /// It runs no job. Wait while another future does: `tokio::join!(jobs.run_one::<T>(), jobs.wait_for(id, JobStatus::Running))`.
    ///
    /// # Errors
    ///
    /// [`TestError::NotReached`] after five seconds, with the state that the job has. [`TestError::Store`] when the database fails.
    pub async fn wait_for(&self, id: i64, state: JobStatus) -> Result<(), TestError> {
        let began = Instant::now();
        let mut events = self.record.watch();
        let mut read = 0;
        loop {
            let found = self.with_session(|conn| get(conn, id))?;
            let is_there = found.as_ref().is_some_and(|job| job.state == state);
            let added = self.record.since(read);
            read += added.len();
            if is_there || added.iter().any(|event| reached(event) == Some((id, state))) {
                return Ok(());
            }
            if began.elapsed() >= PATIENCE {
                let stands = found.map_or("there is no such job".to_owned(), |job| {
                    let error = job.last_error.map_or(String::new(), |error| format!(", {error}"));
                    format!(
                        "it is `{}`{error}; jobs run only while the test calls run_one, drain or advance",
                        job.state.as_str()
                    )
                });
                let (expected, waited) = (state.as_str(), began.elapsed());
                return Err(TestError::NotReached { id, expected, waited, found: stands });
            }
            let _ = tokio::time::timeout(BETWEEN_LOOKS, events.changed()).await;
        }
    }
}

fn reached(event: &Event) -> Option<(i64, JobStatus)> {
    match event {
        Event::JobStarted(job) => Some((job.id, JobStatus::Running)),
        Event::JobSucceeded { job, .. } => Some((job.id, JobStatus::Succeeded)),
        Event::JobFailed { job, .. } | Event::JobSnoozed { job, .. } => Some((job.id, JobStatus::Scheduled)),
        Event::JobHeld { job, .. } => Some((job.id, JobStatus::Held)),
        Event::JobDead { job, .. } => Some((job.id, JobStatus::Dead)),
        Event::JobCancelled { job, .. } => Some((job.id, JobStatus::Cancelled)),
        _ => None,
    }
}
