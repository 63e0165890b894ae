//! The published tasks of a running scheduler's database, from async code: the verbs of [`tasks`](mod@crate::tasks) on its
//! connections.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::handle::Scheduler;
use super::redaction::Redaction;
use super::verbs::Verbs;
use crate::error::SchedulerError;
use crate::store::tasks::{self, PublishedTask};

/// Reads what workers have published of their tasks. Returned by [`Scheduler::tasks`]. The functions of
/// [`tasks`](mod@crate::tasks) do the same on a connection of the caller.
///
/// Every method fails with [`SchedulerError::Stopped`] when the scheduler is stopped, and with
/// [`SchedulerError::Store`] as the function of the same name does.
///
/// ```no_run
/// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), mainspring::SchedulerError> {
/// for task in scheduler.tasks().list().await?.iter().filter(|task| task.workers == 0) {
///     println!("no worker knows {}, and {} jobs wait", task.name, task.ready);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tasks {
    verbs: Verbs,
}

impl Scheduler {
    /// Returns the handle to the tasks that workers have published.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        Tasks { verbs: Verbs::new(&self.0.shared) }
    }
}

#[expect(clippy::missing_errors_doc, reason = "the type documents the errors of all methods")]
impl Tasks {
    /// Returns the tasks by name; see [`tasks::list`].
    pub async fn list(&self) -> Result<Vec<PublishedTask>, SchedulerError> {
        self.verbs.run(|conn| tasks::list(conn)).await
    }

    /// Returns those of the tasks that no living worker knows; see [`tasks::unknown`].
    pub async fn unknown(&self, tasks: impl Into<Vec<String>>) -> Result<Vec<String>, SchedulerError> {
        let tasks = tasks.into();
        self.verbs.run(move |conn| tasks::unknown(conn, &tasks)).await
    }

    /// Returns a payload of the task as it may be shown to people: `"[redacted]"` stands in the place of each
    /// [`Redacted`](crate::Redacted) value, and of what the type does not read beside them. `None` means that nothing may be shown:
    ///
    /// - the type has redacted values and cannot read the payload, or
    /// - this process has no handler for the task, and no worker has published that its type has no redacted values.
    ///
    /// The dashboard shows payloads so. It is for pages of an application's own:
    ///
    /// ```no_run
    /// # async fn example(scheduler: mainspring::Scheduler) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Some(payload) = scheduler.jobs().payload(4711).await? {
    ///     let shown = scheduler.tasks().redact("login", serde_json::from_str(&payload)?).await?;
    ///     println!("{}", shown.map_or("hidden".to_owned(), |shown| shown.to_string()));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn redact(
        &self,
        task: impl Into<String>,
        payload: Value,
    ) -> Result<Option<Value>, SchedulerError> {
        let task = task.into();
        Ok(self.redaction([task.as_str()]).await?.shown(&task, payload, None))
    }

    /// Returns what is known of the redacted values of these tasks.
    pub(crate) async fn redaction(
        &self,
        tasks: impl IntoIterator<Item = &str>,
    ) -> Result<Redaction, SchedulerError> {
        let known = Arc::clone(&self.verbs.shared().known);
        let mut asked: Vec<String> =
            tasks.into_iter().filter(|task| !known.has(task)).map(str::to_owned).collect();
        asked.sort_unstable();
        asked.dedup();
        if asked.is_empty() {
            return Ok(Redaction::new(known, Vec::new()));
        }
        let unredacted = self.verbs.run(move |conn| tasks::unredacted(conn, &asked)).await?;
        Ok(Redaction::new(known, unredacted))
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tasks")
    }
}
