//! What a viewer sees of payloads. Redacted values go first; the application decides about the rest. So neither its closure nor a viewer
//! gets a value that no output shows.

use serde_json::Value;

use super::failure::Failure;
use super::visit::Visit;
use crate::scheduler::Redaction;
use crate::store::jobs::{Job, JobStatus};
use crate::store::schedules::ScheduleRow;

/// What a viewer sees of a payload.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Payload {
    /// With the mark in the place of redacted values.
    Shown(Value),
    /// By the application, or by default.
    Hidden,
    /// It may have redacted values, and this process does not know where.
    Redacted,
}

/// The payload of a job, for the form of another one.
pub(super) enum Copy {
    /// As it is stored.
    Whole(String),
    /// With the mark in the place of redacted values.
    Redacted { stored: String, shown: Value },
    /// The viewer does not see it as it is, or it has none any more.
    None,
}

impl Visit {
    /// What is known of the redacted values of these tasks. `None` if the application shows no payload: then nothing is read.
    pub(super) async fn redaction(
        &self,
        tasks: impl IntoIterator<Item = &str>,
    ) -> Result<Option<Redaction>, Failure> {
        match self.state.payloads {
            Some(_) => Ok(Some(self.scheduler().tasks().redaction(tasks).await?)),
            None => Ok(None),
        }
    }

    /// What this viewer sees of the payload of a job. `None` if there is none any more. What no viewer may see is not read at all.
    pub(super) async fn payload_of(&self, job: &Job) -> Result<Option<Payload>, Failure> {
        if matches!(job.state, JobStatus::Succeeded | JobStatus::Cancelled) {
            return Ok(None);
        }
        let redaction = self.redaction([&*job.task]).await?;
        if redaction.is_none() {
            return Ok(Some(Payload::Hidden));
        }
        let text = self.scheduler().jobs().payload(job.id).await?;
        let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(text.map(|text| self.payload(redaction.as_ref(), (&job.task, job.version), value(text))))
    }

    /// What this viewer sees of the payload of a schedule.
    pub(super) async fn payload_of_schedule(&self, row: &ScheduleRow) -> Result<Payload, Failure> {
        let redaction = self.redaction([&*row.task]).await?;
        Ok(self.payload(redaction.as_ref(), (&row.task, row.version), row.payload.clone()))
    }

    /// The payload of a job for the form of another one, if the application shows this viewer all but its redacted values.
    pub(super) async fn copy_of(&self, job: &Job) -> Result<Copy, Failure> {
        let Some(redaction) = self.redaction([&*job.task]).await? else { return Ok(Copy::None) };
        let Some(text) = self.scheduler().jobs().payload(job.id).await? else { return Ok(Copy::None) };
        let Ok(stored) = serde_json::from_str::<Value>(&text) else { return Ok(Copy::None) };
        let Some(shown) = redaction.shown(&job.task, stored.clone(), job.version) else {
            return Ok(Copy::None);
        };
        Ok(match self.payload(Some(&redaction), (&job.task, job.version), stored.clone()) {
            Payload::Shown(seen) if seen == stored => Copy::Whole(text),
            Payload::Shown(seen) if seen == shown => Copy::Redacted { stored: text, shown },
            Payload::Shown(_) | Payload::Hidden | Payload::Redacted => Copy::None,
        })
    }

    /// What this viewer sees of a payload of the task in this version. `None` as a version is the one of this process.
    pub(super) fn payload(
        &self,
        redaction: Option<&Redaction>,
        (task, version): (&str, Option<i32>),
        payload: Value,
    ) -> Payload {
        let (Some(redaction), Some(seen)) = (redaction, &self.state.payloads) else { return Payload::Hidden };
        match redaction.shown(task, payload, version) {
            Some(shown) => seen(&self.request, task, shown).map_or(Payload::Hidden, Payload::Shown),
            None => Payload::Redacted,
        }
    }
}
