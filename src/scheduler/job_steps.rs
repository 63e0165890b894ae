//! The steps of jobs, from async code.

use super::jobs::Jobs;
use crate::error::SchedulerError;
use crate::store::jobs::{self, JobStep};

#[expect(clippy::missing_errors_doc, reason = "the type documents the errors of all methods")]
impl Jobs {
    /// Returns the steps that an unfinished job has done, without their values; see [`jobs::steps`].
    pub async fn steps(&self, id: i64) -> Result<Vec<JobStep>, SchedulerError> {
        self.verbs().run(move |conn| jobs::steps(conn, id)).await
    }

    /// Forgets the steps of an unfinished job that does not run; see [`jobs::clear_steps`].
    pub async fn clear_steps(&self, id: i64) -> Result<i64, SchedulerError> {
        self.verbs().run(move |conn| jobs::clear_steps(conn, id)).await
    }
}
