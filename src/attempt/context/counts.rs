//! How often a job was started, put off and lost with its process, as its handler sees it.

use super::JobContext;

impl JobContext {
    /// Which attempt this is; the first is 1.
    #[must_use]
    pub fn attempt(&self) -> i16 {
        self.0.job.attempt
    }

    /// After how many failed attempts the job is dead.
    #[must_use]
    pub fn max_attempts(&self) -> i16 {
        self.0.job.max_attempts
    }

    /// How many processes in a row were lost while they had the job, because they were killed or cut off from the database.
    ///
    /// Above 0, an earlier attempt may have been started, and how far it came is unknown. After 10 the job is dead.
    #[must_use]
    pub fn deaths(&self) -> i16 {
        self.0.job.deaths
    }

    /// How often the job has snoozed. A replacement under its key counts from 0 again.
    #[must_use]
    pub fn snoozes(&self) -> i64 {
        self.0.job.snoozes
    }
}
