//! Batch handlers: the payload of the job is an array of entries. They are handled together, and each has its own result.
//! Only the failed entries are kept for the next attempt.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::context::JobContext;
use super::decode::{decode, payload_problem};
use super::handler::{AttemptOptions, Begin, JobFuture, StartedAttempt, TaskHandler};
use super::log_line::log_attempt;
use super::panics::CatchPanic;
use crate::job::Task;
use crate::job_error::{FailureKind, IntoBatchResult, JobError, JobResult};
use crate::text::one_line;

// A person does not read more reasons.
const MAX_REASONS: usize = 5;

/// An async function of the entries and the context.
pub(crate) struct Batch<E, F, Via> {
    function: F,
    types: PhantomData<fn() -> (E, Via)>,
}

impl<E, F, Via> Batch<E, F, Via> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, types: PhantomData }
    }
}

impl<E, F, Work, Via> Batch<E, F, Via>
where
    F: Fn(Vec<E>, JobContext) -> Work,
    Work: Future<Output: IntoBatchResult<Via>> + 'static,
{
    fn handle(&self, mut ledger: Ledger, entries: Vec<E>, job: JobContext) -> JobFuture {
        if entries.is_empty() {
            return Box::pin(std::future::ready(ledger.close()));
        }
        job.has_no_steps();
        let work = (self.function)(entries, job.clone());
        Box::pin(async move {
            let returned = CatchPanic(Box::pin(work)).await;
            ledger.enter(returned.map_err(JobError::from)?.into_batch_result()?, &job)?;
            ledger.close()
        })
    }
}

impl<E, F, Work, Via> TaskHandler for Batch<E, F, Via>
where
    E: Task + DeserializeOwned + 'static,
    F: Fn(Vec<E>, JobContext) -> Work + Send + Sync + 'static,
    Work: Future<Output: IntoBatchResult<Via>> + 'static,
    Via: 'static,
{
    fn start(&self, payload: &str, job: JobContext, _: &dyn Any) -> Result<StartedAttempt, JobError> {
        let mut ledger = Ledger::new(E::NAME, payload)?;
        let entries = ledger.decode(job.version());
        Ok(StartedAttempt { work: self.handle(ledger, entries, job), options: self.default_options() })
    }

    fn prepare(
        self: Arc<Self>,
        payload: &str,
        job: JobContext,
        _: Rc<dyn Any>,
    ) -> Result<(Begin, AttemptOptions), JobError> {
        let mut ledger = Ledger::new(E::NAME, payload)?;
        let entries = ledger.decode(job.version());
        let options = self.default_options();
        Ok((Box::new(move || self.handle(ledger, entries, job)), options))
    }

    fn default_options(&self) -> AttemptOptions {
        AttemptOptions::of::<E>()
    }
}

/// Returns what is wrong with the first bad entry of a payload that is to be stored.
pub(super) fn entries_problem<E: Task + DeserializeOwned>(payload: &str, version: i32) -> Option<String> {
    match Ledger::new(E::NAME, payload) {
        Ok(ledger) => ledger.entries.iter().find_map(|entry| payload_problem::<E>(entry.get(), version)),
        Err(error) => Some(error.to_string()),
    }
}

/// The entries of one attempt, and the result of each.
struct Ledger {
    task: &'static str,
    entries: Vec<Box<RawValue>>,
    /// Places of the entries that the handler got.
    given: Vec<usize>,
    failed: Vec<(usize, String)>,
    /// How many of them failed since the database was out of reach.
    out_of_reach: usize,
    /// How many of them are to be held.
    held: usize,
    delay: Option<Duration>,
}

impl Ledger {
    // A payload that is not an array is a batch of one entry.
    fn new(task: &'static str, payload: &str) -> Result<Self, JobError> {
        let entries = serde_json::from_str(payload)
            .or_else(|_| serde_json::from_str(payload).map(|one| vec![one]))
            .map_err(|error| format!("payload of the task `{task}` is no JSON: {error}"))?;
        Ok(Self {
            task,
            entries,
            given: Vec::new(),
            failed: Vec::new(),
            out_of_reach: 0,
            held: 0,
            delay: None,
        })
    }

