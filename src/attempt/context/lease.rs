//! Whether the attempt of a context still has its lease.

use super::JobContext;

impl JobContext {
    /// The id for which the job was claimed.
    pub(crate) fn worker_id(&self) -> i32 {
        self.0.worker_id
    }

    /// Returns `true` while this attempt may run: its lease is open, and other processes do not take it yet. It becomes
    /// `false` at the latest when the outcome of the attempt is stored, and stays so.
    ///
    /// The attempt itself is stopped when the lease ends. What it has given to other threads, spawned tasks and actors is not
    /// stopped, and should ask before each effect. It reads no database.
    #[must_use]
    pub fn holds_lease(&self) -> bool {
        let shared = self.shared();
        shared.fence.allows(self.0.worker_id) && shared.leases.is_open(self.attempt_key())
    }
}
