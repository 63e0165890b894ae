//! One request that may read: what it may do, and what it asks for.

use std::sync::Arc;

use actix_web::error::QueryPayloadError;
use actix_web::{HttpRequest, web};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::access::{Right, Rights};
use super::failure::Failure;
use super::routes::Deed;
use super::several::Several;
use super::state::State;
use crate::scheduler::Scheduler;
use crate::store::audit::NewAuditEntry;
use crate::store::operations::Operation;
use crate::store::workflows::pages::ListedWorkflow;

pub(super) struct Visit {
    pub(super) several: Arc<Several>,
    /// The scheduler that the request is about.
    pub(super) state: Arc<State>,
    pub(super) request: HttpRequest,
    pub(super) rights: Rights,
    /// Who asks, for the audit log.
    pub(super) who: Arc<str>,
    pub(super) now: DateTime<Utc>,
    /// What was known of the version of all pages before this one was read; see [`State::last_version`].
    pub(super) version: Option<String>,
}

impl Visit {
    pub(super) fn scheduler(&self) -> &Scheduler {
        &self.state.scheduler
    }

    pub(super) fn may(&self, right: Right) -> bool {
        self.rights.permit(right)
    }

    /// The line of the audit log for a deed of this viewer.
    pub(super) fn entry(
        &self,
        deed: Deed,
        kind: &str,
        subject: impl Into<String>,
        result: &str,
    ) -> NewAuditEntry {
        NewAuditEntry::new(&*self.who, deed.path(), kind, subject, result)
    }

    /// Returns an operation, or that there is none.
    pub(super) async fn operation(&self, id: i64) -> Result<Operation, Failure> {
        let found = self.scheduler().operation(id).await?;
        found.ok_or_else(|| Failure::NotFound(format!("There is no operation {id}.")))
    }

    /// Returns a workflow as its page shows it, or that there is none.
    pub(super) async fn workflow(&self, id: i64) -> Result<ListedWorkflow, Failure> {
        let found = self.scheduler().workflows().one(id).await?;
        found.ok_or_else(|| Failure::NotFound(format!("There is no workflow {id}.")))
    }

    /// The query of the address.
    pub(super) fn query<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        read(self.request.query_string())
    }
}

/// Reads a query, or a form, which has the same form.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    match web::Query::<T>::from_query(text) {
        Ok(query) => Ok(query.into_inner()),
        // The words of the deserializer alone.
        Err(QueryPayloadError::Deserialize(error)) => Err(Failure::Invalid(error.to_string())),
        Err(error) => Err(Failure::Invalid(error.to_string())),
    }
}
