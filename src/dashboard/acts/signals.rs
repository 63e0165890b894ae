//! Sends signals to the jobs that wait for them.

use serde::Deserialize;
use serde_json::Value;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::link;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::{Visit, read};

/// The signal, and the page from which it is sent.
#[derive(Deserialize)]
pub(super) struct Of {
    pub(super) name: String,
    job: Option<i64>,
    workflow: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sent {
    value: String,
}

pub(super) async fn send(visit: &Visit, form: &str) -> Result<String, Failure> {
    let of: Of = visit.query()?;
    let Sent { value } = read(form)?;
    let value = Some(value.trim()).filter(|value| !value.is_empty()).unwrap_or("null");
    let value = serde_json::from_str(value)
        .map_err(|error| Failure::Invalid(format!("the value must be JSON: {error}")))?;
    if deliver(visit, of.name.clone(), value).await? {
        return Ok(of.after("signal-sent"));
    }
    let why = "The signal was sent before, and its first value stands.".to_owned();
    Err(Failure::NotDone { why, back: of.back() })
}

/// Sends a signal, with a line in the audit log, and returns whether it is new. The log has no value.
pub(in crate::dashboard) async fn deliver(
    visit: &Visit,
    name: String,
    value: Value,
) -> Result<bool, Failure> {
    let entry = visit.entry(Deed::SendSignal, "signal", &*name, "sent");
    Ok(visit.scheduler().signal_audited(name, value, entry).await?)
}

impl Of {
    /// The page from which it is sent.
    pub(super) fn back(&self) -> String {
        self.after("")
    }

    /// The address of the form.
    pub(super) fn action(&self) -> String {
        let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
        let (job, workflow) = (id(self.job), id(self.workflow));
        link(Deed::SendSignal.path(), &[("name", &self.name), ("workflow", &workflow), ("job", &job)])
    }

    fn after(&self, did: &str) -> String {
        let (page, id) = match (self.workflow, self.job) {
            (Some(id), _) => ("workflow", id.to_string()),
            (None, Some(id)) => ("job", id.to_string()),
            (None, None) => ("workflows", String::new()),
        };
        link(page, &[("id", &id), ("did", did)])
    }
}
