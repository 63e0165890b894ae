//! What is known of the redacted values of some tasks, for those who show payloads: by the types of this process's handlers, and
//! otherwise by what workers have published.

use std::sync::Arc;

use serde_json::Value;

use crate::job::KnownTasks;

/// What is known of the redacted values of some tasks.
pub(crate) struct Redaction {
    known: Arc<KnownTasks>,
    /// Tasks without a handler here, whose payloads have no redacted values.
    unredacted: Vec<String>,
}

impl Redaction {
    pub(super) fn new(known: Arc<KnownTasks>, unredacted: Vec<String>) -> Self {
        Self { known, unredacted }
    }

    /// Returns what may be shown of a payload of the task, if anything. `None` as its version is the one here.
    pub(crate) fn shown(&self, task: &str, payload: Value, version: Option<i32>) -> Option<Value> {
        if self.known.has(task) {
            return self.known.shown(task, &payload, version);
        }
        self.unredacted.iter().any(|unredacted| unredacted == task).then_some(payload)
    }
}
