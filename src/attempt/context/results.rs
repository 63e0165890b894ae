//! What a job gives to those that come after it, and gets from those before it.

use std::any::type_name;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::JobContext;
use crate::attempt::log_line::log_attempt;
use crate::attempt::misfit::{Unread, read};
use crate::attempt::outcome::JobOutcome;
use crate::error::StoreError;
use crate::job_error::{JobError, JobResult, JobValue};
use crate::lock::lock;
use crate::store::Session;
use crate::store::results::parents_of;
use crate::store::waits::signal_value;
use crate::text::one_line;

/// How many parents one statement reads, each with up to 1 MiB.
const PAGE: i64 = 100;

impl JobContext {
    /// Sets the result of the job, which is kept if this attempt succeeds. What the handler itself returns takes its place, unless that
    /// is `()`.
    ///
    /// It is for handlers that return no value, and for [`transaction`](Self::transaction). A result that is set in there is stored
    /// with the effect, and no later one is:
    ///
    /// ```
    /// use mainspring::{JobContext, JobResult};
    ///
    /// # struct Order;
    /// async fn invoice(_: Order, job: JobContext) -> JobResult {
    ///     let within = job.clone();
    ///     job.transaction(move |conn| {
    ///         let number: i64 = next_number(conn)?;
    ///         within.set_result(&number)
    ///     })
    ///     .await
    /// }
    /// # fn next_number(_: &mut mainspring::Session<'_>) -> Result<i64, mainspring::StoreError> { Ok(7) }
    /// # let _ = invoice;
    /// ```
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON, or has more than 1 MiB.
    pub fn set_result<T: Serialize>(&self, value: &T) -> Result<(), JobError> {
        *lock(&self.0.result) = JobValue::of(value)?.into_json();
        Ok(())
    }

    /// Keeps what the handler has returned.
    pub(crate) fn keep(&self, value: JobValue) -> JobResult {
        let Some(json) = value.into_json() else { return Ok(()) };
        if self.is_completed() {
            let (id, task) = (self.id(), one_line(self.task()));
            log_attempt!(Warn, self;
                "job {id} `{task}` returned a value after the transaction that completed it, which is not kept: call \
                 `set_result` in the transaction"
            );
            return Ok(());
        }
        *lock(&self.0.result) = Some(json);
        Ok(())
    }

    /// Returns the result that was set last, as JSON. A transaction that stores it may be rolled back, and tried again.
    pub(super) fn result(&self) -> Option<Arc<[u8]>> {
        lock(&self.0.result).clone()
    }

    /// Takes the result that was set or returned last, as JSON.
    pub(crate) fn take_result(&self) -> Option<Arc<[u8]>> {
        lock(&self.0.result).take()
    }

    /// Returns how the jobs have ended that this one has waited for, with what their handlers have returned, in the order of their
    /// ids. It uses a connection as [`connection`](Self::connection) does, for 100 parents at a time.
    ///
    /// A parent did not succeed if it is one with [`OnFailure::Run`](crate::OnFailure::Run), or if the job was released by hand.
    ///
    /// ```
    /// use mainspring::{JobContext, JobError};
    ///
    /// # struct AddUp;
    /// async fn add_up(_: AddUp, job: JobContext) -> Result<u64, JobError> {
    ///     let mut sum = 0;
    ///     for parent in job.parents().await? {
    ///         sum += parent.value::<u64>()?;
    ///     }
    ///     Ok(sum)
    /// }
    /// # let _ = add_up;
    /// ```
    ///
    /// # Errors
    ///
    /// When the database refuses, or is out of reach.
    pub async fn parents(&self) -> Result<Vec<JobOutcome>, StoreError> {
        let (child, mut all) = (self.id(), Vec::new());
        loop {
            let after = all.last().map_or(0, |parent: &JobOutcome| parent.id);
            let page = move |conn: &mut Session<'_>| parents_of(conn, child, after, PAGE);
            let page = self.shared().store.run_for_handler(page).await??;
            let is_last = (page.len() as i64) < PAGE;
            all.extend(page.into_iter().map(JobOutcome::of_parent));
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Returns the value of a signal, or `None` if it was not sent. A job that has waited for it by
    /// [`Wait::signal`](crate::Wait::signal) finds it here.
    ///
    /// # Errors
    ///
    /// When the value does not fit the type, or the database refuses, or is out of reach.
    pub async fn signal<T: DeserializeOwned>(&self, name: impl Into<String>) -> Result<Option<T>, JobError> {
        let name = name.into();
        let asked = name.clone();
        let look = move |conn: &mut Session<'_>| signal_value(conn, &asked);
        let Some(json) = self.shared().store.run_for_handler(look).await?? else { return Ok(None) };
        read(json.as_bytes()).map(Some).map_err(|unread| match (unread, one_line(&name)) {
            (Unread::Misfit(fault), name) => {
                let wanted = type_name::<T>();
                JobError::from(format!("the value of signal `{name}` does not fit `{wanted}`{fault}"))
            }
            #[cfg(feature = "sealed")]
            (Unread::NotOpened(problem), name) => {
                JobError::hold(format!("the value of signal `{name}` cannot be opened: {problem}"))
            }
        })
    }
}
