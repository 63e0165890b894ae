//! Kills a scheduler as `kill -9` would, as far as that is possible within a process.

use super::error::TestError;
use super::scheduler::TestScheduler;

impl TestScheduler {
    /// Kills the scheduler without any clean-up, and starts another in its place, as a platform restarts a pod.
    ///
    /// - The sessions of the scheduler and of its handlers end in the server. What they have not committed is rolled back.
    /// - No outcome is stored, and no job is given back: jobs that ran stay `running` until their lease is over.
    /// - No handler is polled again. Its future is dropped, which a real crash would not do.
    /// - Handles of the old scheduler are stopped. Get the new one from [`scheduler`](Self::scheduler).
    ///
    /// Then [`advance`](Self::advance) by more than the time-out of heartbeats, 4 seconds unless set: the jobs are rescued, and run
    /// again.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn crash(&self) -> Result<(), TestError> {
        let scheduler = self.scheduler();
        scheduler.cut_off();
        let shared = scheduler.shared();
        let name = &shared.config.worker_name;
        let mark = name.rfind(" test ").map_or("", |at| &name[at..]);
        self.database().end_sessions(mark)?;
        self.start_again().await
    }
}