    // An entry that does not fit is held alone, once the others are done.
    fn decode<E: Task + DeserializeOwned>(&mut self, version: i32) -> Vec<E> {
        let mut decoded = Vec::with_capacity(self.entries.len());
        for (place, entry) in self.entries.iter().enumerate() {
            match decode(entry.get(), version) {
                Ok(entry) => {
                    self.given.push(place);
                    decoded.push(entry);
                }
                Err(error) => {
                    self.held += 1;
                    self.failed.push((place, error.to_string()));
                }
            }
        }
        decoded
    }

    fn enter(&mut self, results: Vec<JobResult>, job: &JobContext) -> JobResult {
        let (got, expected) = (results.len(), self.given.len());
        if got != expected {
            let task = self.task;
            Err(format!(
                "the batch handler of `{task}` answered {got} results for {expected} entries: none counts"
            ))?;
        }
        for (place, result) in std::mem::take(&mut self.given).into_iter().zip(results) {
            if let Err(JobError(kind)) = result {
                self.enter_one(place, kind, job);
            }
        }
        Ok(())
    }

    fn enter_one(&mut self, place: usize, kind: FailureKind, job: &JobContext) {
        let task = one_line(self.task);
        self.out_of_reach +=
            usize::from(matches!(kind, FailureKind::OutOfReach(_) | FailureKind::PartlyOutOfReach { .. }));
        self.held += usize::from(matches!(kind, FailureKind::Hold(_) | FailureKind::PartlyHeld { .. }));
        let mut keep = |reason: String, delay: Option<Duration>| {
            self.failed.push((place, reason));
            self.delay = delay.map(|delay| self.delay.map_or(delay, |other| other.min(delay))).or(self.delay);
        };
        match kind {
            FailureKind::Failed(reason)
            | FailureKind::OutOfReach(reason)
            | FailureKind::PartlyFailed { error: reason, .. }
            | FailureKind::PartlyOutOfReach { error: reason, .. }
            | FailureKind::Hold(reason)
            | FailureKind::PartlyHeld { reason, .. } => keep(reason, None),
            FailureKind::RetryIn(delay, reason) => keep(reason, Some(delay)),
            FailureKind::Snooze(delay) => keep("snoozed".into(), Some(delay)),
            FailureKind::Cancel(reason) => {
                log_attempt!(Info, job; "entry {place} of a batch of `{task}` was cancelled: {}", one_line(reason))
            }
            FailureKind::Discard(reason) => {
                log_attempt!(Error, job; "entry {place} of a batch of `{task}` was discarded: {}", one_line(reason))
            }
        }
    }

    fn close(mut self) -> JobResult {
        if self.failed.is_empty() {
            return Ok(());
        }
        self.failed.sort_unstable_by_key(|(place, _)| *place);
        let (failed, all) = (self.failed.len(), self.entries.len());
        let told = self.failed.iter().take(MAX_REASONS);
        let reasons: Vec<String> = told.map(|(place, reason)| format!("entry {place}: {reason}")).collect();
        let kept: Vec<&RawValue> = self.failed.iter().map(|(place, _)| &*self.entries[*place]).collect();
        let payload = serde_json::to_string(&kept).map_err(|error| error.to_string())?;
        let error = format!("{failed} of {all} entries failed: {}", reasons.join("; "));
        Err(JobError(if self.out_of_reach == failed {
            FailureKind::PartlyOutOfReach { payload, error }
        } else if self.held == failed {
            FailureKind::PartlyHeld { payload, reason: error }
        } else {
            FailureKind::PartlyFailed { payload, error, delay: self.delay }
        }))
    }
}
