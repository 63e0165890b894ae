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
    use std::sync::Arc;

    use chrono::{DateTime, Utc};

    use super::{Scheduler, SchedulerError, Verbs, audit};
    use crate::engine::Wake;
    use crate::error::StoreError;
    use crate::job::NewJob;
    use crate::schedule::ScheduleChanges;
    use crate::scheduler::schedules::{changed, is_judged, warned};
    use crate::scheduler::{Jobs, Schedules};
    use crate::store::Session;
    use crate::store::audit::NewAuditEntry;
    use crate::store::jobs::{self, Act, JobAct};
    use crate::store::operations::{self, Operation};
    use crate::store::schedules::{self, ScheduleRow};
    use crate::store::ties::{self, Tie};

    /// How often a change is tried that others outrun.
    const TRIES: usize = 5;

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

        /// Returns what ties a job to others.
        pub(crate) async fn ties(&self, id: i64) -> Result<Vec<Tie>, SchedulerError> {
            Verbs::new(&self.0.shared).run(move |conn| ties::of(conn, id)).await
        }

        /// Runs an act of a person and what the audit log says of it in one transaction, and wakes the QueueActor.
        pub(crate) async fn act<T: Send + 'static>(
            &self,
            act: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
        ) -> Result<T, SchedulerError> {
            Verbs::new(&self.0.shared).run_and_wake(Wake::Everything, |conn| conn.transaction(act)).await
        }
    }

    impl Scheduler {
        /// Sends a signal with a line in the audit log, both or none. Returns `true` if it is new.
        pub(crate) async fn signal_audited(
            &self,
            name: String,
            value: serde_json::Value,
            entry: NewAuditEntry,
        ) -> Result<bool, SchedulerError> {
            let send = move |conn: &mut Session<'_>| {
                conn.transaction(|conn| {
                    let is_new = jobs::signal(conn, &name, &value)?;
                    if is_new {
                        audit::add(conn, &entry)?;
                    }
                    Ok(is_new)
                })
            };
            Verbs::new(&self.0.shared).run_and_wake(Wake::ParentsEnded, send).await
        }
    }

    impl Schedules {
        /// Changes a schedule that was last changed at that time, with a line in the audit log, both or none. Returns `None` if
        /// it was changed later.
        pub(crate) async fn update_audited(
            &self,
            name: String,
            seen: DateTime<Utc>,
            changes: ScheduleChanges,
            entry: NewAuditEntry,
        ) -> Result<Option<ScheduleRow>, SchedulerError> {
            let known = Arc::clone(&self.verbs().shared().known);
            let is_judged = is_judged(&changes);
            let change = move |conn: &mut Session<'_>| {
                // A fire changes the row too, and then it is read again.
                for _ in 0..TRIES {
                    let change = conn.transaction(|conn| {
                        conn.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
                        if schedules::require(conn, &name)?.updated_at != seen {
                            return Ok(None);
                        }
                        let row = changed(conn, &name, &changes, &known)?;
                        audit::add(conn, &entry)?;
                        Ok(Some(row))
                    });
                    match change {
                        Err(error) if StoreError::is_outrun(&error) => {}
                        other => return other,
                    }
                }
                Ok(None)
            };
            let row = self.verbs().run(change).await?;
            Ok(if is_judged { row.map(warned) } else { row })
        }
    }

    impl Jobs {
        /// Adds a job with a line in the audit log, both or none, and returns its id.
        pub(crate) async fn insert_audited(
            &self,
            job: NewJob,
            entry: impl FnOnce(i64) -> NewAuditEntry + Send + 'static,
        ) -> Result<i64, SchedulerError> {
            let mut jobs = [job];
            self.verbs().shared().known.complete(&mut jobs)?;
            let insert = move |conn: &mut Session<'_>| {
                conn.transaction(|conn| {
                    let [job] = jobs;
                    let id = job.insert(conn)?;
                    audit::add(conn, &entry(id))?;
                    Ok(id)
                })
            };
            self.verbs().run_and_wake(Wake::Everything, insert).await
        }

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
