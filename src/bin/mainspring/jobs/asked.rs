//! What a command asks for, and what became of the jobs.

use mainspring::jobs::{Act, ActResult, JobStatus, Reschedule};
use serde::Serialize;
use serde_json::{Value, json};

/// What is asked for.
pub(super) struct Asked {
    /// Its name for people.
    pub(super) verb: &'static str,
    pub(super) act: Act,
    /// The state of the jobs that it is for, where conditions name none.
    pub(super) usual_state: Option<JobStatus>,
}

/// How many jobs had one result.
#[derive(Serialize)]
pub(super) struct Counted {
    pub(super) result: ActResult,
    pub(super) jobs: u64,
}

impl Asked {
    pub(super) fn new(verb: &'static str, act: Act) -> Self {
        Self { verb, act, usual_state: None }
    }

    /// The path and the body of the API; `None` for what it does not offer.
    pub(super) fn request(&self, ids: &[i64]) -> Option<(&'static str, Value)> {
        match &self.act {
            Act::Retry(run_at) => Some(("retry-job", json!({"ids": ids, "run_at": run_at}))),
            Act::Cancel(reason) => Some(("cancel-job", json!({"ids": ids, "reason": reason}))),
            Act::Delete => Some(("delete-job", json!({"ids": ids}))),
            Act::Release => Some(("release-job", json!({"ids": ids}))),
            Act::Reschedule(changes) => {
                let mut body = fields(changes);
                body["ids"] = json!(ids);
                Some(("reschedule-job", body))
            }
            _ => None,
        }
    }

    pub(super) fn usually_for(mut self, state: JobStatus) -> Self {
        self.usual_state = Some(state);
        self
    }
}

/// Changes of jobs, as the API takes them.
pub(super) fn fields(changes: &Reschedule) -> Value {
    let Reschedule { run_at, priority, attempts, max_attempts, .. } = changes;
    json!({"run_at": run_at, "priority": priority, "attempts": attempts, "max_attempts": max_attempts})
}
