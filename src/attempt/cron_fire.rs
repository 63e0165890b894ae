//! What cron adds to the payload of a job.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The fire that added a job, as the job's payload carries it in `_cron`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct CronFire {
    /// When the fire was due: `_cron.ts` of the payload.
    #[serde(rename = "ts")]
    pub due_at: DateTime<Utc>,
    /// Whether the job was added late, to make up for a fire that was missed.
    pub backfilled: bool,
}

#[derive(Deserialize)]
struct FiredPayload {
    #[serde(rename = "_cron")]
    cron: Option<CronFire>,
}

impl CronFire {
    /// Reads the fire of a job. A batch that cron added is an object at first, and an array of what failed afterwards.
    pub(super) fn of_job(payload: &str) -> Option<Self> {
        if !payload.contains("\"_cron\"") {
            return None;
        }
        match serde_json::from_str::<Vec<&RawValue>>(payload) {
            Ok(entries) => entries.into_iter().find_map(|entry| Self::of_payload(entry.get())),
            Err(_) => Self::of_payload(payload),
        }
    }

    /// Reads the fire from a payload. Returns `None` for a job that was added otherwise.
    pub(super) fn of_payload(payload: &str) -> Option<Self> {
        // An array is no object, although it would be read as the fields in their order.
        let is_object = payload.trim_start().starts_with('{');
        is_object.then(|| serde_json::from_str::<FiredPayload>(payload).ok()?.cron).flatten()
    }
}
