//! Where a workflow stands, as the view `workflows_view` says.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a workflow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkflowState {
    /// A job runs, or will run without an act of a person.
    Running,
    /// All jobs that are left wait for signals, or for jobs that do not belong to it.
    Waiting,
    /// A job is dead, or was cancelled while another one is held by it, and no job can run: a person is to act.
    Failed,
    /// All jobs have ended, and none is dead.
    Finished,
}

impl WorkflowState {
    /// Returns the name as the database has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Finished => "finished",
        }
    }
}

impl fmt::Display for WorkflowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
