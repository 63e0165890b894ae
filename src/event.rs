//! What happened in this process, as [`EventStream`](crate::EventStream) reports it. Knows nothing of senders and receivers.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Something that happened in this process. The outcome of a job is reported once the database holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A job was added through this scheduler. Jobs that are added on connections of the application, by SQL or in other
    /// processes are not reported.
    JobEnqueued {
        /// Its id.
        id: i64,
        /// Its task.
        task: String,
    },
    /// An attempt has started.
    JobStarted(JobFacts),
    /// An attempt has succeeded.
    JobSucceeded {
        /// The job.
        job: JobFacts,
        /// How long the attempt took.
        took: Duration,
    },
    /// An attempt has failed, and another will follow.
    JobFailed {
        /// The job.
        job: JobFacts,
        /// How long the attempt took.
        took: Duration,
        /// Why, with all causes.
        error: String,
        /// After how long the next attempt is due.
        next_in: Duration,
    },
    /// A job is dead: its last attempt failed, it was discarded, or it was superseded and did not succeed.
    JobDead {
        /// The job.
        job: JobFacts,
        /// How long the attempt took.
        took: Duration,
        /// Why, with all causes.
        error: String,
    },
    /// A job was cancelled while it ran, or cancelled itself.
    JobCancelled {
        /// The job.
        job: JobFacts,
        /// How long the attempt took.
        took: Duration,
        /// Why.
        reason: String,
    },
    /// A job is held until a person releases it: its payload does not fit the task, or its handler has asked for it.
    JobHeld {
        /// The job.
        job: JobFacts,
        /// How long the attempt took.
        took: Duration,
        /// Why.
        reason: String,
    },
    /// A job snoozed itself.
    JobSnoozed {
        /// The job.
        job: JobFacts,
        /// After how long it is due again.
        next_in: Duration,
    },
    /// An attempt was stopped from outside, and the job waits to be run again.
    JobInterrupted(JobFacts),
    /// This process requeued a job of a worker that was lost.
    JobRescued {
        /// The job, with the attempt that was lost.
        job: JobFacts,
        /// The worker that was lost.
        lost_worker: i32,
        /// How many processes in a row were lost with it, this one included.
        deaths: i16,
        /// Whether it is dead: after the tenth of them, or because it was cancelled or superseded.
        dead: bool,
    },
    /// A running job has reported how far it has come; the latest report of each second.
    JobProgress {
        /// The job's id.
        id: i64,
        /// 0 to 100.
        percent: u8,
        /// The note of the report.
        note: String,
    },
    /// This process won a fire of cron, and added its job.
    CronFired {
        /// The identifier of the line, or the name of the schedule.
        identifier: String,
        /// When the fire was due.
        due_at: DateTime<Utc>,
        /// Whether the fire was missed, and is made up for.
        backfilled: bool,
        /// The job's id.
        job: i64,
    },
    /// Ready jobs wait for a task that no living worker knows. Reported once a minute while they wait, in one process.
    TaskUnknown {
        /// The task.
        task: String,
        /// How many of its jobs are ready, at most [`DETAIL_COUNT_CAP`](crate::status::DETAIL_COUNT_CAP).
        ready: i64,
    },
    /// The scheduler has started, or goes on under a new id after it was taken for lost.
    WorkerStarted {
        /// The worker's id.
        id: i32,
    },
    /// The scheduler has stopped; nothing follows.
    WorkerStopped {
        /// The worker's id.
        id: i32,
    },
    /// A queue was paused. Reported in every process that listens for notifications.
    QueuePaused {
        /// Its name.
        queue: String,
    },
    /// The pause of a queue has ended.
    QueueResumed {
        /// Its name.
        queue: String,
    },
    /// A heartbeat failed: the database cannot be reached, or refuses.
    DatabaseLost {
        /// Why.
        error: String,
    },
    /// Heartbeats succeed again.
    DatabaseBack,
    /// A worker thread has executed the same piece of code for 250 ms, so its other jobs wait. It gets no more jobs.
    WorkerThreadBlocked {
        /// The thread's place; the first is 0.
        thread: usize,
        /// The job whose code it is. `None` for code of no attempt, such as a task that a handler has spawned.
        job: Option<JobFacts>,
    },
    /// A worker thread that was blocked goes on.
    WorkerThreadFreed {
        /// The thread's place; the first is 0.
        thread: usize,
        /// The job whose code had blocked it.
        job: Option<JobFacts>,
        /// For how long.
        blocked_for: Duration,
    },
    /// The receiver was too slow: this many events, the oldest, were dropped before this one.
    Missed(u64),
}

/// Which job, and which attempt of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobFacts {
    /// The job's id.
    pub id: i64,
    /// Its task.
    pub task: String,
    /// The queue it belongs to, if any.
    pub queue: Option<String>,
    /// Which attempt; the first is 1.
    pub attempt: i16,
}
