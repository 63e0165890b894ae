//! The audit log of a running scheduler's database, and acts that write into it.

use super::handle::Scheduler;
use super::verbs::Verbs;
use crate::error::SchedulerError;
use crate::store::audit::{self, AuditEntry, AuditFilter};

impl Scheduler {
    /// Returns the lines of the audit log that the filter admits, the latest first; see [`audit`](crate::audit).
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Stopped`] when the scheduler is stopped, and [`SchedulerError::Store`] when the database fails.
    ///
    /// ```no_run
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
    /// use mainspring::audit::AuditFilter;
    ///
    /// for entry in scheduler.audit(AuditFilter::on("queue", "mails")).await? {
    ///     println!("{}: {} by {}", entry.acted_at, entry.act, entry.who);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn audit(&self, filter: AuditFilter) -> Result<Vec<AuditEntry>, SchedulerError> {
        Verbs::new(&self.0.shared).run(move |conn| audit::list(conn, &filter)).await
    }
}

#[cfg(feature = "dashboard")]
mod acts {
    use super::{Scheduler, SchedulerError, Verbs, audit};
    use crate::engine::Wake;
    use crate::error::StoreError;
    use crate::scheduler::Jobs;
    use crate::store::Session;
    use crate::store::audit::NewAuditEntry;
    use crate::store::jobs::{Act, JobAct};
    use crate::store::operations::{self, Operation};

    impl Scheduler {
        /// Returns the last operations before this one, the latest first.
        pub(crate) async fn operations(
            &self,
            before: Option<i64>,
            limit: u32,
        ) -> Result<Vec<Operation>, SchedulerError> {
            Verbs::new(&self.0.shared).run(move |conn| operations::list(conn, before, limit)).await
        }

        /// Returns one operation.
        pub(crate) async fn operation(&self, id: i64) -> Result<Option<Operation>, SchedulerError> {
            Verbs::new(&self.0.shared).run(move |conn| operations::get(conn, id)).await
        }

        /// Runs an act of a person and what the audit log says of it in one transaction, and wakes the QueueActor.
        pub(crate) async fn act<T: Send + 'static>(
            &self,
            act: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
        ) -> Result<T, SchedulerError> {
            Verbs::new(&self.0.shared).run_and_wake(Wake::Everything, |conn| conn.transaction(act)).await
        }
    }

    impl Jobs {
        /// Acts on jobs. Each for which that was done has a line in the audit log, with what was done as its result.
        pub(crate) async fn act_on_each_audited(
            &self,
            ids: Vec<i64>,
            act: Act,
            entry: impl Fn(i64) -> NewAuditEntry + Send + 'static,
        ) -> Result<Vec<JobAct>, SchedulerError> {
            let perform = move |conn: &mut Session<'_>| {
                conn.transaction(|conn| {
                    let acts = act.perform(conn, &ids)?;
                    for done in acts.iter().filter(|act| act.result.was_done()) {
                        audit::add(conn, &entry(done.id).result(done.result.describe()))?;
                    }
                    Ok(acts)
                })
            };
            self.perform(perform).await
        }
    }
}
