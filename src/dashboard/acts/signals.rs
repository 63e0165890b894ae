//! Sends signals to the jobs that wait for them.

use serde::Deserialize;
use serde_json::Value;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
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
        match (self.workflow, self.job) {
            (Some(id), _) => links::workflow(id),
            (None, Some(id)) => links::job(id),
            (None, None) => "workflows".to_owned(),
        }
    }

    /// The address of the form.
    pub(super) fn action(&self) -> String {
        let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
        let (job, workflow) = (id(self.job), id(self.workflow));
        link(Deed::SendSignal.path(), &[("name", &self.name), ("workflow", &workflow), ("job", &job)])
    }

    fn after(&self, did: &str) -> String {
        let id = |id: i64| id.to_string();
        match (self.workflow, self.job) {
            (Some(of), _) => link("workflow", &[("id", &id(of)), ("did", did)]),
            (None, Some(of)) => link("job", &[("id", &id(of)), ("did", did)]),
            (None, None) => link("workflows", &[("did", did)]),
        }
    }
}
